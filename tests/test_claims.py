"""Claims hold as expected, and each turns when one ingredient is broken."""

import itertools
import json
import re

import numpy as np
import pytest

from framework import Row, registry
from framework.cli import run_command
from plugins.claims import (
    exact_in_float32,
    fourier_construction,
    frequency_subsets,
    group_margin,
    margin_definitions,
    max_margin,
    memorizing_network,
    misclassification,
    networks,
    ntk_closed_forms,
    parity_margin,
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
group_network_as_it_is = group_margin.group_network
summand_network_as_it_is = networks.summand_network


def two_cosines(p, k, frequencies):
    """The construction with every neuron a second time, its output weights exchanged for those of twice the frequency."""
    return summand_network_as_it_is(p, k, [*frequencies, *(2 * f for f in frequencies)])


def one_turned(bits, k, made=parity_margin.parity_network):
    U, V = made(bits, k)
    V[0] *= -1
    return U, V


SMALL = {
    "max_margin": {"steps": 1000, "most": 2},
    "summands": {"most": 3, "found": (6,)},
    "frequency_subsets": {"k": (2,)},
    "ntk_closed_forms": {"k": (2,)},
}  # fields that make a break quick to see
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
        "k = 2: margin of the construction",
    ),
    "training without a penalty": (
        "max_margin",
        [(max_margin, "penalized", lambda params, data: max_margin.cross_entropy(params, data))],
        "k = 2: margin / γ* of a trained network, at the end",
    ),
    "a margin that is not the largest": (
        "max_margin",
        [(max_margin, "largest", lambda p, k, made=max_margin.largest: 0.999 * made(p, k))],
        "k = 2: largest mean margin of a neuron, by ascent",
    ),
    "wrong answers that are weighed alike": (
        "group_margin",
        [(group_margin, "balanced_weights", lambda R, labels: (6 * np.eye(6)[labels] - 1) / 5)],
        "largest mean margin of a neuron, by ascent",
    ),
    "a representation that weighs too much": (
        "group_margin",
        [(group_margin, "balanced_weights", lambda R, labels, made=group_margin.balanced_weights: made(R[-1:], labels))],
        "largest weight of a wrong answer in that mean",
    ),
    "the parity of other bits": (
        "parity_margin",
        [
            (
                parity_margin,
                "steepest",
                lambda inputs, labels, k, generator, made=parity_margin.steepest: made(inputs, 1 - labels, k, generator),
            )
        ],
        "k = 3: largest mean margin of a neuron, by ascent",
    ),
    "a neuron too few": (
        "summands",
        [(summands, "searched_neurons", lambda k, h, generator, made=summands.searched_neurons: made(k, h - 1, generator, starts=3))],
        "p = 5, k = 2: deviation, 6 neurons a frequency found",
    ),
    "the sign of (F.10)": (
        "fourier_construction",
        [(fourier_construction, "sum_of_f10", lambda p, sign, made=fourier_construction.sum_of_f10: made(p, -sign))],
        "deviation of cos cos + sin sin in (F.10)",
    ),
    "a margin that training may not reach": (
        "max_margin",
        [(max_margin, "largest", lambda p, k, made=max_margin.largest: 0.9 * made(p, k))],
        "k = 3: margin / γ* of a trained network, at most",
    ),
    "the size of representations": (
        "group_margin",
        [(group_margin, "scale_of", lambda d: d ** (1 / 2))],
        "margin of the construction",
    ),
    "a representation that is transposed": (
        "group_margin",
        [
            (
                group_margin,
                "group_network",
                lambda given, scale: group_network_as_it_is([R.transpose(0, 2, 1) for R in given], scale),
            )
        ],
        "margin of the construction",
    ),
    "a neuron of the parity": ("parity_margin", [(parity_margin, "parity_network", one_turned)], "k = 3: margin of the construction"),
    "the cross-entropy": (
        "exact_in_float32",
        [(exact_in_float32, "FORMS", {"product": exact_in_float32.FORMS["optax"]})],
        "z_y = 60: loss, product: deviation",
    ),
    "the unit step": (
        "exact_in_float32",
        [(exact_in_float32, "normalized", lambda made=exact_in_float32.normalized: {"product": made()["optax"]})],
        "gradient of 1e-22: length of the step, product",
    ),
    "the power of the activation": (
        "ntk_closed_forms",
        [(ntk_closed_forms, "squared_norms", lambda two, x, k, which, made=ntk_closed_forms.squared_norms: made(two, x, k + 1, which))],
        "k = 2, close: ‖Θ_t − Θ_0‖_F",
    ),
    "the kernel it is compared with": (
        "ntk_closed_forms",
        [(ntk_closed_forms, "tangent_kernel", lambda W, V, x, made=ntk_closed_forms.tangent_kernel: made(W, 1.001 * V, x))],
        "k = 2, far apart: ‖Θ_t‖_F",
    ),
    "the targets of a regression": (
        "ntk_closed_forms",
        [(ntk_closed_forms, "outputs", lambda W, V, x: networks.outputs(W, 1.001 * V, x))],
        "regression loss of 74 triples",
    ),
    "a frequency and its double at once": (
        "frequency_subsets",
        [(frequency_subsets, "summand_network", two_cosines)],
        "p = 5, k = 2: margin of frequency 1 / its largest output",
    ),
    "one input that is off": (
        "frequency_subsets",
        [(frequency_subsets, "added", lambda alone, chosen: sum(alone[f] for f in chosen) + np.eye(*alone[1].shape))],
        "p = 5, k = 2: exact sets of 3",
    ),
    "frequencies that are all the same": (
        "frequency_subsets",
        [(frequency_subsets, "summand_network", lambda p, k, f: summand_network_as_it_is(p, k, [3]))],
        "p = 9, k = 2: sets that answer everything right, of 15",
    ),
    "the matrix that weighs outputs": (
        "memorizing_network",
        [
            (
                memorizing_network,
                "best_neuron",
                lambda x, weights, generator, made=memorizing_network.best_neuron: made(x, -(weights**2), generator),
            )
        ],
        "⟨λ, f⟩ / norm³, largest by ascent",
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
    "the margins that are counted": (
        "margin_definitions",
        [(margin_definitions, "margins", lambda outputs, labels: -networks.margins(outputs, labels))],
        "−V: margin loss at γ = 0, beside the error 1",
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
    test_claims_kernels.turn(BREAKS[broken], SMALL, monkeypatch)


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
    count = re.search(r"(\d+) of (\d+) rows as expected; 5 claims", shown)
    assert count and count[1] == count[2] == str(len(re.findall(r"measured \S", shown)))


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


def test_a_claim_is_checked_at_other_sizes(capsys):
    assert run_command(["verify", "fourier_construction", "p=5", "repeats=2", "--json"]) == 0
    rows = {row["quantity"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["neurons"]["measured"] == 40 and rows["largest weight, repeated"]["measured"] == pytest.approx(2 ** (-1 / 3))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["margin", "p=7"], "fields are of one claim"),
        (["max_margin", "stepz=7"], "Did you mean 'steps'?"),
        (["max_margin", "p=2"], "p"),
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
