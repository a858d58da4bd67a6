"""Claims hold as expected, and each turns when one ingredient is broken."""

import itertools
import json

import numpy as np
import pytest

from framework import build, registry
from framework.cli import run_command
from plugins.claims import (
    margin_definitions,
    max_margin,
    memorizing_network,
    misclassification,
    networks,
    quadratic_as_cubes,
    rademacher,
    summands,
)
from tests import constructions, test_claims_kernels

FLIPPED = (*networks.NEURONS[:3], ("+sin", "-sin", "-cos"), *networks.NEURONS[4:])


def turned(p, pairs):
    W, V = memorizing_network_as_it_is(p, pairs)
    W[0] *= -1
    return 1.1 * W, V


memorizing_network_as_it_is = memorizing_network.memorizer

BREAKS = {  # what is broken → (claim, [(where, name, what it becomes)], the row that turns)
    "one sign of the Fourier network": (
        "fourier_construction",
        [(networks, "NEURONS", FLIPPED)],
        "deviation from 4p·1[a+b≡q]",
    ),
    "the same, in the finite field": ("fourier_construction", [(networks, "NEURONS", FLIPPED)], "wrong outputs in a finite field"),
    "the sign of odd sines": (
        "summands",
        [(networks, "output_wave", lambda sines, waves: waves["sin" if sines % 2 else "cos"])],
        "p = 5, k = 3: deviation",
    ),
    "one multiple of the phases": (
        "summands",
        [(summands, "phase_network", lambda p, u, m, made=summands.phase_network: made(p, (*u[:-1], u[-1] + 1), m))],
        "p = 5, k = 2: deviation, equally spaced phases",
    ),
    "the norm": ("max_margin", [(max_margin, "group_norm", networks.largest_entry)], "k = 2: margin of the construction"),
    "the margin": (
        "max_margin",
        [(max_margin, "smallest_margin", lambda *given: 2 * networks.smallest_margin(*given))],
        "k = 2: largest margin of 200 networks near it",
    ),
    "the memorizer's first layer": (
        "memorizing_network",
        [(memorizing_network, "memorizer", turned)],
        "deviation: p at the memorized, 0 elsewhere",
    ),
    "the memorizer's size": ("memorizing_network", [(memorizing_network, "memorizer", turned)], "norm³ of a memorized positive"),
    "a sign of a cube": (
        "quadratic_as_cubes",
        [(quadratic_as_cubes, "PROOF", (18, ((1, 2, 1), (-1, 2, -1), (1, 1, 1), (1, 1, -1))))],
        "outputs that differ, 4 cubes as in (E.5)",
    ),
    "one of three cubes": (
        "quadratic_as_cubes",
        [(quadratic_as_cubes, "THREE", (24, quadratic_as_cubes.THREE[1][:2]))],
        "outputs that differ, 3 cubes",
    ),
    "signs that are all alike": (
        "rademacher",
        [(rademacher, "draw_signs", lambda generator, n: np.ones(n))],
        "n = 50: found by ascent",
    ),
    "corners that are too few": (
        "rademacher",
        [(rademacher, "largest_at_corners", lambda signs: float(np.abs(signs.sum())))],
        "n = 50: found by ascent, beside the corners",
    ),
    "the normalization": (
        "margin_definitions",
        [(margin_definitions, "largest_entry", lambda W, V: 1.0)],
        "normalized margin of scaled parameters",
    ),
    "the size of targets": (
        "misclassification",
        [(misclassification, "answers", lambda inputs, p: networks.answers(inputs, p) / 2)],
        "half of it at another answer: share of wrong answers",
    ),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_a_verdict_turns_when_an_ingredient_is_broken(broken, monkeypatch):
    claim, changes, quantity = BREAKS[broken]
    for where, name, value in changes:
        monkeypatch.setattr(where, name, value)
    (row,) = [row for row in build("claim", claim).check(0) if row.quantity == quantity]
    assert not row.as_expected, row


def test_every_claim_is_broken_by_one_of_them():
    breaks = [*BREAKS.values(), *test_claims_kernels.BREAKS.values()]
    assert {claim for claim, _, _ in breaks} == {entry.name for entry in registry.entries("claim")}


def test_the_networks_are_those_of_the_tests_own_construction():
    for mine, other in zip(networks.fourier_network(5), constructions.appendix_f(5), strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-12)
    for mine, other in zip(networks.summand_network(5, 3, range(1, 3)), constructions.summands(5, 3, range(1, 3)), strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-12)


def test_fewer_phases_do_not_do():
    """Every network of five turned neurons a frequency, all multiples tried, misses the sum: six are needed."""
    inputs = networks.all_tuples(5, 2)
    misses = []
    for u in itertools.product(range(5), repeat=2):
        found = networks.outputs(*summands.phase_network(5, u, 5), inputs)
        misses.append(np.abs(found - 5 * 2 / 4 * 5 * networks.answers(inputs, 5)).max())
    assert min(misses) > 0.1


def test_verify_prints_predicted_and_measured_of_what_is_chosen(capsys):
    assert run_command(["verify", "margin", "quadratic_as_cubes"]) == 0
    shown = capsys.readouterr().out
    assert "max_margin" in shown and "margin_definitions" in shown and "fourier_construction" not in shown
    assert "does not hold, as expected" in shown and "note: (4.3) as printed" in shown
    assert "19 of 19 rows as expected; 3 claims" in shown


def test_verify_gives_json_with_the_names_of_the_contract(capsys):
    assert run_command(["verify", "fourier_construction", "--json", "--scale=laptop"]) == 0
    rows = json.loads(capsys.readouterr().out)
    names = {"claim", "quantity", "predicted", "measured", "tolerance", "holds", "expected_to_hold"}
    assert all(names <= set(row) for row in rows)
    assert (rows[0]["quantity"], rows[0]["predicted"]) == ("neurons", 8 * 47)


def test_verify_fails_when_a_claim_that_should_hold_does_not(monkeypatch, capsys):
    monkeypatch.setattr(networks, "NEURONS", FLIPPED)
    assert run_command(["verify", "fourier_construction"]) == 1
    assert "NOT AS EXPECTED" in capsys.readouterr().out


def test_a_claim_that_is_not_there_is_answered_with_the_nearest(capsys):
    assert run_command(["verify", "fourier_constructoin"]) == 2
    assert "Did you mean 'fourier_construction'?" in capsys.readouterr().err
    assert run_command(["verify", "--scale=huge"]) == 2
