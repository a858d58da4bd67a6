"""No field does nothing: each one of each plugin, and each setting that is not harmless, changes what a run computes."""

import dataclasses
import functools
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from framework import Experiment, Penalty, Task, register, registry, train
from framework.config import (
    NAMED,
    PLUGIN_SECTIONS,
    SECTIONS,
    General,
    experiment,
    flatten,
    from_dict,
    harmless_fields,
    override,
    select,
    to_dict,
)
from framework.errors import UserError
from framework.fields import Declared, declared_fields, unwrap
from framework.run import RunDirectory
from framework.training import METRICS, Event
from tests.helpers import slow_but
from tests.values_to_try import CONTEXTS, MORE, NEW_OF, NEW_VALUES, OF_NUMBERS, SMALL

pytestmark = pytest.mark.usefixtures("quick_compilation")


def base_config(kind: str, name: str) -> Any:
    """Small defaults, with one plugin exchanged."""
    parts = {"task": "modular_addition", "model": "mlp" if name in OF_NUMBERS else "quadratic", "optimizer": "gd", "penalty": "none"}
    sections = {part: small(part, name if kind == part else default) for part, default in parts.items()}
    sections["task"] |= {"loss": small("loss", name)} if kind == "loss" else {}
    named = {f"{kind}s": {"x": small(kind, name)}} if kind in NAMED.values() else {}
    if kind == "intervention":
        sections["model"], named["interventions"]["x"]["schedule"] = select("quadratic", width="8"), "at 1"
    quiet = {"progress": False, "plot": False, "tensorboard": False}
    return experiment(**sections, **named, steps=3, events={"metrics": "at 0 3"}, recording=quiet)


def small(kind: str, name: str) -> dict[str, Any]:
    fields = {declared.name for declared in declared_fields(registry.lookup(kind, name))}
    return select(name, **{field: value for field, value in SMALL.items() if field in fields and kind != "probe"} | MORE.get(name, {}))


def another(declared: Declared, plugin: str = "") -> Any:
    """A value that the field may have, other than its default; None where there is only one."""
    if (plugin, declared.name) in NEW_OF:
        return NEW_OF[plugin, declared.name]
    if declared.name in NEW_VALUES:
        return NEW_VALUES[declared.name]
    if choices := declared.metadata.get("choices"):
        return next((choice for choice in choices if choice != declared.default), None)
    scalar, _, _ = unwrap(declared.type)
    if scalar is bool:
        return not declared.default
    assert scalar in (int, float), f"give the field {declared.name} a value in NEW_VALUES"
    return (declared.default + 1 if scalar is int else declared.default / 2) if declared.default else 1


INSIDE = {
    "optimizer": "sign_sgd",
    "model": "linear",
    "loss": "square",
    "task": "modular_subtraction",
}  # what is put in place of a plugin that another one holds
QUICK = ("modular_addition", "quadratic", "adamw", "linf", "norms", "scale")  # of each kind one
INHERITED = {declared.name for declared in declared_fields(Task)}
PLACES = {
    "probe": "probes.x",
    "intervention": "interventions.x",
    "loss": "task.loss",
}  # where a plugin stands in a config, other than under its kind
ONE_VALUE = {("task", name, "loss") for name in ("modular_addition_regression", "teacher_student", "polynomial_regression")}


def cases() -> list[tuple[str, str, str]]:
    return [
        (kind, entry.name, declared.name)
        for kind in registry.KINDS
        if kind in (*PLUGIN_SECTIONS, *PLACES)
        for entry in registry.entries(kind)
        if entry.source != "plugins.optimizers.rules.from_optax"  # test_optimizers.py
        if entry.source != "plugins.interventions.transplant"  # test_interventions_inside.py
        for declared in declared_fields(entry.cls)
        if (kind, declared.name) != ("intervention", "when")  # test_interventions.py
        # What is inherited from Task is tried on one task, and where a task has its own.
        if not (kind == "task" and entry.name != "modular_addition" and declared.name in INHERITED and is_inherited(entry.cls, declared))
        if not (kind == "loss" and entry.name != "cross_entropy" and declared.name == "class_weights")
        if not declared.harmless
        and (kind, entry.name, declared.name) not in ONE_VALUE
        and (declared.is_part or another(declared, entry.name) is not None)
    ]


