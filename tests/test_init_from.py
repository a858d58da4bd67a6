"""A run that starts from another run's network starts from that network, whatever its seed."""

import dataclasses

import numpy as np
import pytest
from flax import nnx

from framework import Model, register, train
from framework.config import override, select
from framework.errors import UserError
from tests.helpers import slow_but, tiny

pytestmark = pytest.mark.usefixtures("clean_registry", "quick_compilation")

MODELS = {
    "quadratic": select("quadratic", width="4"),
    "kernel": select("kernel", inner=select("quadratic", width="4")),
    "centered": select("centered", inner=select("quadratic", width="4")),
    "normalized": select("normalized_in_a_test"),
    "dropout": select("transformer", d_model=4, heads=1, d_mlp=4, dropout=0.5),
}


def register_normalized():
    class Normalized(nnx.Module):
        def __init__(self, p, rngs):
            self.embed, self.norm, self.out = nnx.Embed(p, 4, rngs=rngs), nnx.BatchNorm(4, rngs=rngs), nnx.Linear(4, p, rngs=rngs)

        def __call__(self, tokens):
            return self.out(self.norm(self.embed(tokens).sum(1)))

    @register("normalized_in_a_test")
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class NormalizedModel(Model):
        """A network with batch statistics."""

        def build(self, task, *, rngs):
            return Normalized(task.sizes.values, rngs)


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_but(lambda name: name in ("kernel", "normalized"), MODELS))
def test_a_run_of_another_seed_begins_with_the_outputs_that_the_other_ended_with(name, tmp_path):
    register_normalized()
    config = tiny(4, model=MODELS[name], optimizer=select("gd", learning_rate=0.01), probes={}, plugins=())
    source = train(config, tmp_path / "source")
    begun = train(override(config, {"seed": 1, "steps": 0, "init_from": str(tmp_path / "source")}))
    inputs = source.experiment.splits.population.inputs
    expected = np.asarray(source.model()(inputs))
    assert np.any(expected != expected[0, 0])
    np.testing.assert_array_equal(np.asarray(begun.model()(inputs)), expected)
    assert not np.array_equal(np.asarray(source.model(0)(inputs)) if 0 in source.steps else expected + 1, expected)


@pytest.mark.slow
def test_what_is_drawn_in_training_is_of_the_new_seed(tmp_path):
    config = tiny(2, model=MODELS["dropout"], probes={}, plugins=())
    train(config, tmp_path / "source")
    ends = [
        train(override(config, {"seed": seed, "task.train_size": "100%", "init_from": str(tmp_path / "source")})).params()
        for seed in (1, 2)
    ]
    assert any(np.any(a != b) for a, b in zip(*(np.asarray(list(_leaves(end)), object) for end in ends), strict=True))


@pytest.mark.slow
def test_a_network_without_the_dropout_of_the_other_begins_where_that_ended(tmp_path):
    config = tiny(2, model=MODELS["dropout"], probes={}, plugins=())
    source = train(config, tmp_path / "source")
    begun = train(override(config, {"model.dropout": 0.0, "steps": 0, "init_from": str(tmp_path / "source")}))
    inputs = source.experiment.splits.population.inputs
    np.testing.assert_array_equal(np.asarray(begun.model()(inputs)), np.asarray(source.model()(inputs)))


def test_a_network_of_another_kind_is_refused(tmp_path):
    config = tiny(2, optimizer=select("gd"), probes={}, plugins=())
    train(config, tmp_path / "source")
    with pytest.raises(UserError, match="parameters do not fit"):
        train(override(config, {"model": MODELS["kernel"], "init_from": str(tmp_path / "source")}))


def _leaves(tree):
    for value in tree.values():
        yield from _leaves(value) if isinstance(value, dict) else [value]
