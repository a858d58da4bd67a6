"""The report of `whygrok verify`: one page, with its pictures and numbers inside, that needs no network."""

import base64
import dataclasses
from html import escape
from pathlib import Path

from framework.evidence.claims import CheckedClaim, summary
from framework.interfaces import Row
from framework.pictures import Panel, as_csv, svg_of
from framework.storage import make_folder, write_atomically

STYLE = """\
:root { color-scheme: light dark; --ink: #222; --page: #fff; --line: #ddd; --link: #1f5fa8; --faint: #555; --amber: #6b5900;
  --red: #a31621 }
@media (prefers-color-scheme: dark) {
:root { --ink: #e6e6e6; --page: #16181c; --line: #3a3f47; --link: #7db4f0; --faint: #a9adb5; --amber: #d9b84a; --red: #ff8a8a } }
@media print { :root { color-scheme: light; --ink: #000; --page: #fff; --line: #ddd; --faint: #444 } }
body { font: 16px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--page) }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin: 2.5rem 0 .3rem } h2 code { font-size: 1.1rem }
nav { columns: 15rem; margin: 1rem 0 } nav a { display: block; text-decoration: none } nav a.bad { font-weight: bold }
a { color: var(--link) }
.rows { overflow-x: auto } table { border-collapse: collapse; font-size: .85rem; width: 100% }
th { text-align: left; font-weight: 600 } td, th { padding: .2rem .7rem .2rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.control { color: var(--amber) } .bad { color: var(--red); font-weight: bold } .note { border-left: 3px solid #a8841f; padding-left: .8rem }
figure { margin: 1.2rem 0 } img { max-width: 100%; height: auto; background: #fff; border-radius: 4px }
figcaption { font-size: .85rem } .sizes { color: var(--faint); font-size: .85rem }
"""
INTRODUCTION = (
    "Each row has a number that the theory predicts and one that was measured without using it. Some rows should fail: "
    "controls, and statements misprinted in the paper. Such a row counts as correct when it fails. "
    "The column ± says how far apart the two may be."
)


class Page:
    """A page that is rewritten after every claim: if you stop the command, it shows what was checked so far."""

    def __init__(self, file: Path, scale: str, seed: int, of: int) -> None:
        """Writes a page without claims, so that an unwritable place is reported before any work is done.

        of: how many claims there will be. Raises StorageError.
        """
        self.file, self.scale, self.seed, self.of = file, scale, seed, of
        self.found: list[CheckedClaim] = []
        self.sections: list[str] = []
        make_folder(file.parent)
        write_atomically(file, self.html())

    def add(self, checked: CheckedClaim) -> None:
        """Adds one claim and rewrites the page."""
        self.found.append(checked)
        self.sections.append(section_html(checked))
        write_atomically(self.file, self.html())

    def html(self) -> str:
        """The whole page."""
        checked, said = len(self.found), escape(summary(self.found, self.scale))
        unfinished = f"<p class=bad>Only {checked} of {self.of} claims were checked.</p>" if checked < self.of else ""
        return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>whygrok verify</title>
<style>
{STYLE}</style></head>
<body>
<h1>Claims of the theory, predicted beside measured</h1>
<p>{said}, seed {self.seed}.</p>{unfinished}
<p>{INTRODUCTION}</p>
<nav>
{"".join(map(link_html, self.found))}</nav>
{"".join(self.sections)}</body></html>
"""


def link_html(checked: CheckedClaim) -> str:
    """A link to the section of a claim, with a mark that says whether all is as expected."""
    mark, kind = ("✓", "") if checked.verdict.seen else ("✗", " class=bad")
    name = escape(checked.entry.name, quote=True)
    return f'<a href="#{name}"{kind}>{mark} {name}</a>\n'


def section_html(checked: CheckedClaim) -> str:
    """The section of a claim: what it says, its rows, its note on the print, its charts."""
    claim, name = checked.claim, escape(checked.entry.name, quote=True)
    sizes = ", ".join(f"{field.name} = {getattr(claim, field.name)}" for field in dataclasses.fields(claim))
    note = f"<p class=note>{escape(claim.note)}</p>\n" if claim.note else ""
    made = f"At {sizes}; {checked.seconds:.1f} s. Tags: {', '.join(claim.tags)}."
    heads = "<th>quantity<th class=number>predicted<th class=number>measured<th>±<th>verdict"
    return f"""<section id="{name}">
<h2><code>{name}</code></h2>
<p>{escape(checked.entry.summary)}</p>
<div class=rows><table><tr>{heads}</tr>
{"".join(map(row_html, checked.verdict.rows))}</table></div>
{note}{"".join(map(chart_html, checked.charts))}<p class=sizes>{escape(made)}</p>
</section>
"""


def row_html(row: Row) -> str:
    """A row of the table: quantity, relation and prediction, measurement, tolerance, verdict."""
    kind = "bad" if not row.as_expected else "" if row.expected_to_hold else "control"
    relation = {"=": "", "<=": "≤ ", ">=": "≥ "}[row.relation]
    tolerance = f"{row.tolerance:.1g}" if row.tolerance else ""
    numbers = f"<td class=number>{relation}{row.predicted:.6g}<td class=number>{row.measured:.6g}<td>{tolerance}"
    return f'<tr><td>{escape(row.quantity)}{numbers}<td class="{kind}">{row.judgement}</tr>\n'


def chart_html(chart: Panel) -> str:
    """The picture of a chart, and its numbers as a file to save."""
    picture, table = (_data_address(kind, text) for kind, text in (("image/svg+xml", svg_of(chart)), ("text/csv", as_csv([chart]))))
    title = escape(chart.title, quote=True)
    link = f'<a download="{title}.csv" href="{table}">numbers</a>'
    return f'<figure><img src="{picture}" alt="{title}"><figcaption>{link}</figcaption></figure>\n'


def _data_address(kind: str, text: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(text.encode()).decode()}"
