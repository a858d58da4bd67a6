"""What is asked of a finished run: its networks over time, what goes on inside them, and how two runs differ. NumPy says what is right."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from framework import activations, build, load_run, load_runs, registry, train
from framework.config import override
from framework.errors import UserError
from tests.helpers import tiny

pytestmark = pytest.mark.usefixtures("quick_compilation")

EVERY = {"every_steps": 0, "every_seconds": 0.0, "keep": 1, "keep_at": "every 2"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """rate=0.01 and rate=0.1, saved at 0, 2, 4, 6, and a file beside them."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "sweep.csv").write_text("")
    with registry.temporary():
        for rate in (0.1, 0.01):
            train(override(tiny(checkpoint=EVERY, plugins=(), probes={}), {"optimizer.learning_rate": rate}), folder / f"rate={rate}")
    return folder


@pytest.fixture
def run(runs):
    return load_run(runs / "rate=0.01")


def by_numpy(params, inputs):
    """(hidden, outputs) of the quadratic network."""
    hidden = (params["W"][0, inputs[:, 0]] + params["W"][1, inputs[:, 1]]) ** 2
    return hidden, hidden @ params["V"]


def test_a_function_of_the_network_over_time_is_compiled_once_and_stacked(run, capfd):
    inputs, calls = np.asarray(run.experiment.splits.test.inputs), []

    def function(network):
        calls.append(network)
        return {"outputs": network(jnp.asarray(inputs)), "neurons": network.V.shape[0]}

    steps, values = run.over_time(function)
    assert len(calls) == 1 and steps.tolist() == run.steps == [0, 2, 4, 6]
    assert values["neurons"].tolist() == [4] * 4
    expected = [by_numpy(run.params(step), inputs)[1] for step in run.steps]
    np.testing.assert_allclose(values["outputs"], expected, rtol=1e-5, atol=1e-6)
    assert not np.array_equal(values["outputs"][0], values["outputs"][-1])
    assert capfd.readouterr().err == ""  # the bar is for terminals


def test_a_function_of_the_parameters_over_time_may_use_numpy_and_chosen_steps(run):
    steps, values = run.over_time(lambda params: np.linalg.matrix_rank(params["V"]), [4, 0], of="params", compiled=False)
    assert steps.tolist() == [4, 0]
    assert values.tolist() == [np.linalg.matrix_rank(run.params(step)["V"]) for step in (4, 0)]


def test_the_run_in_memory_has_its_last_state(run):
    config = override(run.config, {"steps": 0})
    steps, values = train(config).over_time(lambda params: params["W"], of="params")
    assert steps.tolist() == [0]
    np.testing.assert_array_equal(values[0], run.params(0)["W"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda run: run.over_time(lambda network: float(network.V[0, 0])), "the function runs compiled: return jnp values"),
        (lambda run: run.over_time(abs, [3]), r"no parameters are saved at step 3; saved: \[0, 2, 4, 6\]"),
        (lambda run: run.over_time(abs, []), r"over_time: steps is empty; saved: \[0, 2, 4, 6\]"),
        (lambda run: run.over_time(abs, of="network"), "of = 'network': must be 'model' or 'params'"),
        (
            lambda run: run.over_time(lambda network: np.zeros(int(network.V[0, 0] * 1e6) % 97), compiled=False),
            "shapes must agree",
        ),
    ],
)
def test_what_cannot_be_done_over_time_is_said_in_a_sentence(run, call, message):
    with pytest.raises(UserError, match=message):
        call(run)


def test_activations_have_the_names_of_what_gives_them(run):
    inputs = np.array([[0, 0], [1, 4], [3, 2]], np.int32)
    found = run.activations(4, inputs)
    hidden, outputs = by_numpy(run.params(4), inputs)
    assert set(found) == {"hidden", "outputs"}
    np.testing.assert_allclose(found["hidden"], hidden, rtol=1e-5)
    np.testing.assert_allclose(found["outputs"], outputs, rtol=1e-5, atol=1e-6)
    assert len(run.activations()["outputs"]) == 25  # the whole population, the newest step
    steps, values = run.over_time(lambda network: activations(network, jnp.asarray(inputs))["hidden"])
    np.testing.assert_allclose(values[2], hidden, rtol=1e-5)


