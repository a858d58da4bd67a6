"""Checks claims: which ones, at which sizes, and with what outcome."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from framework import registry
from framework.errors import UserError, did_you_mean, one_of
from framework.interfaces import Claim, Verdict
from framework.pictures import Panel


@dataclass(frozen=True)
class CheckedClaim:
    """A claim, the verdict on it, and its charts where they were asked for. seconds: wall time in total."""

    entry: registry.Entry
    claim: Claim
    verdict: Verdict
    charts: list[Panel]
    seconds: float


def chosen_claims(words: Sequence[str]) -> list[registry.Entry]:
    """The claims that have one of these names or tags; all where none is given. Raises UserError for an unknown one."""
    entries = registry.entries("claim")
    names, tags = [entry.name for entry in entries], sorted({tag for entry in entries for tag in _tags(entry)})
    for word in words:
        if word not in names and word not in tags:
            hint = did_you_mean(word, [*names, *tags])
            raise UserError(f"there is no claim or tag {word!r}.{hint} Claims: {one_of(names)}. Tags: {one_of(tags)}.")
    return [entry for entry in entries if not words or entry.name in words or set(_tags(entry)) & set(words)]


def check_claim(
    entry: registry.Entry, scale: str, seed: int, with_charts: bool = False, fields: Mapping[str, Any] | None = None
) -> CheckedClaim:
    """Checks a claim at the sizes of a scale, except for the fields that are given."""
    start = time.monotonic()
    sizes = entry.cls.scales.get(scale, {})  # type: ignore[attr-defined]
    claim: Claim = registry.build("claim", entry.name, **{**sizes, **(fields or {})})
    with registry.at_work(claim):
        rows, charts = claim.check(seed), claim.charts(seed) if with_charts else []
        verdict = Verdict.of_rows(entry.name, rows)
    return CheckedClaim(entry, claim, verdict, charts, time.monotonic() - start)


def summary(checked: Sequence[CheckedClaim], scale: str) -> str:
    """How many rows of how many claims are as expected, at which scale, in how many seconds."""
    rows = [row for one in checked for row in one.verdict.rows]
    good, seconds = sum(row.as_expected for row in rows), sum(one.seconds for one in checked)
    claims = f"{len(checked)} claim{'' if len(checked) == 1 else 's'}"
    return f"{good} of {len(rows)} rows as expected; {claims}, {seconds:.0f} s at scale {scale}"


def _tags(entry: registry.Entry) -> tuple[str, ...]:
    return entry.cls.tags  # type: ignore[attr-defined]
