"""The probes of the tangent kernel: every task and kind of points, every reference, and a run that is resumed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import framework
from framework import build, load_run, train
from framework.config import experiment, select
from framework.errors import FieldError, UserError
from framework.interfaces import Context
from framework.seeds import fold
from framework.testing.subject import host_copy
from framework.training import Event
from plugins.kernels.jacobians import network_in_float64
from plugins.probes.ntk import empirical_ntk, ntk_drift
from tests.test_ntk import network, networks
from tests.test_structured_kernels import by_jacobian

pytestmark = pytest.mark.usefixtures("quick_compilation")


def _context(task, steps=0):
    splits = task.splits(0)
    return Context(task, splits, lambda params: network(params["W"], params["V"], 2), 3, fold(0, "probe"), jnp.int32(steps))


@pytest.mark.slow
@pytest.mark.parametrize("outputs", ["first", "all", "own"])
@pytest.mark.parametrize("task", ["modular_addition", "modular_addition_regression"])
@pytest.mark.parametrize("where", ["train", "13"])
def test_probes_measure_every_task_at_every_kind_of_points(task, outputs, where):
    context = _context(build("task", task, p=5, train_size="40%"))
    net, net0 = networks(2, 5, 7, 2, dtype=np.float32)
    params, params0 = ({"W": np.asarray(n.W[...]), "V": np.asarray(n.V[...])} for n in (net, net0))
    probe = build("probe", "ntk_drift", outputs=outputs, points=where)
    values, _ = probe.measure(params, context, probe.init(params0, context))
    assert 0 < values["relative"] < np.inf
    assert -1 <= values["cosine"] <= 1
    values, _ = build("probe", "ntk_spectrum", outputs=outputs, points=where, max_rows=40).measure(params, context, ())
    assert len(values["eigenvalues"]) == values["rows"] <= 40
    assert 1 <= values["participation"] <= values["effective_rank"] <= values["rows"]
    assert 0 <= values["alignment"] <= 1


def test_references():
    context = {step: _context(build("task", "modular_addition", p=5), step) for step in (0, 3, 7, 9)}
    states = [{"W": np.asarray(n.W[...]), "V": np.asarray(n.V[...])} for n in networks(2, 5, 7, 2, dtype=np.float32)]
    later = {name: 2 * array for name, array in states[0].items()}

    def rows(reference):
        probe = build("probe", "ntk_drift", reference=reference)
        memory, found = probe.init(states[1], context[0]), []
        for step, params in ((0, states[1]), (3, states[0]), (7, later), (9, states[1])):
            values, memory = probe.measure(params, context[step], memory)
            found.append(values["absolute"])
        return found

    initial, previous, fifth = rows("initial"), rows("previous"), rows("5")
    assert initial[0] == initial[3] == previous[0] == 0 < initial[1] < initial[2]
    assert previous[1] == initial[1] != previous[2] > 0
    assert np.isnan(fifth[0]) and np.isnan(fifth[1])
    assert fifth[2] == 0 and fifth[3] == pytest.approx(initial[2], rel=1e-12)
    with pytest.raises(FieldError, match="initial.*previous.*step"):
        build("probe", "ntk_drift", reference="last")
    with pytest.raises(FieldError, match="points"):
        build("probe", "ntk_drift", points="valid")


def _config(steps):
    return framework.config.experiment(
        task=select("modular_addition", p=5),
        model=select("quadratic", width=8),
        optimizer=select("gd", learning_rate=0.1),
        probes={
            "drift": select("ntk_drift", schedule="every 5", outputs="all", points="20"),
            "change": select("ntk_drift", schedule="every 5", reference="previous"),
            "late": select("ntk_drift", schedule="every 5", reference="10"),
            "spectrum": select("ntk_spectrum", schedule="every 10", max_rows=8),
            "kernel": select("kernel_regression", schedule="every 10", max_rows=30),
        },
        steps=steps,
        recording={"tensorboard": False, "plot": False, "progress": False},
    )


@pytest.mark.slow
def test_a_resumed_run_measures_from_the_same_reference(tmp_path):
    train(_config(12), tmp_path / "cut")
    cut = train(_config(20), tmp_path / "cut")
    whole = train(_config(20), tmp_path / "whole")
    names = [name for name in whole.metrics() if name.partition("/")[0] in ("drift", "change", "late", "spectrum", "kernel")]
    assert "drift/absolute" in names and "spectrum/effective_rank" in names and "kernel/initial/test_loss" in names
    kept = np.isin(cut.metrics()["step"], whole.metrics()["step"])  # the cut run also has its own last step, 12
    for name in names:
        np.testing.assert_array_equal(cut.metrics()[name][kept], whole.metrics()[name], err_msg=name)
    steps, late = load_run(tmp_path / "whole").series("late/absolute")
    assert list(steps) == [10, 15, 20] and late[0] == 0 < late[1] < late[2]


OF_NUMBERS = {  # of labels and of values
    "hidden_parity": {"dimension": 6, "points": 20, "relevant": 2},
    "polynomial_regression": {"dimension": 4, "points": 20, "train_size": "10"},
}


@pytest.mark.slow
@pytest.mark.parametrize("task", OF_NUMBERS)
def test_the_probes_look_at_networks_of_numbers(task):
    """Against the Jacobian, in float64: how far the kernel moved, its spectrum, what its targets have in common with it, and its method."""
    names = ("ntk_drift", "ntk_spectrum", "kernel_regression")
    config = experiment(
        task=select(task, **OF_NUMBERS[task]),
        model=select("mlp", width="16"),
        optimizer=select("gd", learning_rate=0.1),
        probes={name: select(name, **({"outputs": "all"} if name.startswith("ntk") else {})) for name in names},
        steps=3,
        recording={"progress": False},
    )
    made = framework.Experiment.from_config(config)
    assert made.notices() == []
    start = made.initial_state()
    before = host_copy(start.params)
    state, _ = made.advance(start, 3)
    values, _ = made.measure(state, Event(3, names, (), last=False))
    seen, test = made.splits.train, made.splits.test
    with jax.enable_x64(True):
        new, old = (network_in_float64(made.network.module(params, state.variables)) for params in (state.params, before))
        both = jnp.concatenate([seen.inputs, test.inputs])
        whole, K0, f = by_jacobian(new, both, "all"), by_jacobian(old, seen.inputs, "all"), np.asarray(new(both)).ravel()
    K, across = whole[: len(K0), : len(K0)], whole[len(K0) :, : len(K0)]
    assert values["ntk_drift/relative"] == pytest.approx(np.linalg.norm(K - K0) / np.linalg.norm(K0), rel=1e-6)
    eigenvalues = np.linalg.eigvalsh(K)[::-1]
    np.testing.assert_allclose(values["ntk_spectrum/eigenvalues"], eigenvalues, rtol=1e-6, atol=1e-9 * eigenvalues[0])
    y, asked = (np.asarray(one.targets, float) if one.targets.ndim > 1 else np.eye(2)[np.asarray(one.targets)] for one in (seen, test))
    y = y.ravel()
    assert values["ntk_spectrum/alignment"] == pytest.approx(y @ K @ y / np.linalg.norm(K) / (y @ y), rel=1e-6)
    answer = f[len(K) :] + across @ np.linalg.pinv(K, rcond=len(K) * 2.0**-52, hermitian=True) @ (y - f[: len(K)])
    assert values["kernel_regression/present/test_loss"] == pytest.approx(np.mean((answer - asked.ravel()) ** 2), rel=1e-5)


def test_of_several_values_none_is_a_points_own():
    context = _context(build("task", "polynomial_regression", dimension=4, points=20, train_size="10"))
    with pytest.raises(UserError, match="outputs = 'own': needs targets that are labels"):
        build("probe", "ntk_drift", outputs="own").measure({}, context, {"params": {}, "taken": np.int32(0)})


def test_a_kernel_that_would_not_fit_is_refused_with_the_memory_it_would_take():
    """9,409 pairs, 97 outputs: (912,673)² entries, 3,103 GiB in float32, 6,206 in float64."""
    task = build("task", "modular_addition", p=97)
    nets = [build("model", "quadratic", width=8).build(task, rngs=nnx.Rngs(seed)) for seed in (0, 1)]
    inputs = task.population().inputs
    with pytest.raises(UserError, match="3,103 GiB"):
        empirical_ntk(nets[0], inputs, outputs="all")
    with pytest.raises(UserError, match="6,206 GiB"):
        ntk_drift(*nets, inputs, outputs="all", closed_form=False)


@pytest.mark.parametrize("probe", ["ntk_drift", "ntk_spectrum", "margins"])
def test_more_random_points_than_the_population_are_refused(probe):
    config = experiment(
        task=select("modular_addition", p=5),
        model=select("quadratic", width="4"),
        optimizer=select("gd"),
        probes={"x": select(probe, points="26")},
        steps=1,
        recording={"progress": False},
    )
    with pytest.raises(UserError, match="26.*only 25"):
        train(config)
