"""What `whygrok certify` says of a run: against closed forms, enumeration, the probe's kernel matrix, and formulas written again."""

import itertools
import json
import math
import re

import jax
import numpy as np
import pytest

from framework import load_run, train
from framework.cli import run_command
from framework.config import override, select
from plugins.bounds.box_search import interpolating, repeated_fourier, starts, widest
from plugins.bounds.least_norm import balanced, least_entry, most_of, neuron_on_population, neuron_on_sample
from plugins.bounds.subject import layers_of, start_of, subject_of
from plugins.certificates.generalization import Generalization, first_below
from plugins.certificates.kernel_regime import KernelRegime
from plugins.certificates.least_norm import LeastNorm, sample_bound, sampled_wrong, size_of_fourier
from plugins.probes.kernel_regression import kernel_regression
from tests.small_runs import small_config


def all_pairs(p):
    return np.array(list(itertools.product(range(p), repeat=2)))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of each task at p = 7, whose start is saved."""
    saved = {"checkpoint": {"every_steps": 50, "keep": 100}, "steps": 300, "model": select("quadratic", width="8*p")}
    paths = {task: tmp_path_factory.mktemp(task) / "run" for task in ("modular_addition", "modular_addition_regression")}
    for task, path in paths.items():
        train(small_config({}, task, **saved), path)
    return {task.removeprefix("modular_addition_"): load_run(path) for task, path in paths.items()}


def numbers(certificate, run, step=300):
    return {finding.quantity: finding.value for finding in certificate.certify(run, step).findings}


def brute_force(p, weights):
    """The most that a neuron with entries −1, 0, 1 makes of Σ weights[a, b, c] f_c(a, b): v's best signs for every q and r."""
    entries = np.array(list(itertools.product((-1, 0, 1), repeat=p)))
    squares = (entries[:, None, :, None] + entries[None, :, None, :]) ** 2  # q, r, a, b
    return float(np.abs(np.einsum("qrab,abc->qrc", squares, weights)).sum(axis=2).max())


def test_no_neuron_beats_the_bound_for_all_pairs():
    for p in (3, 4, 5):
        signs = np.array(list(itertools.product((-1, 1), repeat=p)))
        right = np.arange(p)[:, None, None], np.arange(p)[None, :, None], (np.arange(p)[:, None] + np.arange(p)) % p
        weights = np.full((p, p, p), -1 / (p * p * (p - 1)))
        weights[right[0][:, :, 0], right[1][:, :, 0], right[2]] = 1 / (p * p)
        products = 2 * np.einsum("qa,rb,abc->qrc", signs, signs, weights)  # what is left of (q_a + r_b)²
        most = float(np.abs(products).sum(axis=2).max())
        assert most <= neuron_on_population(p)
        if p == 3:
            assert brute_force(p, weights) == pytest.approx(most)
        assert neuron_on_population(p) < 2 * most  # it is no wild guess


@pytest.mark.parametrize("seed", range(4))
def test_no_neuron_beats_the_bound_for_a_sample(seed):
    generator, p = np.random.default_rng(seed), 3
    pairs = all_pairs(p)[generator.permutation(9)[:6]]
    labels = pairs.sum(axis=1) % p
    wrong = (generator.uniform(size=(6, p)) < 0.8) & (labels[:, None] != np.arange(p))
    counts = np.zeros((p, p))
    np.add.at(counts, labels, wrong)
    bounds = []
    for chosen in (counts, balanced(counts)):
        each = wrong * (chosen / np.maximum(counts, 1))[labels] / chosen.sum()  # ν of every pair and wrong answer
        weights = np.zeros((p, p, p))
        for (a, b), y, row in zip(pairs, labels, each, strict=True):
            weights[a, b] -= row
            weights[a, b, y] += row.sum()
        bounds.append(most_of(chosen))
        assert brute_force(p, weights) <= bounds[-1] + 1e-12
    assert neuron_on_sample(labels, wrong) == min(bounds)


def test_the_bound_for_a_sample_with_all_wrong_answers_is_the_complete_graphs():
    for p in (5, 23):
        labels = np.arange(p)  # each answer once
        wrong = labels[:, None] != np.arange(p)
        assert neuron_on_sample(labels, wrong) == pytest.approx(2 * p / (p - 1))  # p · 2/(p−1), the graph's largest eigenvalue
    assert neuron_on_sample(labels, np.zeros_like(wrong)) == math.inf
    assert least_entry(8.0, 2, 0.5) == 2


