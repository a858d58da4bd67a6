"""What networks and optimizers give is shaped as training takes it, or refused in a sentence before anything is written."""

import re
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax
import pytest
from flax import nnx

from framework import Experiment, Loss, Model, Optimizer, field, register, train
from framework.config import override, select
from framework.errors import FieldError
from plugins.tasks.modular_addition import ModularAddition
from tests.helpers import tiny

pytestmark = pytest.mark.usefixtures("clean_registry")


class Table(nnx.Module):
    """Outputs that are a row of a table each, and that end as `how` says."""

    def __init__(self, how, outputs):
        self.how, self.rows = how, nnx.Param(jnp.ones((5, outputs)))

    def __call__(self, inputs):
        found = self.rows[inputs[:, 0]]
        ends = {"one less": found[:, 1:], "flat": found[:, 0], "whole": found.astype(int), "two": (found, found), "half": found[::2]}
        return ends.get(self.how, found)


@dataclass(frozen=True, kw_only=True)
class Ending(Model):
    """A table."""

    how: str = field("", "how", harmless=True)
    more: int = field(0, "how many outputs it has beside those of the task")

    def build(self, task, *, rngs):
        return Table(self.how, task.sizes.outputs + self.more)


@dataclass(frozen=True, kw_only=True)
class Doubting(Loss):
    """One output more than the task has, for doubt."""

    def __call__(self, outputs, targets):
        return optax.softmax_cross_entropy_with_integer_labels(outputs[:, :-1], targets) + outputs[:, -1] ** 2


@dataclass(frozen=True, kw_only=True)
class Asking(ModularAddition):
    """A task that asks for one number, and judges it in its own way."""

    def losses(self, outputs, targets):
        return (outputs - targets) ** 2

    def right(self, outputs, targets, splits):
        return jnp.abs(outputs - targets) < 0.5


@dataclass(frozen=True, kw_only=True)
class Widening(Optimizer):
    """Updates that JAX would stretch to the shape of a parameter."""

    how: str = field("", "how", harmless=True)

    def transform(self):
        ends = {"a row": lambda leaf: leaf[:1], "one": jnp.sum}
        return optax.stateless(lambda updates, params: jax.tree.map(ends.get(self.how, lambda leaf: -leaf), updates))


@pytest.fixture(autouse=True)
def registered(clean_registry):
    for name, cls in {"ending": Ending, "doubting": Doubting, "asking": Asking, "widening": Widening}.items():
        register(name)(cls)


@pytest.mark.parametrize(
    ("how", "given"),
    [("one less", "float32 [12, 4]"), ("flat", "float32 [12]"), ("whole", "int32 [12, 5]"), ("two", "tuple"), ("half", "float32 [6, 5]")],
)
def test_outputs_that_are_not_those_of_the_task_are_refused(how, given, tmp_path):
    config = tiny(model=select("ending"), probes={})
    Experiment.from_config(config).notices()
    said = f"model.name = 'ending': gives {given} for 12 examples of task.name = 'modular_addition', which takes float [12, 5]"
    with pytest.raises(FieldError, match=re.escape(said)):
        train(override(config, {"model.how": how}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_loss_of_ones_own_may_take_more_outputs_than_the_task_has():
    config = tiny(model=select("ending", more=1), task=select("modular_addition", p=5, loss=select("doubting")), probes={})
    assert train(config).rows[-1]["step"] == 6
    with pytest.raises(FieldError, match=r"gives float32 \[12, 6\] for 12 examples"):
        train(override(config, {"task.loss": "cross_entropy"}))
    with pytest.raises(FieldError, match=r"gives float32 \[12, 4\] for 12 examples"):
        train(override(config, {"model.more": -1}))


def test_a_task_that_judges_in_its_own_way_takes_what_it_takes():
    config = tiny(model=select("ending", how="flat"), task=select("asking", p=5), probes={})
    assert train(config).rows[-1]["step"] == 6


@pytest.mark.parametrize(("how", "given"), [("a row", "float32 [1, 5]"), ("one", "float32 []")])
def test_updates_that_would_be_stretched_are_refused(how, given, tmp_path):
    config = tiny(optimizer=select("widening"), model=select("mlp", width="4"), probes={})
    Experiment.from_config(config).notices()
    with pytest.raises(FieldError, match=r"optimizer\.name = 'widening': its update of .* is " + re.escape(given)):
        train(override(config, {"optimizer.how": how}), tmp_path / "run")
    assert not (tmp_path / "run").exists()
