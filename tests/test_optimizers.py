"""Optimizers that hold others against their formulas in NumPy, and what every optimizer must do."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from framework import Experiment, build, registry
from framework.config import experiment, flatten, override, select, to_dict
from framework.errors import FieldError, UserError
from framework.fields import declared_fields
from plugins.optimizers.rules.muon import matrices
from plugins.optimizers.wrappers.grokfast import add_average, add_moving_average
from plugins.optimizers.wrappers.orthograd import orthogonal

pytestmark = pytest.mark.usefixtures("quick_compilation")

OPTIMIZERS = [entry.name for entry in registry.entries("optimizer")]
GD = {"name": "gd", "learning_rate": 1.0}


def config(optimizer, **changes):
    parts = {
        "task": select("modular_addition", p=5),
        "model": select("quadratic", width="4"),
        "steps": 3,
        "recording": {"progress": False, "plot": False, "tensorboard": False},
    }
    return experiment(optimizer=optimizer, **parts | changes)


def after(optimizer, steps, chunks=None, **changes):
    """(parameters before, after) a number of steps, in float64."""
    made = Experiment.from_config(config(optimizer, numerics={"precision": "float64"}, **changes))
    state = made.initial_state()
    before = jax.device_get(state.params)
    for count in chunks or [steps]:
        state, diverged = made.advance(state, count)
        assert diverged == -1
    return before, jax.device_get(state.params)


def gradients(count, shape=(3, 2), seed=0):
    return np.random.default_rng(seed).normal(size=(count, *shape))


def outputs(transform, series, params):
    """What a transformation makes of a series of gradients, compiled as one loop."""

    def step(state, g):
        update, state = transform.update({"w": g}, state, params)
        return state, update["w"]

    return np.asarray(jax.lax.scan(step, transform.init(params), jnp.asarray(series))[1])


@pytest.fixture
def x64():
    with jax.enable_x64(True):
        yield


def test_grokfast_is_its_formula_over_300_steps(x64):
    series, decay, amplification = gradients(300), 0.9, 2.0
    expected, m = [], series[0]
    for g in series:
        m = decay * m + (1 - decay) * g  # of the first gradient: itself
        expected.append(g + amplification * m)
    found = outputs(add_average(decay, amplification), series, {"w": jnp.zeros((3, 2))})
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("average", ["mean", "sum"])
@pytest.mark.parametrize("wait", [True, False])
def test_the_moving_average_is_over_the_last_gradients(average, wait, x64):
    series, window, amplification = gradients(40), 7, 5.0
    expected = []
    for t, g in enumerate(series):
        queue = series[max(0, t - window + 1) : t + 1]
        slow = queue.sum(axis=0) if average == "sum" else queue.mean(axis=0)
        expected.append(g + amplification * slow if len(queue) == window or not wait else g)
    found = outputs(add_moving_average(window, amplification, average, wait), series, {"w": jnp.zeros((3, 2))})
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_filter_acts_before_coupled_decay_is_added():
    """Lee et al. 2024: g + λ m, then + weight_decay · θ; with one step of gradient descent both can be told apart."""
    inner = {"name": "sgd", "learning_rate": 1.0, "momentum": 0.0, "weight_decay": 0.5}
    before, now = after(select("grokfast", inner=inner, amplification=3.0), 1)
    _, plain = after(select("sgd", learning_rate=1.0, momentum=0.0), 1)
    for name in before:
        gradient = before[name] - plain[name]
        np.testing.assert_allclose(before[name] - now[name], 4 * gradient + 0.5 * before[name], rtol=1e-10)


@pytest.mark.parametrize("scale", [1.0, 1e-25])
def test_orthograd_is_orthogonal_and_as_long_as_the_gradient(scale):
    w, g = gradients(2, (40, 30)).astype(np.float32)
    found = np.asarray(orthogonal(jnp.asarray(scale * g), jnp.asarray(w)), np.float64) / scale
    exact = g - np.sum(w.astype(float) * g) / np.sum(w.astype(float) ** 2) * w
    np.testing.assert_allclose(found, exact * np.linalg.norm(g) / np.linalg.norm(exact), rtol=1e-4, atol=1e-6)
    assert abs(np.sum(found * w)) < 1e-6 * np.linalg.norm(found) * np.linalg.norm(w)
    shorter = np.asarray(orthogonal(jnp.asarray(scale * g), jnp.asarray(w), rescale=False), np.float64) / scale
    np.testing.assert_allclose(shorter, exact, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(1,), (17,), (9, 5)])
def test_orthograd_of_a_gradient_along_the_weights_is_zero(shape):
    for seed in range(50):
        w = jnp.asarray(gradients(1, shape, seed)[0], jnp.float32)
        factor = jnp.float32(np.random.default_rng(seed).normal())
        np.testing.assert_array_equal(orthogonal(factor * w, w), jnp.zeros(shape))
    np.testing.assert_allclose(orthogonal(w, jnp.zeros(shape)), w, rtol=1e-6)  # nothing to project out


def test_a_schedule_scales_steps():
    rule = build("optimizer", "scheduled", inner=GD, warmup_steps=10, decay="linear", decay_steps=100, decay_to=0.2)
    found = [float(rule.factor()(t)) for t in (0, 1, 9, 10, 60, 110, 1000)]
    np.testing.assert_allclose(found, [0, 0.1, 0.9, 1, 0.6, 0.2, 0.2], rtol=1e-6)
    falls = build("optimizer", "scheduled", inner=GD, warmup_steps=0, decay="exponential", decay_steps=2, decay_to=0.01)
    np.testing.assert_allclose([float(falls.factor()(t)) for t in (0, 1, 2, 3)], [1, 0.1, 0.01, 0.01], rtol=1e-5)
    before, now = after(select("scheduled", inner=GD, warmup_steps=10), 1)
    assert all(np.array_equal(before[name], now[name]) for name in before)  # the first step of a warm-up from 0


def test_parts_get_their_own_optimizer():
    freezing = select("by_part", parts=("V",), chosen=select("frozen"), rest=GD)
    before, now = after(freezing, 3)
    np.testing.assert_array_equal(before["V"], now["V"])
    assert np.any(before["W"] != now["W"])
    with pytest.raises(FieldError, match=r"optimizer.parts = 'bias': matches no parameter of this network: V, W"):
        after(select("by_part", parts=("bias",)), 1)


def test_sam_takes_the_gradient_from_uphill():
    radius = 0.3
    before, now = after(select("sam", inner=GD, radius=radius), 1)
    made = Experiment.from_config(config(GD, numerics={"precision": "float64"}))
    with jax.enable_x64(True):
        slope = jax.grad(lambda params: made.objective(params, {}, made.splits.train)[0])
        g = jax.device_get(slope(before))
        norm = np.sqrt(sum(np.sum(leaf**2) for leaf in g.values()))
        uphill = slope({name: before[name] + radius * g[name] / norm for name in g})
    for name in before:
        np.testing.assert_allclose(before[name] - now[name], uphill[name], rtol=1e-9, atol=1e-12)


def test_gradient_noise_follows_from_seed_and_step():
    noisy = select("noisy", inner=GD, noise_std=0.1, annealing=1.0)
    big = {"model": select("quadratic", width="2000", init_scale=1e-3)}
    plain, now = (after(optimizer, 1, **big)[1] for optimizer in (GD, noisy))
    noise = np.concatenate([(now[name] - plain[name]).ravel() for name in now])
    assert abs(noise.std() / 0.1 - 1) < 0.02 and abs(noise.mean()) < 0.002
    whole, cut, other = (after(noisy, 6, chunks, seed=seed)[1]["W"] for chunks, seed in ((None, 0), ([1, 3, 2], 0), (None, 1)))
    np.testing.assert_array_equal(whole, cut)
    assert np.any(whole != other)


def test_noise_anneals(x64):
    transform = build("optimizer", "noisy", inner=GD, noise_std=1.0, annealing=1.0).transform()
    params = {"w": jnp.zeros(20_000)}
    state, spread = transform.init(params), []
    for t in range(4):
        update, state = transform.update(params, state, params, key=jax.random.key(t))
        spread.append(float(jnp.std(update["w"])))
    np.testing.assert_allclose(spread, [(1 + t) ** -0.5 for t in range(4)], rtol=0.03)


def test_parts_of_a_network_do_not_share_noise(x64):
    transform = build("optimizer", "noisy", inner=GD, noise_std=1.0).transform()
    params = {"a": jnp.zeros(5), "b": jnp.zeros(5)}
    update, _ = transform.update(params, transform.init(params), params, key=jax.random.key(0))
    assert np.all(update["a"] != update["b"])


def test_fixed_norm_keeps_the_norm():
    before, now = after(select("fixed_norm", inner=select("gd", learning_rate=5.0)), 20)
    norms = [np.sqrt(sum(np.sum(leaf**2) for leaf in params.values())) for params in (before, now)]
    np.testing.assert_allclose(norms[1], norms[0], rtol=1e-12)
    assert np.any(before["W"] != now["W"])


def test_muon_orthogonalizes_the_matrices_of_a_network():
    before, now = after(select("muon", learning_rate=1.0, nesterov=False), 1, model=select("quadratic", width="8"))
    for name, matrix in (("W", (now["W"] - before["W"]).reshape(-1, 8)), ("V", now["V"] - before["V"])):
        rows, columns = matrix.shape
        singular = np.linalg.svd(matrix, compute_uv=False) / np.sqrt(max(1, columns / rows))
        # Newton and Schulz with Jordan's coefficients bring them between 0.7 and 1.2; one direction carries no gradient.
        assert np.all((singular[:4] > 0.6) & (singular[:4] < 1.3)), (name, singular)
    specs = matrices({"W": jnp.zeros((2, 5, 8)), "query": {"kernel": jnp.zeros((16, 4, 4))}, "bias": jnp.zeros((4, 4))})
    assert specs["W"].reduction_axis == (0, 1) and specs["query"]["kernel"].output_axis == (1, 2) and specs["bias"] is None


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_steps_and_bears_a_zero_gradient(name):
    made = Experiment.from_config(config(select(name)))
    state, diverged = made.advance(made.initial_state(), 3)
    assert diverged == -1
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(jax.device_get(state.params)))
    transform = optax.with_extra_args_support(made.optimizer.transform())
    zero = jax.tree.map(jnp.zeros_like, state.params)
    update, _ = transform.update(zero, transform.init(state.params), state.params, grad_fn=lambda *_: zero, key=jax.random.key(0))
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(jax.device_get(update)))


@pytest.mark.slow
@pytest.mark.parametrize("name", [entry.name for entry in registry.entries("optimizer") if "from_optax" in entry.source])
def test_every_field_of_an_adapted_optimizer_reaches_it(name):
    """On twelve gradients of one tensor, which is enough to tell (test_effects.py does it for the others, in whole runs)."""
    cls = registry.lookup("optimizer", name)
    params = {"w": jnp.asarray(gradients(1, seed=1)[0], jnp.float32)}
    series = gradients(12).astype(np.float32)
    plain = outputs(cls().transform(), series, params)
    for declared in declared_fields(cls):
        default = declared.default
        other = not default if isinstance(default, bool) else default + 1 if isinstance(default, int) else default / 4 or 0.1
        other = 0.1 if declared.name.startswith("eps") else other
        changed = cls(**{declared.name: other} | ({"momentum": 0.9} if declared.name == "nesterov" and name == "lars" else {}))
        assert np.any(outputs(changed.transform(), series, params) != plain), declared.name


def test_the_plugin_inside_is_a_section_of_its_own():
    base = config(select("grokfast", inner=select("sgd", momentum=0.5)))
    assert flatten(base)["optimizer.inner.momentum"] == 0.5
    changed = override(base, {"optimizer.inner.learning_rate": "0.25", "optimizer.decay": "0.5"})
    assert (changed.optimizer.inner.learning_rate, changed.optimizer.inner.momentum, changed.optimizer.decay) == (0.25, 0.5, 0.5)
    swapped = override(base, {"optimizer.inner.weight_decay": "2", "optimizer.inner.name": "adamw"})
    assert (swapped.optimizer.inner.name, swapped.optimizer.inner.weight_decay) == ("adamw", 2.0)
    assert Experiment.from_config(swapped).optimizer.inner == build("optimizer", "adamw", weight_decay=2.0)
    assert to_dict(Experiment.from_config(swapped).config) == to_dict(swapped)


def test_wrappers_are_composed_after_the_colon_and_in_python():
    composed = config(GD, arg="optimizer=grokfast+orthograd+sgd").optimizer
    assert (composed.name, composed.inner.name, composed.inner.inner.name) == ("grokfast", "orthograd", "sgd")
    assert config(select("grokfast", inner=build("optimizer", "sgd", momentum=0.3))).optimizer.inner.momentum == 0.3
    assert config(select("grokfast", inner="lion")).optimizer.inner.name == "lion"
    with pytest.raises(UserError, match=r"optimizer=sgd\+adam: sgd holds no other optimizer"):
        config(GD, arg="optimizer=sgd+adam")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("optimizer.inner.lerning_rate", "1", "optimizer.inner.lerning_rate: there is no such field. Did you mean 'learning_rate'"),
        ("optimizer.inner.learning_rate", "-1", "optimizer.inner.learning_rate = '-1': must be a number > 0"),
        ("optimizer.inner.name", "adamww", "there is no optimizer called 'adamww'. Did you mean 'adamw'"),
        ("optimizer.inner", "adamw", "optimizer.inner is a section"),
    ],
)
def test_mistakes_inside_are_named_with_their_path(field, value, said):
    with pytest.raises(UserError) as caught:
        override(config(select("grokfast")), {field: value})
    assert said in str(caught.value)


def test_a_plugin_of_another_kind_is_refused_inside():
    with pytest.raises(FieldError, match="inner"):
        build("optimizer", "grokfast", inner=build("penalty", "l2"))
