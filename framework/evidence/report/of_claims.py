"""What the report of `whygrok verify --json` shows: its rows, claim by claim."""

import math
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from framework.errors import UserError
from framework.evidence.page import INTRODUCTION, row_html
from framework.evidence.report.page import Part
from framework.interfaces import Row
from framework.storage import read_json

HEADS = "<th scope=col>quantity<th scope=col class=number>predicted<th scope=col class=number>measured<th scope=col>±<th scope=col>verdict"


def rows_in(file: Path) -> list[tuple[str, Row]]:
    """(claim, row) of each row in a file that `whygrok verify --json` printed. Raises UserError for another file."""
    try:
        content = read_json(file)
        return [(str(plain["claim"]), _row(plain)) for plain in content]
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, LookupError, TypeError, RecursionError):
        raise UserError(f"{file} holds no rows of claims; write one with: whygrok verify --json > {file.name}") from None


def claim_parts(file: Path, title: str) -> list[Part]:
    """The parts of the page on a file of rows."""
    rows = rows_in(file)
    good = sum(row.as_expected for _, row in rows)
    claims = {name: [row for _, row in group] for name, group in groupby(rows, key=lambda one: one[0])}
    said = f"{good} of {len(rows)} rows as expected, of {len(claims)} claim{'' if len(claims) == 1 else 's'}."
    parts = [Part(title, f"<p>{escape(said)}</p><p>{escape(INTRODUCTION)}</p>")]
    for name, group in claims.items():
        body = "".join(map(row_html, group))
        parts.append(Part(name, f"<div class=table tabindex=0><table><thead><tr>{HEADS}</thead><tbody>{body}</tbody></table></div>"))
    return parts


def _row(plain: dict[str, Any]) -> Row:
    numbers = {name: _number(plain[name]) for name in ("predicted", "measured", "tolerance")}
    relation = plain["relation"]
    if relation not in ("=", "<=", ">="):
        raise ValueError(relation)
    return Row(str(plain["quantity"]), **numbers, relation=relation, expected_to_hold=bool(plain["expected_to_hold"]))


def _number(value: Any) -> float:
    """A number; NaN where the file has null."""
    return math.nan if value is None else float(value)