@pytest.mark.slow
@pytest.mark.parametrize(("width", "task", "size"), [("8*p", "regression", 4 ** (-1 / 3)), ("8*p", "modular_addition", 28 ** (-1 / 3))])
def test_appendix_f_fits_all_pairs_at_its_known_norm(runs, width, task, size):
    subject = subject_of(runs[task], 300)
    assert size_of_fourier(subject) == pytest.approx(size)
    W, V = repeated_fourier(7, 56, constant=True)
    z = W[0][:, None] + W[1][None]
    expected = 4 * 7 * (all_pairs(7).sum(axis=1)[:, None] % 7 == np.arange(7))
    np.testing.assert_allclose((z**2 @ V).reshape(49, 7), expected, atol=1e-10)
    assert repeated_fourier(7, 23) is None and repeated_fourier(8, 100) is None


@pytest.mark.slow
@pytest.mark.parametrize("task", ["modular_addition", "regression"])
def test_kernel_regression_on_all_rows_is_that_of_the_kernel_matrix(runs, task):
    run = runs[task]
    found = numbers(KernelRegime(tolerance=1e-12), run)
    subject, (W, V) = subject_of(run, 300), start_of(run)
    train_split, p = run.experiment.splits.train, 7
    x, y = np.asarray(train_split.inputs), np.asarray(train_split.targets)
    every = all_pairs(p)
    with jax.enable_x64(True):
        network = run.model(0)
        if task == "regression":
            triples = np.array(list(itertools.product(range(p), repeat=3)))
            outputs = np.asarray(kernel_regression(network, x, y, triples), float).reshape(-1, p)
        else:
            outputs = np.asarray(kernel_regression(network, x, y, every), float)
    target = subject.goal * (every.sum(axis=1)[:, None] % p == np.arange(p))
    assert found["loss of kernel regression"] == pytest.approx(np.mean((outputs - target) ** 2) / np.mean(target**2), rel=2e-3)
    assert found["accuracy of kernel regression, all pairs"] == np.mean(outputs.argmax(1) == every.sum(axis=1) % p)
    assert found["rows that are fitted"] == (len(x) if task == "regression" else len(x) * p)
    assert W.shape == (2, 7, 56) and V.shape == (56, 7)


@pytest.mark.slow
def test_the_network_at_its_fitting_step_is_as_recorded(runs):
    run = runs["modular_addition"]
    fitted = next(row for row in run.rows if row["train/accuracy"] == 1)
    assert numbers(KernelRegime(), run)[f"the network at step {fitted['step']}, which fits: test/accuracy"] == fitted["test/accuracy"]


@pytest.mark.slow
def test_a_network_that_interpolates_is_found_between_the_bounds(runs):
    subject = subject_of(runs["regression"], 300)
    for start in starts(subject, np.random.default_rng(0)).values():
        W, V = interpolating(start, subject, 800, 0.1)
        x, y = runs["regression"].experiment.splits.train.inputs, runs["regression"].experiment.splits.train.targets
        outputs = ((W[0][x[:, 0]] + W[1][x[:, 1]]) ** 2 * V.T[x[:, 2]]).sum(axis=1)
        np.testing.assert_allclose(outputs, y, atol=1e-6)
        size = max(np.abs(W).max(), np.abs(V).max())
        assert least_entry(7.0, 56, sample_bound(subject)) < size < subject.r


@pytest.mark.slow
def test_a_wider_margin_is_found_between_the_bounds(runs):
    subject = subject_of(runs["modular_addition"], 300)
    W, V = widest(starts(subject, np.random.default_rng(0))["the run"], subject.pairs, 300, 0.1)
    assert max(np.abs(W).max(), np.abs(V).max()) <= 1
    f = (W[0][subject.pairs[:, 0]] + W[1][subject.pairs[:, 1]]) ** 2 @ V
    right = f[np.arange(len(f)), subject.labels]
    f[np.arange(len(f)), subject.labels] = -np.inf
    margin = float((right - f.max(axis=1)).min())
    assert float(subject.margins().min()) / subject.r**3 < margin < 56 * neuron_on_sample(subject.labels, sampled_wrong(subject))
    found = LeastNorm(steps=300).certify(runs["modular_addition"], 300)
    sizes = {finding.quantity: finding.value for finding in found.findings}
    assert sizes["no network that has margin 1 on the sample has less"] < sizes["‖θ‖_∞ that has margin 1 on the sample, found"]
    assert sizes["‖θ‖_∞ that has margin 1 on the sample, found"] < sizes["‖θ‖_∞ of the run, step 300"]


