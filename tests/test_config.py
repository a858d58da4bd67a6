"""Composing configs: defaults, swaps, overrides, JSON, and the commands' view of all of it."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ml_collections import ConfigDict

from configs import quickstart
from framework import Experiment, Probe, field, load_run, register, registry, run_sweep, train
from framework.cli import run_command
from framework.config import experiment, find_config, flatten, from_dict, load_config, override, select, shipped_configs, to_dict
from framework.errors import FieldError, UserError
from framework.fields import declared_fields


def minimal(**more):
    return experiment(task=select("modular_addition", p=7), model=select("quadratic"), optimizer=select("adam"), **more)


def test_every_field_of_every_part_is_filled_with_its_default():
    config = minimal()
    for kind in ("task", "model", "optimizer", "penalty"):
        cls = registry.lookup(kind, config[kind].name)
        expected = {one.name: registry.section_of(one.default) if one.is_part else one.default for one in declared_fields(cls)}
        expected |= {"name": config[kind].name}
        expected |= {"p": 7} if kind == "task" else {}
        assert config[kind].to_dict() == expected
    assert config.penalty.name == "none"
    assert {"events", "checkpoint", "numerics", "recording", "seed", "steps", "init_from", "plugins", "probes"} <= set(config)


def test_a_config_is_locked():
    config = minimal()
    with pytest.raises(AttributeError, match="lerning_rate"):
        config.optimizer.lerning_rate = 1
    with pytest.raises(AttributeError, match="extra"):
        config.extra = 1


def test_a_swap_after_the_colon_takes_the_new_plugin_with_its_own_defaults():
    config = quickstart.get_config("optimizer=gd,penalty=l2,probes=norms")
    assert config.optimizer.to_dict() == {"name": "gd", "learning_rate": 1.0}
    assert config.penalty.name == "l2"
    assert list(config.probes) == ["norms"]
    assert config.task.p == 47


def test_probes_are_added_not_replaced(clean_registry):
    @register("second_probe")
    @dataclass(frozen=True, kw_only=True)
    class Second(Probe):
        """Nothing."""

        level: float = field(2.0, "a level")

        def measure(self, params, context, state):
            return {}, state

    config = quickstart.get_config("probes=second_probe+norms")
    assert set(config.probes) == {"norms", "second_probe"}
    assert config.probes.second_probe.to_dict() == {"name": "second_probe", "level": 2.0, "schedule": "log"}


def test_the_plugin_is_swapped_before_its_fields_are_set_whatever_the_order():
    for changes in (
        {"optimizer.momentum": "0.5", "optimizer.name": "sgd"},
        {"optimizer.name": "sgd", "optimizer.momentum": "0.5"},
    ):
        config = override(quickstart.get_config(), changes)
        assert (config.optimizer.name, config.optimizer.momentum) == ("sgd", 0.5)


def test_naming_the_plugin_that_is_there_keeps_its_fields():
    assert override(quickstart.get_config(), {"model.name": "quadratic"}).model.init_scale == 4.0


def test_a_probe_is_added_by_its_name_field():
    config = override(minimal(), {"probes.early.schedule": "at 1 2", "probes.early.name": "norms"})
    assert config.probes.early.name == "norms"
    assert config.probes.early.schedule == "at 1 2"


def test_overriding_leaves_the_given_config_as_it_was():
    config = quickstart.get_config()
    before = to_dict(config)
    changed = override(config, {"task.p": "59", "probes.x.name": "norms", "optimizer.name": "gd", "steps": "5"})
    assert to_dict(config) == before
    assert config.is_locked
    assert changed.task.p == 59
    assert changed.task.is_locked


@pytest.mark.parametrize(("text", "value"), [("23", 23), ("23.0", 23), ("2.3e1", 23)])
def test_integral_texts_become_integers(text, value):
    p = override(minimal(), {"task.p": text}).task.p
    assert (p, type(p)) == (value, int)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False), ("1", True)])
def test_truth_has_several_spellings(text, value):
    assert override(minimal(), {"task.replacement": text}).task.replacement is value


def test_a_field_takes_numbers_from_python_where_it_takes_formulas():
    config = quickstart.get_config()
    config.model.width = 12
    config.task.train_size = 100
    config.optimizer.learning_rate = 1
    made = Experiment.from_config(config)
    assert (made.model.width, made.task.train_size, made.optimizer.learning_rate) == ("12", "100", 1.0)


def test_the_same_value_in_any_spelling_is_the_same_config():
    spelled = [minimal(steps=x, checkpoint={"keep": x}) for x in (3, 3.0, "3", "3e0")]
    assert all(to_dict(config) == to_dict(spelled[0]) for config in spelled)
    widths = [experiment(task=select("modular_addition"), model=select("quadratic", width=w), optimizer=select("gd")) for w in (8, "8")]
    assert to_dict(widths[0]) == to_dict(widths[1])


def test_none_does_not_open_a_field_to_other_types():
    config = minimal()
    config.optimizer.learning_rate = None
    with pytest.raises(UserError, match=r"optimizer\.learning_rate = None: must be a number > 0"):
        Experiment.from_config(config)
    with pytest.raises(FieldError, match=r"optimizer\.learning_rate = 'fast': must be a number > 0"):
        override(config, {"optimizer.learning_rate": "fast"})


@dataclass(frozen=True, kw_only=True)
class Typed(Probe):
    """Has a field of each awkward type."""

    levels: tuple[int, ...] = field((1, 2), "levels")
    names: tuple[str, ...] = field((), "names")
    limit: float | None = field(None, "a limit", above=0)

    def measure(self, params, context, state):
        return {"levels": sum(self.levels) * params["V"].sum()}, state


@pytest.fixture
def typed(clean_registry):
    register("typed")(Typed)
    return minimal(probes={"t": select("typed")})


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [("levels", "(1,2)", (1, 2)), ("levels", "1,2", (1, 2)), ("levels", "1", (1,)), ("names", "a,b", ("a", "b"))]
    + [("limit", "3", 3.0), ("limit", "none", None)],
)
def test_tuples_and_none_come_from_the_command_line(typed, name, text, expected):
    once = override(typed, {"probes.t.limit": "5", f"probes.t.{name}": text})
    assert once.probes.t[name] == expected
    again = from_dict(json.loads(json.dumps(to_dict(once))))  # after JSON they are settable still
    assert again.probes.t[name] == expected
    assert override(again, {f"probes.t.{name}": text}).probes.t[name] == expected


def test_a_fraction_in_a_tuple_of_integers_is_refused(typed):
    with pytest.raises(FieldError, match=r"probes\.t\.levels = '\(1\.5,2\)': must be integers separated by commas"):
        override(typed, {"probes.t.levels": "(1.5,2)"})


@pytest.mark.parametrize("config", [config.name for config in shipped_configs()])
def test_every_shipped_config_survives_json_and_is_complete(config):
    loaded = load_config(config)
    text = json.dumps(to_dict(loaded), allow_nan=False)
    assert to_dict(from_dict(json.loads(text))) == to_dict(loaded)
    assert to_dict(Experiment.from_config(loaded).config) == to_dict(loaded)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "task.p": st.integers(2, 46_340),
            "task.replacement": st.booleans(),
            "task.train_size": st.sampled_from(["50%", "2*p^(5/3)", 12]),
            "optimizer.learning_rate": st.floats(1e-30, 1e30),
            "seed": st.integers(0, 2**63 - 1),
            "events.metrics": st.sampled_from(["log", "every 3"]),
            "numerics.precision": st.sampled_from(["float32", "float64"]),
        },
    )
)
def test_any_overrides_arrive_and_survive_json(changes):
    config = override(minimal(), {path: str(value) for path, value in changes.items()})
    flat = flatten(from_dict(json.loads(json.dumps(to_dict(config)))))
    for path, value in changes.items():
        assert flat[path] == (str(value) if path == "task.train_size" else value)


def test_a_config_that_ships_is_found_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [config.name for config in shipped_configs()]
    assert {"quickstart", "paper/classification", "paper/regression"} <= set(names)
    assert find_config("paper/classification:model=quadratic")[1] == "model=quadratic"
    assert all(config.summary for config in shipped_configs())


def test_a_run_directory_and_its_config_json_are_configs(tmp_path, small_config):
    (tmp_path / "config.json").write_text(json.dumps(to_dict(small_config)))
    for spec in (str(tmp_path), str(tmp_path / "config.json")):
        assert to_dict(load_config(spec)) == to_dict(from_dict(small_config))
    swapped = load_config(f"{tmp_path}/config.json:optimizer=gd", {"task.p": "5"})
    assert (swapped.optimizer.name, swapped.task.p) == ("gd", 5)


@pytest.mark.parametrize("arg", [5, None, {}, [], True])
def test_what_follows_the_colon_is_text_in_a_file_too(arg, tmp_path, small_config, capsys):
    (tmp_path / "config.json").write_text(json.dumps(to_dict(small_config) | {"arg": arg}))
    for words in (["plot", str(tmp_path)], ["diff", str(tmp_path), "quickstart"]):
        assert run_command(words) == 2
        said = capsys.readouterr().err.splitlines()
        assert len(said) == 1 and f"config.json: arg = {arg!r}: must be text" in said[0]


def test_training_from_python_needs_no_flags_and_no_folder(tmp_path, monkeypatch, small_config):
    monkeypatch.chdir(tmp_path)
    small_config.steps, small_config.recording.progress = 2, False
    run = train(small_config)
    assert run.metrics()["step"].tolist() == [0, 1, 2]
    assert list(tmp_path.iterdir()) == []


MEMBERS = "run_sweep takes members, at least one, as members"
CALLS = [
    (lambda config: train("quickstart"), "a config is needed here.*load_config.*'quickstart' is none"),
    (lambda config: train(None), "a config is needed here.*None is none"),
    (lambda config: train({}), "a config is needed here.*{} is none"),
    (lambda config: train(ConfigDict({"steps": 3})), "the config has no section task, model, optimizer"),
    (lambda config: train(config, 3), "a folder is given by its name.*not as 3"),
    (lambda config: load_run(None), "a folder is given by its name.*not as None"),
    (lambda config: run_sweep([], "w"), MEMBERS),
    (lambda config: run_sweep([config], "w"), MEMBERS),
    (lambda config: run_sweep(config, "w"), MEMBERS),
    (lambda config: run_sweep(None, "w"), MEMBERS),
    (lambda config: override(config, None), "override takes changes.*'task.p': 23.*None"),
    (lambda config: override(config, {3: 4}), "override takes changes"),
    (lambda config: override(None, {}), "a config is needed here"),
]


@pytest.mark.parametrize(("call", "said"), CALLS, ids=[f"{number} {said[:30]}" for number, (_, said) in enumerate(CALLS)])
def test_what_a_function_does_not_take_is_refused_with_what_it_takes(call, said, small_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        call(small_config)
    assert not any(tmp_path.iterdir())
