"""Each claim turns when one of its ingredients is broken, and does not where the seed is another."""

import pytest

from framework import build, registry
from tests.breaks import of_bounds, of_constructions, of_kernels
from tests.helpers import slow_but

BREAKS = of_bounds.BREAKS | of_constructions.BREAKS | of_kernels.BREAKS
SMALL = of_bounds.SMALL | of_constructions.SMALL | of_kernels.SMALL


FIRST = {claim: broken for broken, (claim, _, _) in reversed(BREAKS.items())}.values()  # of each claim


@pytest.mark.parametrize("broken", slow_but(lambda broken: broken in FIRST, BREAKS))
def test_a_verdict_turns_when_an_ingredient_is_broken(broken, monkeypatch):
    claim, changes, quantity = BREAKS[broken]
    for where, name, value in changes:
        monkeypatch.setattr(where, name, value)
    (row,) = [row for row in build("claim", claim, **SMALL.get(claim, {})).check(0) if row.quantity == quantity]
    assert not row.as_expected, row


def test_every_claim_is_broken_by_one_of_them():
    assert len(BREAKS) == len(of_bounds.BREAKS) + len(of_constructions.BREAKS) + len(of_kernels.BREAKS)
    assert {claim for claim, _, _ in BREAKS.values()} == {entry.name for entry in registry.entries("claim")}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
@pytest.mark.parametrize("claim", sorted({claim for claim, _, _ in (of_bounds.BREAKS | of_kernels.BREAKS).values()}))
def test_verdicts_do_not_hang_on_the_seed(claim, seed):
    assert [row for row in build("claim", claim).check(seed) if not row.as_expected] == []
