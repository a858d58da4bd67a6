"""Every task with every network and every optimizer: it begins, has finite gradients, and takes three steps."""

import dataclasses
import functools
from pathlib import Path

import jax
import numpy as np
import optax
import pytest

from framework import Experiment, build, registry
from framework.config import experiment, select
from framework.errors import FieldError
from framework.training.examples.fitting import check_model

pytestmark = pytest.mark.usefixtures("quick_compilation")

DATA = Path(__file__).parent / "data"
TABLE = "\n".join(",".join(str((a - b) % 2) for b in range(2)) for a in range(2))
TASKS = {  # small, and mostly of one shape: what takes time is compiling, once a shape
    "array_file": {"file": str(DATA / "three_clouds.npz")},
    "cayley_table": {},
    "digits": {"train_size": "20"},
    "dihedral_group": {"n": 1},
    "hidden_parity": {"dimension": 3, "points": 8},
    "mixture": {"first": select("modular_addition", p=2), "second": select("modular_multiplication", p=2)},
    "modular_addition": {"p": 2},
    "modular_addition_regression": {"p": 2, "train_size": "50%"},
    "modular_division": {"p": 2},
    "modular_multiplication": {"p": 2},
    "modular_polynomial": {"p": 2, "expression": "a^2+a*b+b^2"},
    "modular_subtraction": {"p": 2},
    "polynomial_regression": {"dimension": 3, "points": 8, "train_size": "50%"},
    "sparse_parity": {"bits": 2, "relevant": 2},
    "symmetric_group": {"n": 2},
    "teacher_student": {"dimension": 3, "outputs": 2, "points": 8},
}
MODELS = {
    "centered": {"inner": select("quadratic", width="6")},
    "committee": {"width": "6"},
    "kernel": {"inner": select("quadratic", width="6")},
    "linear": {},
    "mlp": {"width": "6"},
    "quadratic": {"width": "6"},
    "transformer": {"d_model": 8, "d_mlp": 8, "heads": 2},
}
OF_NUMBERS = {
    "centered": {"inner": select("mlp", width="6")},
    "committee": {"width": "6"},
    "kernel": {"inner": select("mlp", width="6")},
    "mlp": {"width": "6"},
}
NUMBERS = ("array_file", "digits", "hidden_parity", "polynomial_regression", "teacher_student")  # tasks whose inputs are no tokens
PAIRS = [(task, model) for task in TASKS for model in (OF_NUMBERS if task in NUMBERS else MODELS)]
QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
FIELDS = {"by_part": {"parts": ("*",)}, "grokfast_ma": {"window": 2}}
OPTIMIZERS = {entry.name: build("optimizer", entry.name, **FIELDS.get(entry.name, {})) for entry in registry.entries("optimizer")}


def test_no_plugin_is_left_out_here():
    for kind, here in (("task", TASKS), ("model", MODELS)):  # another file of tests may have registered one of its own
        assert {entry.name for entry in registry.entries(kind) if entry.source.startswith("plugins.")} == set(here)


@pytest.mark.parametrize("task", NUMBERS)
def test_a_network_for_tokens_is_refused_numbers(task):
    made = build("task", task, **TASKS[task])
    for model in MODELS.keys() - OF_NUMBERS.keys():
        with pytest.raises(FieldError, match=f"model.name = '{model}': takes tokens, not the {made.sizes.kind}"):
            check_model(made, build("model", model))


def without_decay(optimizer):
    """The optimizer with every weight decay 0, its own and of those that it holds."""
    fields = {field.name: getattr(optimizer, field.name) for field in dataclasses.fields(optimizer)}
    inner = {name: without_decay(value) for name, value in fields.items() if dataclasses.is_dataclass(value)}
    return dataclasses.replace(optimizer, **inner | ({"weight_decay": 0.0} if "weight_decay" in fields else {}))


TRANSFORMS = {
    (name, decays): optax.with_extra_args_support((optimizer if decays else without_decay(optimizer)).transform())
    for name, optimizer in OPTIMIZERS.items()
    for decays in (True, False)
}


@functools.cache
def compiled(decays):
    """One step of every optimizer as one program, compiled with little effort, once for all networks of the same shapes."""

    def one(name, params, opt_state, value, gradient, key):
        extra = {"value": value, "grad": gradient, "grad_fn": lambda params, _: gradient, "key": key}
        updates, opt_state = TRANSFORMS[name, decays].update(gradient, opt_state, params, **extra)
        return optax.apply_updates(params, updates), opt_state

    def step(params, opt_states, values, gradients, key):
        moved = {name: one(name, params[name], opt_states[name], values[name], gradients[name], key) for name in params}
        return tuple({name: pair[i] for name, pair in moved.items()} for i in (0, 1))

    return jax.jit(step, compiler_options=QUICK)


def is_finite(tree):
    return all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(jax.device_get(tree)))


@pytest.mark.slow
@pytest.mark.parametrize(("task", "model"), PAIRS)
def test_a_network_takes_three_steps_with_every_optimizer(task, model, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text(TABLE)
    file = {"file": str(table)} if task == "cayley_table" else {}
    fields = OF_NUMBERS[model] if task in NUMBERS else MODELS[model]
    made = Experiment.from_config(
        experiment(task=select(task, **TASKS[task] | file), model=select(model, **fields), optimizer=select("gd"))
    )
    made.notices()
    state, train = made.initial_state(), made.splits.train
    slope = jax.jit(jax.value_and_grad(lambda params: made.objective(params, state.variables, train)[0]), compiler_options=QUICK)
    value, gradient = slope(state.params)
    assert np.isfinite(value) and is_finite(gradient)
    assert any(np.any(leaf) for leaf in jax.tree.leaves(gradient))
    names = [name for name in OPTIMIZERS if (name, model) != ("fixed_norm", "kernel")]  # a displacement of norm 0 stays at 0
    params = dict.fromkeys(names, state.params)
    opt_states = {name: TRANSFORMS[name, model != "kernel"].init(state.params) for name in names}
    for number in range(3):
        found = {name: slope(params[name]) for name in names}
        values, gradients = ({name: pair[i] for name, pair in found.items()} for i in (0, 1))
        uphill = jax.tree.map(lambda p, g: p + 0.01 * g, params["sam"], gradients["sam"])  # what sam itself does: test_optimizers.py
        gradients["sam"] = slope(uphill)[1]
        params, opt_states = compiled(model != "kernel")(params, opt_states, values, gradients, jax.random.key(number))
    for name in names:
        assert is_finite(params[name]), name
        ends = zip(jax.tree.leaves(state.params), jax.tree.leaves(params[name]), strict=True)
        assert any(np.any(old != new) for old, new in ends) == (name != "frozen"), name
