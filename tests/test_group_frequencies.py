"""Networks are read in the frequencies of their task's own group: networks written down by hand, whose frequencies are known."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from framework import Context, Experiment, Task, build
from framework.config import select
from plugins.mathematics.harmonics import harmonics_of, span
from plugins.mathematics.modular import in_words
from plugins.probes.fourier import curves
from tests.helpers import slow_but
from tests.small_runs import small_config

pytestmark = pytest.mark.usefixtures("quick_compilation")


class Written:
    """A two-layer network Σ_j V_jc (Σ_i W_i,a_i,j)² as a module of its parameters."""

    def __init__(self, params):
        self.W, self.V = params["W"], params["V"]

    def __call__(self, inputs):
        return sum(self.W[i][inputs[:, i]] for i in range(len(self.W))) ** 2 @ self.V


def measured(task, W, V, probe="fourier", **fields):
    """What a probe says of a network with these weights."""
    made, params = build("probe", probe, **fields), {"W": jnp.asarray(W), "V": jnp.asarray(V)}
    context = Context(task, task.splits(0), Written, 3, jax.random.key(0), jnp.zeros((), jnp.int32))
    values, _ = made.measure(params, context, made.init(params, context))
    return {name: np.asarray(value) for name, value in values.items()}


def logarithms(p, g):
    """Residue → exponent, by multiplying: g is a primitive root that is known from a table."""
    return {pow(g, x, p): x for x in range(p - 1)}


def multiplying(p, g, frequencies, signs):
    """(W, V) that compute 4 Σ_f cos 2πf/(p−1) (Σ s_i log a_i − log c), and 0 for residues 0: (A + B)² − (A − B)² at four phases."""
    logs, W, V = logarithms(p, g), [], []

    def wave(f, shift):
        return np.array([np.cos(2 * np.pi * f * logs[a] / (p - 1) + shift) if a else 0.0 for a in range(p)])

    for f, phase, sign in itertools.product(frequencies, np.pi * np.arange(4) / 4, (1, -1)):
        W.append([wave(signs[0] * f, phase), sign * wave(signs[1] * f, phase)])
        V.append(sign * wave(f, 2 * phase))
    return np.moveaxis(np.array(W), 0, 2), np.array(V)


TABLE = {7: 3, 11: 2, 23: 5}  # smallest primitive roots
BOTH = {"modular_multiplication": (1, 1), "modular_division": (1, -1)}


@pytest.mark.slow
@pytest.mark.parametrize(("p", "task"), slow_but(lambda case: case == (7, "modular_multiplication"), itertools.product(TABLE, BOTH)))
def test_a_network_that_multiplies_has_the_frequencies_that_were_planted(p, task):
    g, signs = TABLE[p], BOTH[task]
    planted = [2, 3] if p > 7 else [2]
    with jax.enable_x64(True):
        made = build("task", task, p=p)
        assert made.group().elements.tolist() == [pow(g, x, p) for x in range(p - 1)]
        assert made.group().coordinate == f"logarithm to base {g}"
        found = measured(made, *multiplying(p, g, planted, signs))
        assert sorted(set(found["frequency"].tolist())) == planted and found["frequencies"] == len(planted)
        assert found["ipr"] == pytest.approx(1) and found["phase_deviation"] == pytest.approx(0, abs=1e-9)
        assert found["explained"] == pytest.approx(1), "of the outputs whose answer has a logarithm"
        assert set(np.flatnonzero(found["output_spectrum"] > 1e-9)) == set(planted)
        plain = measured(in_order(made), *multiplying(p, g, planted, signs))
        assert plain["explained"] < 0.9 and plain["ipr"] < 0.9, "which the residues in order do not show"


def in_order(task):
    """The same task, whose residues are read in order."""
    return type("InOrder", (type(task),), {"group": Task.group})(p=task.p)


TURN, FLIP = np.array([[-0.5, -np.sqrt(0.75)], [np.sqrt(0.75), -0.5]]), np.diag([1.0, -1.0])


def of_triangle():
    """Element → matrix of the symmetries of a triangle, rotations first, as products of a turn and a flip."""
    return np.array([np.linalg.matrix_power(TURN, i) @ np.linalg.matrix_power(FLIP, f) for f in (0, 1) for i in range(3)])


def of_permutations():
    """Permutations of three things in lexicographic order on the plane that is orthogonal to (1, 1, 1)."""
    plane = np.array([[1, -1, 0], [1, 1, -2]]).T / np.sqrt([2, 6])
    return np.array([plane.T @ np.eye(3)[:, list(x)] @ plane for x in itertools.permutations(range(3))])


def by_matrix(R):
    """(W, V) of Σ_ijk R(a)_ij R(b)_jk R(c)_ik = tr R(a) R(b) R(c)ᵀ: pairs of neurons ± with (x + y)² − (x − y)² = 4xy."""
    d, W, V = R.shape[1], [], []
    for i, j, k in itertools.product(range(d), repeat=3):
        for sign in (1, -1):
            W.append([R[:, i, j], sign * R[:, j, k]])
            V.append(sign * R[:, i, k])
    return np.moveaxis(np.array(W), 0, 2), np.array(V)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "R", "name"),
    [(build("task", "dihedral_group", n=3), of_triangle, "E1"), (build("task", "symmetric_group", n=3), of_permutations, "(2,1)")],
    ids=["dihedral", "symmetric"],
)
def test_a_network_of_matrix_entries_has_their_representation(task, R, name):
    with jax.enable_x64(True):
        names = list(task.group().representations)
        table = np.asarray(task.population().targets).reshape(6, 6)
        np.testing.assert_allclose(np.einsum("xij,yjk->xyik", R(), R()), R()[table], atol=1e-12)
        found = measured(task, *by_matrix(R()))
        assert {names[number] for number in found["frequency"]} == {name} and found["frequencies"] == 1
        assert found["ipr"] == pytest.approx(1) and found["explained"] == pytest.approx(1)
        assert np.flatnonzero(found["output_spectrum"] > 1e-9).tolist() == [names.index(name)]
        assert "phase_deviation" not in found and "phases" not in found
        other = measured(task, *by_matrix(np.linalg.det(R())[:, None, None]))  # the sign: another representation
        assert {names[number] for number in other["frequency"]} == {"A2" if name == "E1" else "(1,1,1)"}


@pytest.mark.parametrize(
    ("task", "fields", "sizes"),  # (dimension over ℝ)² or half of it, with known dimensions: of characters' tables
    [
        ("dihedral_group", {"n": 1}, [1, 1]),
        ("dihedral_group", {"n": 5}, [1, 1, 4, 4]),
        ("dihedral_group", {"n": 6}, [1, 1, 1, 1, 4, 4]),
        ("symmetric_group", {"n": 4}, [1, 1, 4, 9, 9]),
        ("symmetric_group", {"n": 3, "alternating": True}, [1, 2]),
        ("symmetric_group", {"n": 4, "alternating": True}, [1, 2, 9]),
        ("symmetric_group", {"n": 5, "alternating": True}, [1, 9, 9, 16, 25]),
    ],
)
def test_representations_multiply_as_the_group_and_their_entries_are_all_functions(task, fields, sizes):
    group = build("task", task, **fields).group()
    spans = [span(R) for R in group.representations.values()]
    assert sorted(part.shape[1] for part in spans) == sizes and sum(sizes) == len(group.elements)
    for R in group.representations.values():
        np.testing.assert_allclose(np.einsum("xij,yjk->xyik", R, R), R[group.table], atol=1e-9)
    whole = np.concatenate(spans, axis=1)
    np.testing.assert_allclose(whole.T @ whole, np.eye(len(whole)), atol=1e-9)
    assert np.all(next(iter(group.representations.values())) == 1), "the trivial one is first"


def test_power_is_a_sum_of_squares_and_quotients_undo_products():
    w = np.random.default_rng(0).normal(size=(3, 24))
    harmonics = harmonics_of(build("task", "symmetric_group", n=4).group())
    with jax.enable_x64(True):
        np.testing.assert_allclose(np.sum(harmonics.power(jnp.asarray(w)), axis=1), 24 * np.sum(w**2, axis=1), rtol=1e-10)
        np.testing.assert_allclose(harmonics.project(jnp.asarray(w.T), jnp.ones(5)), w.T, atol=1e-10)
    quotients = np.asarray(harmonics.quotients(jnp.arange(24)))
    assert np.array_equal(harmonics.group.table[quotients, np.arange(24)], np.arange(24)[:, None] * np.ones((1, 24), int))


@pytest.mark.slow
def test_the_losses_of_key_frequencies_are_those_of_the_planted_ones_and_answers_of_zero_keep_their_means():
    """All frequencies but the planted ones can go: restricted to them the loss is that of the network, without them of log p."""
    p, planted = 11, (2, 3)
    with jax.enable_x64(True):
        for fields, zeros in (({"zeros": "none"}, 0), ({"zeros": "all"}, 2 * p - 1)):
            task = build("task", "modular_multiplication", p=p, train_size="100%", **fields)
            W, V = multiplying(p, 2, planted, (1, 1))
            found = measured(task, W, V, "progress_measures", count=2)
            assert found["key_frequencies"].tolist() == list(planted)
            inputs, labels = (np.asarray(array) for array in (task.population().inputs, task.population().targets))
            outputs = (W[0][inputs[:, 0]] + W[1][inputs[:, 1]]) ** 2 @ V
            mean = outputs[labels != 0].mean(axis=0)
            kept = np.stack([outputs[labels == s].mean(axis=0) for s in labels])
            without = np.where(labels[:, None] == 0, outputs, outputs - kept + mean)
            assert np.sum(labels == 0) == zeros
            for suffix in ("", "_strict"):
                assert found[f"population_restricted{suffix}"] == pytest.approx(cross_entropy(kept, labels), rel=1e-9)
                assert found[f"train_excluded{suffix}"] == pytest.approx(cross_entropy(without, labels), rel=1e-9)


def cross_entropy(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels])


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (select("modular_addition", p=7), "a + b − c"),
        (select("modular_addition", p=7, coefficients=(2, -3)), "2a − 3b − c"),
        (select("modular_subtraction", p=7), "a − b − c"),
        (select("modular_multiplication", p=7), "a b / c"),
        (select("modular_multiplication", p=6), "answer − c"),
        (select("modular_polynomial", p=7), "answer − c"),
        (select("symmetric_group", n=3, operation="xyx^-1"), "a b a⁻¹ c⁻¹"),
    ],
    ids=str,
)
def test_the_axes_say_in_words_what_is_explained(task, words):
    group = Experiment.from_config(small_config({}, task)).task.group()
    assert curves(group)["explained"] == f"variance of output c\nexplained by {words}"
    assert in_words((1, 1, 1)) == "Σ aᵢ − c" and in_words((1, -1, -1)) == "Σ cᵢaᵢ − c"