@pytest.mark.slow
def test_the_bounds_on_the_error_are_the_papers_formulas(runs):
    run = runs["regression"]
    found, n, r = numbers(Generalization(delta=0.1), run), 205, float(max(np.abs(x).max() for x in run.params(300).values()))
    bound = r**6 * 56**2 / n * (7 * math.log(n) ** 3 + math.log(10))
    assert found["triples in the sample, n"] == n
    assert found["bound on the population loss, C = 1"] == pytest.approx(bound, rel=1e-5)
    at = found["n from which the bound is below p"]
    assert r**6 * 56**2 / at * (7 * math.log(at) ** 3 + math.log(10)) == pytest.approx(7, rel=1e-4)
    assert first_below(lambda n: 1 / n, 1e-70) is None


@pytest.mark.slow
def test_the_pac_bayes_bound_is_vacuous_and_says_so(runs):
    certified = Generalization().certify(runs["modular_addition"], 300)
    found = {finding.quantity: finding for finding in certified.findings}
    theta, r = runs["modular_addition"].params(300), found["‖θ‖_∞"].value
    gamma, p, h, n, delta = found["γ ÷ ‖θ‖_∞³ of the bound"].value, 7, 2 * 56, 34, 0.05 / 24  # the proof doubles the width
    sigma = gamma / (256 * math.sqrt(2 * h) * math.log(4 * p**3 * (h + 1)) ** 1.5)  # (G.7), where γ/r³ is small, r = 1
    W, V = (float(np.sum(theta[name].astype(float) ** 2)) for name in "WV")
    divergence = (W + 2 * V) / r**2 / (2 * sigma**2)
    penalty = 4 * math.sqrt((divergence + math.log(6 * n / delta)) / (n - 1))
    bound = found["bound on the share of wrong answers"]
    assert 0 <= bound.value / penalty - 1 <= 1 / penalty
    assert bound.said.startswith("vacuous")
    assert "says nothing" in certified.follows[-1]


@pytest.mark.slow
def test_the_page_fits_a_terminal_and_json_has_the_same_numbers(runs, capsys):
    path = str(runs["modular_addition"].path)
    assert run_command(["certify", f"{path}@300", "generalization"]) == 0
    page = capsys.readouterr().out
    assert max(map(len, page.splitlines())) <= 80 and "vacuous" in page
    assert run_command(["certify", path, "generalization", "delta=0.01", "--step=300", "--json"]) == 0
    (section,) = json.loads(capsys.readouterr().out)
    assert (section["certificate"], section["step"], section["refused"]) == ("generalization", 300, "")
    assert {"quantity", "value", "said"} == section["findings"][0].keys()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["@1"], "no parameters are saved at step 1; saved: \\["),
        (["@now"], "after @ comes a step"),
        (["", "kernel_regimes"], "no certificate 'kernel_regimes'. Did you mean 'kernel_regime'"),
        (["", "delta=0.1"], "delta=…: fields belong to one certificate"),
        (["", "generalization", "delta=2"], "delta = .*2.*"),
    ],
)
def test_a_mistake_is_answered_in_a_sentence(runs, words, said, capsys):
    assert run_command(["certify", str(runs["modular_addition"].path) + words[0], *words[1:]]) == 2
    error = capsys.readouterr().err
    assert re.search(said, error) and "Traceback" not in error


@pytest.mark.slow
def test_other_networks_and_tasks_are_refused_with_what_can_be_certified(tmp_path, capsys):
    other = {
        "mlp": {"model": select("mlp")},
        "k": {"task": select("modular_addition", p=5, k=3)},
        "noise": {"task": select("modular_addition", p=7, random_labels=0.5)},
        "divided": {"model": select("quadratic", scaling="mean_field")},
    }
    for name, changes in other.items():
        task = changes.pop("task", "modular_addition")
        train(small_config({}, task, steps=1, **changes), tmp_path / name)
        assert run_command(["certify", str(tmp_path / name)]) == 2
        assert "least_norm is about quadratic networks" in capsys.readouterr().err


@pytest.mark.slow
def test_a_fork_of_another_seed_began_where_the_run_did_that_it_came_from(runs, tmp_path):
    trunk = runs["modular_addition"]
    [step] = trunk.steps[-1:]
    changes = {"fork_of": f"{trunk.path}@{step}", "seed": 9, "steps": step + 1, "stop_when": "", "checkpoint.every_steps": 0}
    fork = train(override(trunk.config, changes), tmp_path / "fork")
    assert not np.array_equal(layers_of(fork.experiment.initial_state().params)[0], start_of(trunk)[0])
    assert all(np.array_equal(one, other) for one, other in zip(start_of(fork), start_of(trunk), strict=True))
