"""`whygrok verify`, and what claims of constructions are made of."""

import itertools
import json
import re
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest

from framework import Row
from framework.cli import run_command
from plugins.claims.construction import summands
from plugins.networks import few_neurons, written_down
from tests import constructions
from tests.breaks.of_constructions import FLIPPED


def test_the_networks_are_those_of_the_tests_own_construction():
    for mine, other in zip(written_down.fourier_network(5), constructions.appendix_f(5), strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-12)
    for mine, other in zip(written_down.summand_network(5, 3, range(1, 3)), constructions.summands(5, 3, range(1, 3)), strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-12)


def test_fewer_phases_do_not_do():
    """Every network of five turned neurons per frequency, all multiples tried, misses the sum: six are needed."""
    inputs = written_down.all_tuples(5, 2)
    misses = []
    for u in itertools.product(range(5), repeat=2):
        found = written_down.outputs(*summands.phase_network(5, u, 5), inputs)
        misses.append(np.abs(found - 5 * 2 / 4 * 5 * written_down.answers(inputs, 5)).max())
    assert min(misses) > 0.1


def test_fourteen_neurons_add_three_angles():
    """Evaluated here in float64 at angles of no grid, and cosines beside cos 36° = (1 + √5)/4 and cos 15° = (√6 + √2)/4."""
    neurons, angles = few_neurons.fourteen_neurons(), np.random.default_rng(0).uniform(0, 2 * np.pi, (200, 3))
    found = np.zeros(200, complex)
    for neuron in neurons:
        *seen, (size, turn) = [(float(r), np.pi * float(turn)) for r, turn in neuron]
        found += size * np.exp(1j * turn) * sum(r * np.cos(A + phase) for (r, phase), A in zip(seen, angles.T, strict=True)) ** 3
    assert len(neurons) == 14
    np.testing.assert_allclose(found, np.exp(1j * angles.sum(axis=1)), atol=1e-13)
    with localcontext(prec=60):
        assert abs(few_neurons.cosine(Fraction(9, 5)) - (1 + Decimal(5).sqrt()) / 4) < Decimal("1e-58")
        assert abs(few_neurons.cosine(Fraction(-1, 12)) - (Decimal(6).sqrt() + Decimal(2).sqrt()) / 4) < Decimal("1e-58")


@pytest.mark.slow
def test_verify_prints_predicted_and_measured_of_what_is_chosen(capsys):
    assert run_command(["verify", "margin", "quadratic_as_cubes"]) == 0
    shown = capsys.readouterr().out
    assert "max_margin" in shown and "margin_definitions" in shown and "fourier_construction" not in shown
    assert "does not hold, as expected" in shown and "note: (4.3) prints" in shown
    count = re.search(r"(\d+) of (\d+) rows as expected; 6 claims", shown)
    assert count and count[1] == count[2] == str(len(re.findall(r"measured \S", shown)))


def test_verify_gives_json_with_the_names_of_the_contract(capsys):
    assert run_command(["verify", "fourier_construction", "--json", "--scale=laptop"]) == 0
    rows = json.loads(capsys.readouterr().out)
    names = {"claim", "quantity", "predicted", "measured", "tolerance", "holds", "expected_to_hold"}
    assert all(names <= set(row) for row in rows)
    assert (rows[0]["quantity"], rows[0]["predicted"]) == ("neurons", 8 * 47)


def test_verify_fails_when_a_claim_that_should_hold_does_not(monkeypatch, capsys):
    monkeypatch.setattr(written_down, "NEURONS", FLIPPED)
    assert run_command(["verify", "fourier_construction"]) == 1
    assert "NOT AS EXPECTED" in capsys.readouterr().out


def test_a_claim_is_checked_at_other_sizes(capsys):
    assert run_command(["verify", "fourier_construction", "p=5", "repeats=2", "--json"]) == 0
    rows = {row["quantity"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["neurons"]["measured"] == 40 and rows["largest weight, scaled and repeated"]["measured"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["margin", "p=7"], "fields belong to one claim"),
        (["max_margin", "stepz=7"], "Did you mean 'steps'?"),
        (["max_margin", "p=2"], "p"),
        (["frequency_subsets", "p=5,4"], "p = (5, 4): must be odd"),
        (["small_norms", "p=8"], "the next odd number is 9"),
        (["margin_limit", "p=4"], "the next odd number is 5"),
        (["max_margin", "--seed=-1"], "a whole number from 0 on"),
    ],
)
def test_mistakes_in_sizes_are_explained(words, said, capsys):
    assert run_command(["verify", *words]) == 2
    assert said in capsys.readouterr().err


def test_what_is_not_a_number_is_never_as_expected():
    assert not Row("a control", 0, float("nan"), 1e-8, expected_to_hold=False).as_expected
    assert not Row("a row", float("nan"), 0.0).as_expected


def test_a_claim_that_is_not_there_is_answered_with_the_nearest(capsys):
    assert run_command(["verify", "fourier_constructoin"]) == 2
    assert "Did you mean 'fourier_construction'?" in capsys.readouterr().err
    assert run_command(["verify", "--scale=huge"]) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["perturbation_bounds", "width=63"], "the nearest is 64"),
        (["perturbation_bounds", "width=20"], "at least 8 log(2/δ) = 42.4"),
        (["perturbation_bounds", "delta=0.001", "width=128"], "at least 50/δ = 50000"),
        (["pac_bayes", "moduli=5"], "two different moduli"),
    ],
)
def test_sizes_for_which_a_bound_is_not_stated_are_refused_by_their_field(words, said, capsys):
    assert run_command(["verify", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_lemma_that_is_true_as_printed_for_larger_delta_is_said_to_hold(capsys):
    assert run_command(["verify", "perturbation_bounds", "delta=0.1", "--json"]) == 0
    rows = {row["quantity"]: row["holds"] for row in json.loads(capsys.readouterr().out)}
    said = "G.10, δ = {}, largest weights: share beyond, exactly, beside δ"
    assert rows[said.format(0.1)] and not rows[said.format(0.01)]
    said = "step in (G.12), δ = {}: share beyond, given Q̃, beside δ₁"
    assert rows[said.format(0.1)] and not rows[said.format(0.01)]
