"""Values and small tables, as HTML for notebooks: in the colours of the page around them, and no word in them is code."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

MOST = 100  # rows that are shown
LONGEST = 200  # characters of a cell
CELL = "padding:.15em .7em;border-top:1px solid rgba(128,128,128,.35);vertical-align:top"


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table with a title. Numbers stand on the right; None is a dash."""
    rows = list(rows)
    heads = "".join(f'<th style="{CELL};border-top:0;text-align:left">{escape(name)}</th>' for name in head)
    lines = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows[:MOST])
    more = f"<div>and {len(rows) - MOST:,} more</div>" if len(rows) > MOST else ""
    style = "border-collapse:collapse;color:inherit;background:transparent;font-variant-numeric:tabular-nums"
    top = f"<thead><tr>{heads}</tr></thead>" if any(head) else ""
    body = f'<table style="{style}">{top}<tbody>{lines}</tbody></table>'
    return f'<div style="overflow-x:auto"><strong>{escape(title)}</strong>{body}{more}</div>'


def shown(value: Any) -> str:
    """A value in few characters."""
    if value is None or value == "":
        return "–"
    if isinstance(value, float):
        return f"{value:.5g}"
    text = ", ".join(map(shown, value)) if isinstance(value, tuple | list) else str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _cell(value: Any) -> str:
    side = "right" if isinstance(value, int | float) and not isinstance(value, bool) else "left"
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else shown(value)
    return f'<td style="{CELL};text-align:{side}">{escape(text)}</td>'
