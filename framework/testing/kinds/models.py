"""What a Model promises."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from framework.interfaces import rows_in, take
from framework.interfaces.data import TOKENS
from framework.testing.in_training import check_resumes
from framework.testing.promises import Broken, promise
from framework.testing.shared_programs import check_shares_programs
from framework.testing.subject import Subject, bits, is_finite
from framework.training import Experiment
from framework.training.network import split

MODEL = "model"


@promise(MODEL, is_basis=True)
def it_builds_a_module(subject: Subject) -> None:
    """`build` gives an nnx.Module with parameters, all floating point and finite."""
    module = _built(subject)
    if not isinstance(module, nnx.Module):
        raise Broken(f"build gave a {type(module).__name__}: return an nnx.Module")
    _, params, _ = split(module)
    if not jax.tree.leaves(params):
        raise Broken("the network has no parameters: keep them as nnx.Param")
    for path, leaf in jax.tree.leaves_with_path(params):
        if not jnp.issubdtype(leaf.dtype, jnp.floating) or not is_finite(leaf):
            raise Broken(f"parameter {jax.tree_util.keystr(path)} is {leaf.dtype}, or not finite: parameters are finite floats")


@promise(MODEL, is_basis=True)
def its_outputs_fit_the_task(subject: Subject) -> None:
    """Inputs, such as tokens int32 [n, k], become outputs [n, p], finite and in the precision of the run."""
    module, inputs = _evaluated(subject)
    outputs, wanted = module(inputs), (rows_in(inputs), subject.experiment.task.sizes.outputs)
    if outputs.shape != wanted or outputs.dtype != jnp.result_type(float):
        raise Broken(f"outputs are {outputs.dtype}{list(outputs.shape)}; this task needs {jnp.result_type(float)}{list(wanted)}")
    if not is_finite(outputs):
        raise Broken("outputs at the initialization are not finite")


@promise(MODEL)
def it_follows_from_the_seed(subject: Subject) -> None:
    """The same `rngs` give the same parameters in every process."""
    first, again = (split(model.build(subject.experiment.task, rngs=nnx.Rngs(3)))[1] for model in (subject.plugin, subject.copy()))
    if bits(first) != bits(again):
        raise Broken("two builds from one seed have different parameters: draw them from rngs, e.g. rngs.params()")


@promise(MODEL)
def it_computes_in_float64(subject: Subject) -> None:
    """With numerics.precision=float64 all parameters and outputs are float64."""
    double = subject.in_float64()
    with double.scope():
        module, inputs = _evaluated(double)
        outputs = nnx.eval_shape(lambda module: module(inputs), module)
        dtypes = {str(leaf.dtype) for leaf in jax.tree.leaves(nnx.to_pure_dict(nnx.state(module, nnx.Param)))} | {str(outputs.dtype)}
    if dtypes != {"float64"}:
        found = ", ".join(sorted(dtypes))
        raise Broken(f"with numerics.precision=float64 parameters and outputs are {found}: make arrays of jnp.result_type(float)")


@promise(MODEL)
def each_example_is_answered_alone(subject: Subject) -> None:
    """The outputs of an example change with no other example, and are the same when compiled and under vmap."""
    module, inputs = _evaluated(subject)
    together = np.asarray(module(inputs))
    scale = max(float(np.max(np.abs(together))), 1e-30)
    others = {
        "alone": np.concatenate([nnx.jit(module)(take(inputs, np.array([i]))) for i in range(3)]),
        "when compiled": nnx.jit(module)(inputs)[:3],
        "under vmap": jax.jit(jax.vmap(lambda one: module(jax.tree.map(lambda array: array[None], one))[0]))(inputs)[:3],
    }
    for how, outputs in others.items():
        if (miss := float(np.max(np.abs(np.asarray(outputs) - together[:3]))) / scale) > 1e-4:
            raise Broken(f"outputs of an example {how} differ by {miss:.1e} (relative) from those among others: no mixing over the batch")


@promise(MODEL)
def evaluating_changes_nothing(subject: Subject) -> None:
    """In evaluation mode the network answers the same twice, and no variable changes."""
    module, inputs = _evaluated(subject)
    before = bits(nnx.to_pure_dict(nnx.state(module)))
    first, second = np.asarray(module(inputs)), np.asarray(module(inputs))
    if first.tobytes() != second.tobytes():
        raise Broken("the network answers differently when asked twice in evaluation mode: switch randomness off in eval()")
    if bits(nnx.to_pure_dict(nnx.state(module))) != before:
        raise Broken("a variable of the network changes while it is evaluated: change variables in training mode only")


@promise(MODEL)
def its_degree_is_what_it_says(subject: Subject) -> None:
    """Where `homogeneity` gives L, outputs at 2θ are 2^L times those at θ."""
    degree = subject.plugin.homogeneity(subject.experiment.task)
    if degree is None:
        return
    made, state = subject.experiment, subject.experiment.initial_state()
    inputs, params = _inputs(made), subject.params()
    outputs_of = jax.jit(lambda params: made.network.module(params, state.variables)(inputs))
    at, twice = (np.asarray(outputs_of(jax.tree.map(lambda leaf, c=c: c * np.asarray(leaf), params))) for c in (1, 2))
    if not np.allclose(twice, 2.0**degree * at, rtol=1e-3, atol=1e-4 * np.max(np.abs(twice))):
        measured = float(np.log2(np.linalg.norm(twice) / np.linalg.norm(at)))
        raise Broken(f"homogeneity says L = {degree}, but doubling all parameters multiplies outputs by 2^{measured:.2f}: give None")


@promise(MODEL)
def its_gradient_is_finite(subject: Subject) -> None:
    """The gradient of the loss is finite, and not 0 everywhere, at the initialization and near it."""
    made, state = subject.experiment, subject.experiment.initial_state()
    slope_of = jax.jit(jax.grad(lambda params: made.objective(params, state.variables, made.splits.train)[0]))
    for where, params in (("at the initialization", state.params), ("near it", subject.params())):
        slope = slope_of(params)
        if not is_finite(slope):
            raise Broken(f"{where} the gradient of the loss is not finite")
    if not any(np.any(np.asarray(leaf)) for leaf in jax.tree.leaves(slope)):
        raise Broken("the gradient is 0 for every parameter: outputs must depend on nnx.Param variables through differentiable steps")


@promise(MODEL)
def its_numbers_are_passed_in(subject: Subject) -> None:
    """Runs that differ in its numbers share compiled programs, and each of them has its own numbers."""
    check_shares_programs(subject)


@promise(MODEL)
def a_run_resumes(subject: Subject) -> None:
    """A run that is saved, restored in another process and continued is the uninterrupted one, bit for bit."""
    check_resumes(subject)


def _built(subject: Subject) -> nnx.Module:
    return subject.plugin.build(subject.experiment.task, rngs=nnx.Rngs(0))


def _evaluated(subject: Subject) -> tuple[Any, Any]:
    """(network in evaluation mode, inputs)."""
    made = subject.experiment
    module = _built(subject)
    module.eval()
    return module, _inputs(made)


def _inputs(made: Experiment) -> Any:
    """Those of the population; in regression, tokens without the number of an output."""
    inputs, sizes = made.splits.population.inputs, made.task.sizes
    return jax.tree.map(jnp.asarray, inputs[:, : sizes.tokens] if sizes.kind == TOKENS else inputs)