def is_inherited(cls: type, declared: Declared) -> bool:
    return declared == next(field for field in declared_fields(Task) if field.name == declared.name)


@functools.lru_cache(maxsize=64)
def made(text: str) -> Experiment:
    return Experiment.from_config(from_dict(json.loads(text)))


def looks(text: str) -> list[tuple[int, tuple[str, ...]]]:
    """At which steps a row is recorded, and of what."""
    return [(event.step, event.recorded) for event in made(text).events_after(-1)]


def as_bytes(tree: Any) -> list[tuple[tuple[int, ...], bytes]]:
    return [(np.shape(leaf), np.asarray(leaf).tobytes()) for leaf in jax.tree.leaves(tree)]


def data(text: str) -> Any:
    return as_bytes(made(text).splits)


def begun(text: str) -> Any:
    """Parameters before the first step."""
    return as_bytes(made(text).initial_state().params)


@functools.lru_cache(maxsize=64)
def trained(text: str) -> Any:
    """Parameters after three steps."""
    return as_bytes(made(text).advance(made(text).initial_state(), 3)[0].params)


def judged(text: str) -> dict[str, bytes]:
    """What the task says of the first step."""
    values, _ = made(text).measure(made(text).initial_state(), Event(0, (METRICS,), (), last=False))
    return {name: np.asarray(value).tobytes() for name, value in values.items()}


@functools.lru_cache(maxsize=64)
def measured(text: str) -> dict[str, bytes]:
    """What the probe x says of the first step."""
    values, _ = made(text).measure(made(text).initial_state(), Event(0, ("x",), (), last=False))
    return {name: np.asarray(value).tobytes() for name, value in values.items()}


def later(text: str) -> dict[str, bytes]:
    """What the probe x says after three steps."""
    _, state = made(text).measure(made(text).initial_state(), Event(0, ("x",), (), last=False))
    state, _ = made(text).advance(state, 3)
    values, _ = made(text).measure(state, Event(3, ("x",), (), last=False))
    return {name: np.asarray(value).tobytes() for name, value in values.items()}


def changed(text: str) -> Any:
    """What the intervention x makes of the state before the first step, where all parameters move, and where all stand still."""
    start = made(text).initial_state()
    starts = [dataclasses.replace(start, frozen={name: np.array(still) for name in start.frozen}) for still in (False, True)]
    ends = [made(text).change(one, ["x"])[1] for one in starts]
    return [as_bytes((end.params, end.opt_state, end.frozen, end.data)) for end in ends]


def differ(one: Any, other: Any) -> bool:
    """Whether two configs record at other steps, or differ in data, in parameters, or in what a probe says of equal ones."""
    a, b = (json.dumps(to_dict(config)) for config in (one, other))
    assert a != b
    if one.interventions != other.interventions:
        return any(stage(a) != stage(b) for stage in (looks, changed))
    if one.probes != other.probes:
        return any(stage(a) != stage(b) for stage in (looks, measured, later))
    return any(stage(a) != stage(b) for stage in (looks, data, begun, trained, judged))  # what costs least comes first


@pytest.mark.parametrize(("kind", "name", "field"), slow_but(lambda case: case[1] in QUICK, cases()))
def test_every_field_of_every_plugin_changes_the_run(kind, name, field):
    declared = next(d for d in declared_fields(registry.lookup(kind, name)) if d.name == field)
    base = override(base_config(kind, name), CONTEXTS.get(f"{kind}.{name}.{field}", {}))
    path = f"{PLACES.get(kind, kind)}.{field}"
    change = {f"{path}.name": INSIDE[registry.interface_of(declared.type)]} if declared.is_part else {path: another(declared, name)}
    assert differ(base, override(base, change))


