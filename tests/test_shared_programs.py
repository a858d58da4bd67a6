"""Runs of one structure share compiled programs, and a run has the same bits alone, in a sweep, first or hundredth."""

import dataclasses
import json
import logging
import multiprocessing
import sys
import types
from dataclasses import dataclass

import jax
import numpy as np
import optax
import pytest

from framework import Experiment, Optimizer, build, field, registry, train
from framework.config import override, select, to_dict
from framework.fields import numbers_of, structure_of, with_numbers
from framework.testing.subject import compiled_programs
from framework.training import sharing
from tests.broken.numbers import BranchingRate, KeptRate, PreparedRate
from tests.helpers import assert_same_run, tiny, train_json

pytestmark = pytest.mark.usefixtures("clean_registry")

PROGRAMS = ("advance", "metrics", "measure")


@pytest.fixture(autouse=True)
def no_programs():
    """No program that another test compiled is there, and no sentence has been said."""
    sharing.program_of.cache_clear()
    sharing._say.cache_clear()


@dataclass(frozen=True, kw_only=True)
class Derived(Optimizer):
    """Gradient descent with the rate 10^-power."""

    power: int = field(1, "n")
    rate: float = dataclasses.field(init=False, default=0.0)

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "rate", 10.0**-self.power)

    def transform(self):
        return optax.sgd(self.rate)


def trained(config):
    with compiled_programs() as names:
        run = train(config)
    return run, [names.count(f"jit({name})") for name in PROGRAMS]


def params(run):
    return {name: value.tobytes() for name, value in run.params().items()}


def test_members_that_differ_in_numbers_and_seeds_compile_each_program_once():
    optimizer = select("adamw", learning_rate=0.01, weight_decay=1.0)
    _, compiled = trained(tiny(optimizer=optimizer))
    assert compiled == [1, 1, 2]  # two probes
    for changes in (
        {"optimizer.learning_rate": 0.02},
        {"optimizer.weight_decay": 0.5, "seed": 1},
        {"optimizer.eps": 1e-6, "optimizer.learning_rate": 0.005},
        {"steps": 9, "model.init_scale": 0.5},
    ):
        assert trained(override(tiny(optimizer=optimizer), changes))[1] == [0, 0, 0], changes


