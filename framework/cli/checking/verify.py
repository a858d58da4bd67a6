"""whygrok verify: claims of the theory, predicted beside measured."""

import dataclasses
import json
import logging
import math
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framework.cli import Parser
from framework.cli.answers import answer, text_width
from framework.cli.overrides import parse_with_config
from framework.cli.plugins import load_plugins
from framework.config import SCALES, named_scale
from framework.errors import one_of
from framework.fields import fields_of

if TYPE_CHECKING:
    from framework.evidence import CheckedClaim
    from framework.interfaces import Row

EXAMPLES = """\
  whygrok verify                                  every claim, at sizes that take a minute
  whygrok verify fourier_construction kernel      by name, or by tag
  whygrok verify max_margin p=7 steps=5000        at other sizes
  whygrok verify --scale=laptop --json
  whygrok verify --scale=laptop --report=verify.html    one page with the rows and their pictures
"""

log = logging.getLogger("whygrok")


def main(arguments: Sequence[str]) -> int:
    """Prints a table, or JSON; returns 0 where every row is as expected, else 1."""
    parser = Parser("verify", EXAMPLES)
    parser.add_argument("claims", nargs="*", metavar="CLAIM", help="names or tags, by default all; FIELD=VALUE where one claim is named")
    parser.add_argument("--scale", type=named_scale, metavar=one_of(SCALES), default="smoke", help="how large: a minute, minutes, or hours")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything that is drawn at random")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--report", metavar="FILE.html", help="also write a page with rows, notes and pictures, which takes a little longer"
    )
    options, changes = parse_with_config(parser, arguments)
    if options.report and Path(options.report).suffix != ".html":
        parser.error(f"--report={options.report}: the report is a page; end it in .html")
    if options.seed < 0:
        parser.error(f"--seed={options.seed}: a seed is a whole number from 0 on")
    from framework.evidence import check_claim, chosen_claims, summary  # after the arguments are read: JAX is not imported for --help
    from framework.evidence.page import Page
    from framework.run import start_backend

    load_plugins(options.config, changes)
    start_backend()
    fields = fields_of([word for word in options.claims if "=" in word])
    entries, found = chosen_claims([word for word in options.claims if "=" not in word]), []
    if fields and len(entries) != 1:
        parser.error(f"{next(iter(fields))}=…: fields belong to one claim; name it, as in whygrok verify max_margin p=7")
    page = Page(Path(options.report), options.scale, options.seed, of=len(entries)) if options.report else None
    for number, entry in enumerate(entries, 1):
        log.info("%d of %d: %s", number, len(entries), entry.name)
        found.append(check_claim(entry, options.scale, options.seed, page is not None, fields))
        if page:
            page.add(found[-1])
        if not options.json:
            answer("\n".join(_text(found[-1])))
    if options.json:
        answer(json.dumps([_json(one.verdict.claim, row) for one in found for row in one.verdict.rows], indent=2))
    else:
        answer(summary(found, options.scale))
    return 0 if all(one.verdict.seen for one in found) else 1


def _json(claim: str, row: "Row") -> dict[str, Any]:
    plain = dataclasses.asdict(row)
    numbers = {name: _number(plain[name]) for name in ("predicted", "measured", "tolerance")}
    return {"claim": claim, **plain, **numbers, "holds": row.holds}


def _number(value: Any) -> float | int | None:
    """A plain number; None where JSON has no such number."""
    value = value.item() if hasattr(value, "item") else value
    return value if math.isfinite(value) else None


def _text(checked: "CheckedClaim") -> list[str]:
    width = max(text_width(sys.maxsize), 100)
    head = f"{checked.entry.name}   {checked.entry.summary}"
    lines = textwrap.wrap(head, width, subsequent_indent="    ")
    longest = max((len(row.quantity) for row in checked.verdict.rows), default=0)
    for row in checked.verdict.rows:
        tolerance = f" ± {row.tolerance:.1g}" if row.tolerance else ""
        numbers = f"predicted {row.relation:2} {row.predicted:<11.6g} measured {row.measured:<11.6g}{tolerance:9}"
        lines.append(f"  {row.quantity:{longest}}  {numbers} {row.judgement}")
    if checked.claim.note:
        lines += textwrap.wrap(checked.claim.note, width, initial_indent="  note: ", subsequent_indent="        ")
    return [*lines, ""]