def test_the_attention_pattern_is_the_softmax_of_the_scores_and_a_second_look_finds_classes_as_they_were():
    task = build("task", "modular_addition", p=5)
    network = build("model", "transformer", d_model=8, d_mlp=8, heads=2).build(task, rngs=nnx.Rngs(0))
    inputs = task.population().inputs[:3]
    before = network(inputs)
    methods = {name: getattr(type(network), name) for name in ("__call__", "embedded", "logits")}
    found = jax.jit(activations)(network, inputs)
    assert {name: getattr(type(network), name) for name in methods} == methods
    np.testing.assert_array_equal(network(inputs), before)
    block = nnx.to_pure_dict(nnx.state(network, nnx.Param))["blocks"][0]["attention"]
    x = np.asarray(found["embedded"])
    query, key = (np.einsum("ntd,dhe->nthe", x, block[name]["kernel"]) for name in ("query", "key"))
    scores = np.exp(np.einsum("nhe,nthe->nht", query[:, -1], key) / np.sqrt(4))  # the last of 4 tokens sees all; d_model/heads is 4
    expected = scores / scores.sum(-1, keepdims=True)
    np.testing.assert_allclose(found["blocks.0.attention.attention_fn.pattern"][:, :, 0], expected, rtol=1e-4)
    assert {"blocks.0", "blocks.0.attention", "blocks.0.neurons", "blocks.0.up", "tokens", "unembed"} <= set(found)


class Repeats(nnx.Module):
    """One layer twice, two outputs of a method, and one within a tangent, which no name can have."""

    def __init__(self, rngs):
        self.layer = nnx.Linear(2, 2, rngs=rngs)
        self.inside = nnx.Linear(2, 2, rngs=rngs)

    def __call__(self, x):
        total, rest = self.both(self.layer(self.layer(x)))
        self.sow(nnx.Intermediate, "noted", total) if hasattr(self, "__captures__") else None
        return total + rest + jax.jvp(self.inside, (x,), (x,))[1]

    def both(self, x):
        return x, 2 * x


def test_repeated_calls_and_several_arrays_are_numbered_and_what_is_in_a_tangent_is_left_out():
    network, x = Repeats(nnx.Rngs(0)), jnp.ones((1, 2))
    found = activations(network, x)
    assert set(found) == {"outputs", "layer.0", "layer.1", "both.0", "both.1", "noted"}
    np.testing.assert_array_equal(found["layer.0"], network.layer(x))
    np.testing.assert_array_equal(found["both.1"], 2 * found["layer.1"])
    np.testing.assert_array_equal(found["noted"], found["both.0"])


@pytest.mark.parametrize("name", ["kernel", "centered"])
def test_a_network_that_puts_another_together_while_it_is_called_can_be_looked_into(name):
    task = build("task", "modular_addition", p=5)
    network = build("model", name).build(task, rngs=nnx.Rngs(0))
    inputs = task.population().inputs[:3]
    np.testing.assert_array_equal(activations(network, inputs)["outputs"], network(inputs))


def test_two_runs_are_compared_by_fields_rows_and_parameters(runs):
    slow, fast = load_runs(runs / "*")
    found = slow.compare(fast)
    assert found.fields == {"optimizer.learning_rate": (0.01, 0.1)}
    assert found.first_difference["step"] == 2
    apart = {step: np.sqrt(sum(np.sum((slow.params(step)[n] - fast.params(step)[n]) ** 2) for n in "WV")) for step in (0, 2, 4, 6)}
    assert found.distances == pytest.approx(apart, rel=1e-5)
    assert found.distances[0] == 0 < found.distances[2]
    assert "optimizer.learning_rate: 0.01, 0.1" in str(found) and "the first difference is at step 2" in str(found)
    same = slow.compare(load_run(slow.path))
    assert same.fields == {} and same.first_difference is None and set(same.distances.values()) == {0.0}


def test_networks_of_other_sizes_have_no_distance_and_the_comparison_says_why(run):
    wider = train(override(run.config, {"model.width": "5", "steps": 0}))
    found = run.compare(wider)
    assert found.distances == {} and found.incomparable == "V is [4, 5] in one and [5, 5] in the other"
    assert found.incomparable in str(found)


def test_runs_are_loaded_by_a_pattern_in_natural_order(runs, tmp_path):
    assert [run.path.name for run in load_runs(f"{runs}/*")] == ["rate=0.01", "rate=0.1"]
    assert [run.path.name for run in load_runs(f"{runs.parent}/**/rate=0.1")] == ["rate=0.1"]
    with pytest.raises(UserError, match="no runs at .*: nothing matches"):
        load_runs(tmp_path / "*")
    with pytest.raises(UserError, match="1 files and folders match, none of them a run"):
        load_runs(runs / "*.csv")


def test_a_frame_holds_the_metrics_and_without_pandas_a_sentence_says_how_to_get_it(run, monkeypatch):
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "pandas", None)
        with pytest.raises(UserError, match="pip install pandas"):
            run.frame()
    pandas = pytest.importorskip("pandas")
    frame = run.frame()
    assert isinstance(frame, pandas.DataFrame) and frame["step"].tolist() == [0, 2, 4, 6]
    np.testing.assert_array_equal(frame["test/loss"].to_numpy(), run.metrics()["test/loss"])
