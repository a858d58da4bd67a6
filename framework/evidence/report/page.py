"""One page with everything inside: styles, scripts, data, pictures. It asks the network for nothing, and runs no script but these.

What comes from a run is text: escaped in HTML, escaped in the data, and put into the page as text by the script. Beyond that the page
itself allows only those scripts whose digests it names, so that a run from a stranger could not run code even where one were forgotten.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from framework.evidence.report.library import scripts
from framework.storage import read_text

BROWSER = Path(__file__).parent / "browser"
OURS = ("charts.js", "films.js", "sweeps.js", "collapse.js", "page.js")
HELP = """A chart: drag to zoom, or focus it and use the arrow keys, + and −, and 0 for all of it; its buttons switch the axes;
click on a name in its legend to hide that line."""


@dataclass(frozen=True)
class Part:
    """A section of a page: a title, HTML that is escaped already, and the data of its charts by their names."""

    title: str
    html: str
    data: Mapping[str, Any] = field(default_factory=dict)


def page_html(title: str, chapters: Sequence[Sequence[Part]]) -> str:
    """The whole page. Each chapter begins with a part that has a heading of its own; the others stand below it."""
    data = {name: one for parts in chapters for part in parts for name, one in part.data.items()}
    code = [*(scripts() if data else ()), *(read_text(BROWSER / name) for name in OURS)]
    sections, links = [], []
    for number, parts in enumerate(chapters):
        for place, part in enumerate(parts):
            name, level = f"part-{number}-{place}", 3 if place else 2
            links.append(f'<a href="#{name}" class=level{level}>{escape(part.title)}</a>')
            sections.append(f'<section id="{name}"><h{level}>{escape(part.title)}</h{level}>{part.html}</section>')
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; script-src {' '.join(map(digest, code))}"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="color-scheme" content="light dark"><title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{read_text(BROWSER / "page.css")}</style></head>
<body>
<a class=skip href="#main">To the report</a>
<header><h1>{escape(title)}</h1><button type=button id=theme>Dark</button></header>
<nav aria-label="Parts of this report">{"".join(links)}</nav>
<main id=main tabindex=-1>{f'<p class="help screen">{escape(HELP)}</p>' if data else ""}{"".join(sections)}</main>
<noscript><p>The charts of this page need JavaScript; the words, tables and pictures do not.</p></noscript>
<script type="application/json" id=data>{json_in_html(data)}</script>
{"".join(f"<script>{text}</script>" for text in code)}
</body></html>
"""


def json_in_html(data: Any) -> str:
    """JSON that may stand inside a script: no text in it can end the script or begin another."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def digest(script: str) -> str:
    """A script as a content security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def attribute(text: str) -> str:
    """Text inside double quotes."""
    return escape(text, quote=True)


def figure_html(name: str, title: str) -> str:
    """The place of a chart or a film, which the script fills from the data of that name."""
    return f'<figure class=chart data-chart="{attribute(name)}"><figcaption>{escape(title)}</figcaption></figure>'


def table_html(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of text."""
    top = "".join(f"<th scope=col>{escape(head)}</th>" for head in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<div class=table tabindex=0><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>" if rows else "<p>none</p>"