@pytest.mark.slow
@pytest.mark.parametrize(
    "parts, compiled",
    [
        ({"penalty": select("l2", coefficient=1e-3)}, [1, 1, 0]),
        ({"task": select("modular_addition", p=5, k=2, temperature=2.0)}, [1, 1, 2]),  # at 1 the division is left out; probes see the task
        ({"optimizer": select("nadamw")}, [1, 0, 0]),
        ({"probes": {}}, [0, 0, 0]),  # training does not depend on who looks
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_another_structure_compiles_what_depends_on_it(parts, compiled):
    trained(tiny())
    assert trained(tiny(**parts))[1] == compiled


def test_numbers_have_their_effect_in_a_shared_program():
    runs = [train(tiny(optimizer=select("gd", learning_rate=rate))) for rate in (0.1, 0.2)]
    alone = [train(tiny(optimizer=select("gd", learning_rate=rate))) for rate in (0.2, 0.1)]
    assert params(runs[0]) == params(alone[1]) != params(runs[1]) == params(alone[0])


@pytest.mark.slow
@pytest.mark.parametrize("model", ("mlp", "transformer", "centered"))
def test_factors_of_outputs_share_a_program_and_scale_the_outputs(model):
    fields = {"mlp": {"width": "4"}, "transformer": {"d_model": 4, "d_mlp": 4, "heads": 1}, "centered": {}}[model]
    configs = [tiny(0, model=select(model, output_scale=scale, **fields), probes={}) for scale in (1.0, 3.0)]
    assert [trained(config)[1] for config in configs] == [[0, 1, 0], [0, 0, 0]]
    one, three = (Experiment.from_config(config) for config in configs)
    inputs = one.splits.population.inputs
    outputs = [np.asarray(made.module(made.initial_state())(inputs)) for made in (one, three)]
    np.testing.assert_allclose(outputs[1], 3 * outputs[0], rtol=1e-6)
    assert not jax.tree.leaves(one.initial_state().variables) or model != "mlp"  # a constant is no part of a checkpoint


@pytest.mark.slow
def test_a_run_has_the_same_bits_first_in_its_process_and_hundredth(tmp_path):
    config = tiny(12, optimizer=select("adam", learning_rate=0.01, b2=0.97))
    for number in range(99):
        train(override(config, {"seed": number + 1, "optimizer.learning_rate": 0.001 * (number + 1), "steps": 2}))
    train(config, tmp_path / "hundredth")
    context = multiprocessing.get_context("spawn")
    arguments = (json.dumps(to_dict(config)), str(tmp_path / "first"), str(tmp_path / "cache"))
    process = context.Process(target=train_json, args=arguments)
    process.start()
    process.join()
    assert_same_run(tmp_path / "hundredth", tmp_path / "first")


def test_precisions_do_not_mix_in_one_process():
    runs = {precision: train(tiny(numerics={"precision": precision})) for precision in ("float32", "float64")}
    again = train(tiny())
    assert runs["float64"].params()["W"].dtype == np.float64
    assert params(again) == params(runs["float32"]) != params(runs["float64"])


@pytest.mark.slow
def test_no_more_programs_are_kept_than_the_limit_says():
    for width in range(1, 6):
        train(tiny(1, model=select("mlp", width=str(width), activation=("relu", "gelu", "tanh", "quadratic", "identity")[width - 1])))
    assert sharing.program_of.cache_info().currsize <= sharing.KEPT == sharing.program_of.cache_info().maxsize


def test_a_structure_is_a_plugin_without_its_numbers():
    one, other = (build("optimizer", "grokfast", amplification=factor) for factor in (1.0, 3.0))
    assert structure_of(one) == structure_of(other) != structure_of(build("optimizer", "grokfast", inner={"name": "gd"}))
    assert numbers_of(one) == {f"inner.{k}": v for k, v in numbers_of(one.inner).items()} | {"amplification": 1.0}
    assert with_numbers(structure_of(one), numbers_of(other)) == other
    assert hash(structure_of(one)) == hash(structure_of(other))


def test_a_number_at_which_python_takes_another_path_is_structure_there_and_only_there():
    without, little, more = (build("optimizer", "adam", weight_decay=decay) for decay in (0.0, 0.1, 0.2))
    assert structure_of(without) != structure_of(little) == structure_of(more)
    assert "weight_decay" not in numbers_of(without)
    assert structure_of(build("optimizer", "scheduled", decay_to=0.1)) != structure_of(build("optimizer", "scheduled", decay_to=0.2))


@pytest.mark.parametrize("plugin", (BranchingRate, KeptRate))
def test_a_plugin_that_cannot_take_a_traced_number_runs_with_its_numbers_built_in(plugin, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("whygrok"), "propagate", True)
    registry.register("unruly")(plugin)
    rate = 0.05
    with caplog.at_level(logging.INFO, "whygrok"):
        found = train(tiny(optimizer=select("unruly", learning_rate=rate)))
    np.testing.assert_allclose(found.params()["W"], train(tiny(optimizer=select("gd", learning_rate=0.05))).params()["W"], rtol=1e-6)
    said = [record.getMessage() for record in caplog.records if "numbers built in" in record.getMessage()]
    if plugin is not KeptRate:  # which harms nobody as long as what it keeps is not used
        assert len(said) == 1 and plugin.__name__ in said[0] and "numbers.py:" in said[0]
        assert trained(tiny(seed=1, optimizer=select("unruly", learning_rate=rate)))[1][0] == 1  # by itself, whatever it hides


def test_a_plugin_without_a_file_is_named_as_well(monkeypatch, caplog):
    monkeypatch.setattr(logging.getLogger("whygrok"), "propagate", True)
    monkeypatch.setattr(BranchingRate, "__module__", "__main__")
    monkeypatch.setattr(sharing.inspect, "getsourcefile", lambda cls: (_ for _ in ()).throw(TypeError(cls)))
    registry.register("typed")(BranchingRate)
    with caplog.at_level(logging.INFO, "whygrok"):
        train(tiny(optimizer=select("typed", learning_rate=0.05)))
    assert any("built in" in said and "BranchingRate" in said for said in caplog.messages)


def test_a_value_kept_from_one_program_and_used_in_another_is_told_in_one_sentence():
    kept = []

    @registry.register("keeping")
    @dataclass(frozen=True, kw_only=True)
    class Keeping(Optimizer):
        """Uses the rate that it met first."""

        learning_rate: float = field(0.1, "η", above=0)

        def transform(self):
            kept.append(1.0 * self.learning_rate)
            return optax.chain(optax.scale(-1.0), optax.scale(kept[0]))

    made = Experiment.from_config(tiny(optimizer=select("keeping")))
    made.advance(made.initial_state(), 1)
    other = Experiment.from_config(tiny(model=select("quadratic", width="6"), optimizer=select("keeping")))
    kept[:] = [rate for rate in kept if isinstance(rate, jax.core.Tracer)]
    with pytest.raises(registry.UserError, match="Keeping keeps a value of one compiled program and uses it in another"):
        other.advance(other.initial_state(), 1)


def test_code_that_changes_under_a_class_compiles_anew(tmp_path):
    """As in a notebook whose helper cell runs again, or where modules are reloaded in place."""
    space = {}
    helper, plugin = (
        "def factor():\n    return LEVEL\n",
        (
            "import optax\nfrom dataclasses import dataclass\nfrom framework import Optimizer, field, register\n\n"
            "@register('cells')\n@dataclass(frozen=True, kw_only=True)\nclass Cells(Optimizer):\n"
            "    learning_rate: float = field(0.1, 'η', above=0)\n\n"
            "    def transform(self):\n        return optax.chain(optax.scale(factor()), optax.sgd(self.learning_rate))\n"
        ),
    )
    sys.modules["cells"] = types.ModuleType("cells")
    space = vars(sys.modules["cells"])
    exec(f"LEVEL = 1.0\n{helper}{plugin}", space)
    config = tiny(optimizer=select("cells"))
    once, again = params(train(config)), params(train(config))
    space["LEVEL"] = 2.0
    constant = params(train(config))
    exec("LEVEL = 1.0\n" + helper.replace("LEVEL", "2 * LEVEL"), space)
    function = params(train(config))
    plain = params(train(tiny(optimizer=select("gd", learning_rate=0.2))))
    assert once == again != constant == function
    np.testing.assert_allclose(np.frombuffer(constant["W"], np.float32), np.frombuffer(plain["W"], np.float32), rtol=1e-5)


def test_a_file_that_changes_between_two_runs_compiles_anew(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("0,1\n1,0\n")
    before = structure_of(build("task", "cayley_table", file=str(table)))
    assert before == structure_of(build("task", "cayley_table", file=str(table)))
    table.write_text("1,0\n0,1\n\n")
    assert before != structure_of(build("task", "cayley_table", file=str(table)))
    assert with_numbers(before, {"temperature": 1.0, "label_noise": 0.0, "random_labels": 0.0}).file == str(table)


def test_what_is_made_of_a_number_beside_the_fields_is_structure():
    """As an attribute that __post_init__ sets, also where the class has a default of that name."""
    registry.register("prepared")(PreparedRate)
    registry.register("derived")(Derived)
    runs = {rate: train(tiny(optimizer=select("prepared", learning_rate=rate))) for rate in (0.1, 0.2)}
    plain = {rate: train(tiny(optimizer=select("gd", learning_rate=rate / 2))) for rate in runs}
    for rate, run in runs.items():
        np.testing.assert_allclose(run.params()["W"], plain[rate].params()["W"], rtol=1e-6)
    derived = {power: train(tiny(optimizer=select("derived", power=power))) for power in (1, 2)}
    expected = {power: train(tiny(optimizer=select("gd", learning_rate=10.0**-power))) for power in derived}
    for power, run in derived.items():
        np.testing.assert_allclose(run.params()["W"], expected[power].params()["W"], rtol=1e-6)


@pytest.mark.parametrize("name, field", [("adam", "b1"), ("adamw", "b2"), ("lion", "b2"), ("rmsprop", "decay"), ("grokfast", "decay")])
def test_a_decay_is_built_in_since_float32_would_spoil_its_complement(name, field):
    """1 − 0.99999 is 1e-5 in double precision and 1.0014e-5 in float32: the average would be 0.14 % too fast."""
    assert structure_of(build("optimizer", name, **{field: 0.5})) != structure_of(build("optimizer", name, **{field: 0.6}))
