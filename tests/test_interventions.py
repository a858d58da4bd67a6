"""Interventions: their values right after them, in NumPy on the saved arrays of the same run without them."""

import inspect
import re
import shlex

import jax
import numpy as np
import pytest

from framework import Experiment, registry, train
from framework.config import load_config, override, select
from framework.errors import UserError
from tests.changed_runs import STEP, changed, plain, row, state

pytestmark = pytest.mark.usefixtures("clean_registry")  # all runs share the compiled programs of this file


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """The state at the step, of the run that nothing changes."""
    return state(train(plain(STEP), tmp_path_factory.mktemp("plain") / "run"))


def after(folder, name, **fields):
    run = train(changed(name, STEP, **fields), folder / "run")
    return state(run), row(run)


def moved(before, now, part="params"):
    return sorted(name for name in before if name.startswith(part) and not np.array_equal(before[name], now[name]))


def test_scale_multiplies_what_is_named_and_says_by_how_much(before, tmp_path):
    now, said = after(tmp_path, "scale", factor=-3.0, leaves="V")
    np.testing.assert_array_equal(now["params.V"], np.float32(-3) * before["params.V"])
    assert moved(before, now) == ["params.V"] and moved(before, now, "opt_state") == []
    length = np.linalg.norm(before["params.V"].astype(float))
    whole = np.sqrt(length**2 + np.sum(before["params.W"].astype(float) ** 2))
    assert said["x/distance"] == pytest.approx(4 * length, rel=1e-6)
    assert said["x/relative"] == pytest.approx(4 * length / whole, rel=1e-6)
    assert [said[f"x/{what}"] for what in ("parameters", "optimizer", "frozen", "examples")] == [before["params.V"].size, 0, 0, 0]


def test_set_to_fills_the_parameters_whose_names_fit(before, tmp_path):
    now, _ = after(tmp_path, "set_to", value=0.25, leaves="W*")
    assert np.all(now["params.W"] == np.float32(0.25)) and moved(before, now) == ["params.W"]


@pytest.mark.parametrize("relative", [False, True])
def test_noise_is_drawn_from_the_key_of_the_name_and_the_step(before, tmp_path, relative):
    now, _ = after(tmp_path, "noise", std=0.5, relative=relative, leaves="W")
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(0), crc32("intervention/x")), STEP)
    drawn = np.asarray(jax.random.normal(jax.random.fold_in(key, 0), before["params.W"].shape))
    size = np.sqrt(np.mean(before["params.W"].astype(float) ** 2)) if relative else 1.0
    np.testing.assert_allclose(now["params.W"], before["params.W"] + 0.5 * size * drawn, rtol=1e-6)
    assert moved(before, now) == ["params.W"]


def test_reset_optimizer_leaves_zeros_where_adam_remembers_and_the_parameters_as_they_are(before, tmp_path):
    now, said = after(tmp_path, "reset_optimizer")
    memory = [name for name in before if name.startswith("opt_state")]
    assert memory and all(np.any(before[name]) for name in memory) and not any(np.any(now[name]) for name in memory)
    assert moved(before, now) == [] and said["x/distance"] == 0 and said["x/optimizer"] > 0


def test_a_frozen_parameter_stands_still_until_it_is_thawed(tmp_path):
    both = {
        "stop": select("freeze", schedule="at 3", leaves="W"),
        "go": select("thaw", schedule="at 6"),
    }
    run = train(plain(interventions=both), tmp_path / "run")
    free = train(plain(), tmp_path / "free")
    saved = [state(run, step)["params.W"] for step in range(9)]
    still = [bool(np.array_equal(a, b)) for a, b in zip(saved, saved[1:], strict=False)]
    assert still == [False, False, False, True, True, True, False, False]
    assert all(not np.array_equal(state(run, s)["params.V"], state(run, s + 1)["params.V"]) for s in range(8))
    np.testing.assert_array_equal(saved[3], state(free, 3)["params.W"])
    assert row(run, 3)["stop/frozen"] == saved[0].size and row(run, 6)["go/frozen"] == 0


def test_the_row_of_the_step_is_of_the_changed_network(tmp_path):
    run = train(changed("set_to", STEP, value=0.0), tmp_path / "run")
    assert row(run)["test/loss"] == pytest.approx(np.log(5), rel=1e-6)  # all logits are 0: one class in five


def test_several_at_one_step_are_made_in_the_order_of_their_names(before, tmp_path):
    both = {"b": select("scale", schedule=f"at {STEP}", factor=0.5), "a": select("set_to", schedule=f"at {STEP}", value=2.0)}
    now = state(train(plain(STEP, interventions=both), tmp_path / "run"))
    assert np.all(now["params.W"] == 1) and np.all(now["params.V"] == 1)


def test_a_condition_brings_it_about_one_step_after_its_row_and_once(tmp_path):
    run = train(changed("scale", schedule="", when="step >= 4", more={"events": {"metrics": "every 2"}}), tmp_path / "run")
    free = train(plain(), tmp_path / "free")
    assert [row["step"] for row in run.rows if "x/distance" in row] == [5]
    np.testing.assert_array_equal(state(run, 4)["params.W"], state(free, 4)["params.W"])
    np.testing.assert_array_equal(state(run, 5)["params.W"], np.float32(0.5) * state(free, 5)["params.W"])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"schedule": ""}, "interventions.x.schedule = '': says not when"),
        ({"when": "step > 3"}, "interventions.x.when = 'step > 3': interventions.x.schedule = 'at 5' says when already"),
        ({"schedule": "log + last"}, 'no "last" step'),
        ({"schedule": "sometimes"}, "interventions.x.schedule = 'sometimes': must be"),
        ({"schedule": "", "when": "test/accuracy"}, "interventions.x.when"),
        ({"schedule": "", "when": "test/acuracy > 1"}, "Did you mean 'test/accuracy'"),
        ({"leaves": "U"}, "interventions.x.leaves = 'U': there is no parameter 'U'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(fields, said, tmp_path):
    with pytest.raises(UserError) as error:
        train(changed("scale", **fields), tmp_path / "run")
    assert said in str(error.value) and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "entry", [one for one in registry.entries("intervention") if one.source.startswith("plugins.")], ids=lambda one: one.name
)
def test_its_description_has_a_formula_a_source_and_an_example_that_can_be_typed(entry):
    said, _, example = inspect.getdoc(entry.cls).partition("\n\nExample: whygrok run --config=quickstart ")
    assert re.search(r"[←=]|n/N", said) and re.search(r"Source: |et al\. |[12][09]\d\d", said)
    changes = dict(word.removeprefix("--config.").split("=", 1) for word in shlex.split(example))
    assert changes["interventions.x.name"] == entry.name and len(changes) >= 2
    made = Experiment.from_config(override(load_config("quickstart"), changes)).interventions["x"]
    assert type(made) is entry.cls


def crc32(text):
    import zlib

    return zlib.crc32(text.encode())
