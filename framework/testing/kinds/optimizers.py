"""What an Optimizer promises."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from framework.testing.in_training import check_resumes
from framework.testing.promises import Broken, promise
from framework.testing.shared_programs import check_shares_programs
from framework.testing.subject import Subject, bits, host_copy, is_finite
from framework.training import leaf_name

OPTIMIZER = "optimizer"
SIZES = (1e-30, 1e-3, 1e10)  # of gradients: training past the float32 underflow of their squares is what this is for


@promise(OPTIMIZER, is_basis=True)
def it_is_a_gradient_transformation(subject: Subject) -> None:
    """`transform` gives an optax.GradientTransformation."""
    transform = subject.plugin.transform()
    if not isinstance(transform, optax.GradientTransformation):
        raise Broken(f"transform gave a {type(transform).__name__}: return an optax.GradientTransformation, such as optax.chain(…)")


@promise(OPTIMIZER)
def a_zero_gradient_gives_a_finite_step(subject: Subject) -> None:
    """A gradient of exactly 0, in the first step and in later ones, gives no NaN."""
    params = subject.params()
    zero = jax.tree.map(jnp.zeros_like, params)
    if not is_finite(_steps(subject, params, [zero, zero])):
        raise Broken("a gradient of 0 gives a NaN or an infinity: guard the division, as in jnp.where(norm > 0, norm, 1)")


@promise(OPTIMIZER)
def any_gradient_gives_a_finite_step(subject: Subject) -> None:
    """Gradients with entries near 1e-30, 1e-3 and 1e10 give finite steps."""
    params = subject.params()
    for size in SIZES:
        gradient = _gradient(params, size)
        if not is_finite(_steps(subject, params, [gradient, gradient])[0]):
            raise Broken(f"a gradient with entries near {size:g} gives a NaN or an infinity: divide by the largest entry before squaring")


@promise(OPTIMIZER)
def it_goes_downhill(subject: Subject) -> None:
    """The first step of a fresh optimizer does not go uphill: ⟨step, gradient⟩ ≤ 0."""
    params = jax.tree.map(lambda leaf: 1e-3 * leaf, subject.params())
    gradient = _gradient(params, 10.0)
    step, _ = _steps(subject, params, [gradient])
    uphill = sum(float(jnp.vdot(u, g)) for u, g in zip(jax.tree.leaves(step), jax.tree.leaves(gradient), strict=True))
    if uphill > 0:
        raise Broken(f"the first step goes uphill, ⟨step, gradient⟩ = {uphill:.3g}: the minus sign is in optax.scale_by_learning_rate")


@promise(OPTIMIZER)
def its_steps_are_like_the_parameters(subject: Subject) -> None:
    """Steps have the shapes and the precision of the parameters, in float32 and in float64."""
    single = subject.params()
    for one in (subject, subject.in_float64()):
        with one.scope():
            params = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf), jnp.result_type(float)), single)
            step, _ = jax.eval_shape(lambda params, gradient: _steps(subject, params, [gradient]), params, params)
            if (found := _shapes(step)) != (wanted := _shapes(params)):
                name = next((name for name in wanted if found.get(name) != wanted[name]), "")
                raise Broken(f"the step of {name} is {found.get(name)}, the parameter {wanted.get(name)}: keep shape and dtype")


@promise(OPTIMIZER)
def its_state_keeps_its_form(subject: Subject) -> None:
    """The state after a step has the leaves, shapes and dtypes of the one before: it is carried through one compiled loop."""
    params, transform = subject.params(), _transform(subject)
    before = transform.init(params)
    _, after = _steps(subject, params, [_gradient(params, 1e-3)])
    old, new = _shapes(before), _shapes(after)
    for name in {**old, **new}:
        if old.get(name) != new.get(name):
            raise Broken(f"state {name} is {old.get(name, 'not there')} after init and {new.get(name, 'gone')} after a step")


@promise(OPTIMIZER)
def it_hides_nothing(subject: Subject) -> None:
    """The same gradients give the same steps, in another process and a second time; gradients and parameters stay as they are."""
    params = subject.params()
    gradients = [_gradient(params, 1e-3), _gradient(params, 1e-2)]
    handed = host_copy((params, gradients))
    first = _steps(subject, params, gradients)
    if bits(first) != bits(_steps(subject, params, gradients)):
        raise Broken("the same gradients gave other steps the second time: remember in the state, draw from the argument `key`")
    if bits(handed) != bits((params, gradients)):
        raise Broken("update changes the gradients or parameters that it is given: make new arrays")


@promise(OPTIMIZER)
def its_numbers_are_passed_in(subject: Subject) -> None:
    """Runs that differ in its numbers share compiled programs, and each of them has its own numbers."""
    check_shares_programs(subject)


@promise(OPTIMIZER)
def a_run_resumes(subject: Subject) -> None:
    """A run that is saved, restored in another process and continued is the uninterrupted one, bit for bit."""
    check_resumes(subject)


def _transform(subject: Subject) -> optax.GradientTransformationExtraArgs:
    return optax.with_extra_args_support(subject.plugin.transform())


def _steps(subject: Subject, params: Any, gradients: list[Any]) -> tuple[Any, Any]:
    """(last step, state after it) of a fresh optimizer at fixed parameters, for a loss with these gradients in turn."""
    transform = _transform(subject)
    state, step = transform.init(params), None
    for number, gradient in enumerate(gradients):
        step, state = transform.update(gradient, state, params, **_extra(gradient, number))
    return step, state


def _extra(gradient: Any, number: int) -> dict[str, Any]:
    """What framework.training.program hands to an optimizer that asks for more, here of the linear loss ⟨gradient, θ⟩."""

    def value_fn(params: Any) -> Any:
        products = [jnp.vdot(g, p) for g, p in zip(jax.tree.leaves(gradient), jax.tree.leaves(params), strict=True)]
        return jnp.sum(jnp.stack(products))

    extra = {"value": jnp.zeros(()), "grad": gradient, "value_fn": value_fn, "key": jax.random.key(number)}
    return extra | {"grad_fn": lambda params, _=None: gradient}


def _gradient(params: Any, size: float) -> Any:
    generator = np.random.default_rng(7)
    return jax.tree.map(lambda leaf: jnp.asarray(size * generator.normal(size=leaf.shape), leaf.dtype), params)


def _shapes(tree: Any) -> dict[str, str]:
    leaves = jax.tree.leaves_with_path(tree)
    return {leaf_name(path): f"{jnp.result_type(leaf)}{list(np.shape(leaf))}" for path, leaf in leaves}