def test_the_comparison_can_fail():
    base = base_config("penalty", "l2")
    unused = override(base, {"model.init_std": 0.7})  # the initialization is uniform: this field is not in use
    assert not differ(base, unused)


SETTINGS = {
    f"{section}.{declared.name}".lstrip("."): declared
    for section, cls in {"": General, **SECTIONS}.items()
    for declared in declared_fields(cls)
}
TRAJECTORY = {"seed": 1, "events.metrics": "every 2", "numerics.precision": "float64"}  # and, in their own tests:
ELSEWHERE = {"init_from", "fork_of", "numerics.matmul"}  # fork_of: tests/test_fork.py


def test_no_setting_is_left_out_here():
    assert {name for name, declared in SETTINGS.items() if not declared.harmless} == TRAJECTORY.keys() | ELSEWHERE


@pytest.mark.parametrize(("path", "value"), TRAJECTORY.items())
def test_every_setting_that_is_not_harmless_changes_the_run(path, value):
    base = base_config("penalty", "none")
    assert differ(base, override(base, {path: value}))


def test_init_from_begins_where_the_other_run_ended(tmp_path):
    base = base_config("penalty", "none")
    source = train(base, tmp_path / "source").metrics()["objective"]
    begun = train(override(base, {"init_from": str(tmp_path / "source"), "steps": 0})).metrics()["objective"]
    assert begun[0] == source[-1] != source[0]


@pytest.mark.parametrize("matmul", ["highest", "default"])
def test_the_precision_of_products_reaches_the_compiled_programs(matmul, clean_registry):
    programs = []

    @register("watching")
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Watching(Penalty):
        """0; remembers how products are computed around it."""

        def __call__(self, params):
            programs.append(str(jax.make_jaxpr(jnp.dot)(params["V"], params["V"].T)))
            return jnp.zeros(())

    watched = Experiment.from_config(override(base_config("penalty", "watching"), {"numerics.matmul": matmul}))
    watched.advance(watched.initial_state(), 1)
    assert programs
    assert all(("HIGHEST" in program) == (matmul == "highest") for program in programs)


@pytest.mark.usefixtures("clean_registry")
@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_harmless_or_compared_at_resume(name, tmp_path):
    declared = SETTINGS[name]
    base = override(base_config("penalty", "none"), {f"recording.{field}": True for field in ("tensorboard", "progress", "plot")})
    directory = RunDirectory.at(tmp_path)
    directory.write_config(base)
    special = {"plugins": (), "init_from": "elsewhere", "fork_of": "elsewhere@3", "stop_when": "objective < 1"} | TRAJECTORY
    special["checkpoint.keep_best"] = "-objective"
    changed = base.copy_and_resolve_references().unlock()
    holder = changed if "." not in name else changed[name.partition(".")[0]]
    holder[name.rpartition(".")[2]] = ("some_module",) if name == "plugins" else special[name] if name in special else another(declared)
    assert flatten(changed) != flatten(base)
    if declared.harmless:
        assert name in harmless_fields(base)
        directory.check_same_run(changed)
    else:
        with pytest.raises(UserError, match=f"{name}: the run has"):
            directory.check_same_run(changed)


def test_every_field_of_a_plugin_is_compared_at_resume(tmp_path):
    base = base_config("penalty", "l2")
    directory = RunDirectory.at(tmp_path)
    directory.write_config(base)
    for path in ("task.p", "model.width", "optimizer.learning_rate", "penalty.coefficient"):
        with pytest.raises(UserError, match=f"{path}: the run has"):
            directory.check_same_run(override(base, {path: another_of(base, path)}))


def another_of(config: Any, path: str) -> Any:
    kind, _, name = path.partition(".")
    return another(next(d for d in declared_fields(registry.lookup(kind, config[kind].name)) if d.name == name))
