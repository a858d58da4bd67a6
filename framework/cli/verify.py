"""whygrok verify: claims of the theory, predicted beside measured."""

import dataclasses
import json
import logging
import math
import shutil
import textwrap
import time
from collections.abc import Sequence
from typing import Any

from framework import registry
from framework.cli import Parser
from framework.cli.listing import load_plugins
from framework.cli.overrides import parse_with_config
from framework.errors import UserError, did_you_mean, one_of
from framework.interfaces import Claim, Row

EXAMPLES = """\
  whygrok verify                                  every claim, at the size of a minute
  whygrok verify fourier_construction kernel      by name, or by tag
  whygrok verify --scale=laptop --json
"""
SCALES = ("smoke", "laptop", "full")

log = logging.getLogger("whygrok")


def main(arguments: Sequence[str]) -> int:
    """Prints a table, or JSON as contract.md describes; returns 0 where every row is as expected, else 1."""
    parser = Parser("verify", EXAMPLES)
    parser.add_argument("claims", nargs="*", help="names or tags; all claims where none is given")
    parser.add_argument("--scale", choices=SCALES, default="smoke", help="how large: a minute, a quarter of an hour, hours")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn")
    parser.add_argument("--json", action="store_true", help="as JSON")
    options, changes = parse_with_config(parser, arguments)
    load_plugins(options.config, changes)
    entries = _chosen(options.claims)
    start, rows, expected = time.monotonic(), [], True
    for number, entry in enumerate(entries, 1):
        log.info("%d of %d: %s", number, len(entries), entry.name)
        claim: Claim = registry.build("claim", entry.name, **entry.cls.scales.get(options.scale, {}))  # type: ignore[attr-defined]
        found = claim.check(options.seed)
        expected &= all(row.as_expected for row in found)
        rows += [_json(entry.name, row) for row in found]
        if not options.json:
            print("\n".join(_text(entry, claim, found)), flush=True)
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        count = sum(row["holds"] == row["expected_to_hold"] for row in rows)
        print(f"{count} of {len(rows)} rows as expected; {len(entries)} claims, {time.monotonic() - start:.0f} s at scale {options.scale}")
    return 0 if expected else 1


def _chosen(words: Sequence[str]) -> list[registry.Entry]:
    """The claims that have one of these names or tags."""
    entries = registry.entries("claim")
    names, tags = [entry.name for entry in entries], sorted({tag for entry in entries for tag in _tags(entry)})
    for word in words:
        if word not in names and word not in tags:
            hint = did_you_mean(word, [*names, *tags])
            raise UserError(f"there is no claim, and no tag, {word!r}.{hint} Claims: {one_of(names)}. Tags: {one_of(tags)}.")
    return [entry for entry in entries if not words or entry.name in words or set(_tags(entry)) & set(words)]


def _tags(entry: registry.Entry) -> tuple[str, ...]:
    return entry.cls.tags  # type: ignore[attr-defined]


def _json(claim: str, row: Row) -> dict[str, Any]:
    plain = dataclasses.asdict(row)
    numbers = {name: _number(plain[name]) for name in ("predicted", "measured", "tolerance")}
    return {"claim": claim, **plain, **numbers, "holds": row.holds}


def _number(value: Any) -> float | int | None:
    """A plain number; None for what JSON does not have."""
    value = value.item() if hasattr(value, "item") else value
    return value if math.isfinite(value) else None


def _text(entry: registry.Entry, claim: Claim, rows: list[Row]) -> list[str]:
    width = max(shutil.get_terminal_size().columns, 100)
    lines = [f"{entry.name}   {entry.summary}"[:width]]
    longest = max(len(row.quantity) for row in rows)
    for row in rows:
        verdict = "holds" if row.holds else "does not hold"
        verdict += "" if row.as_expected else ", NOT AS EXPECTED" if row.expected_to_hold else ", AND SHOULD NOT"
        verdict += ", as expected" if row.as_expected and not row.expected_to_hold else ""
        tolerance = f" ± {row.tolerance:.1g}" if row.tolerance else ""
        numbers = f"predicted {row.relation:2} {row.predicted:<11.6g} measured {row.measured:<11.6g}{tolerance:9}"
        lines.append(f"  {row.quantity:{longest}}  {numbers} {verdict}")
    if claim.note:
        lines += textwrap.wrap(claim.note, width, initial_indent="  note: ", subsequent_indent="        ")
    return [*lines, ""]
