"""What a Penalty promises."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from framework.testing.in_training import check_resumes
from framework.testing.promises import Broken, promise
from framework.testing.shared_programs import check_shares_programs
from framework.testing.subject import Subject, bits, host_copy, is_finite

PENALTY = "penalty"


@promise(PENALTY, is_basis=True)
def it_is_one_number(subject: Subject) -> None:
    """Called with parameters, it gives one number in their precision, in float32 and in float64."""
    single = subject.params()
    for one in (subject, subject.in_float64()):
        with one.scope():
            params = jax.tree.map(lambda leaf: np.asarray(leaf, jnp.result_type(float)), single)
            value = jax.eval_shape(subject.plugin, params)
            if value.shape != () or value.dtype != jnp.result_type(float):
                raise Broken(f"it gave {value.dtype}{list(value.shape)}: the penalty is one number, here of {jnp.result_type(float)}")


@promise(PENALTY)
def it_is_finite_everywhere(subject: Subject) -> None:
    """Value and gradient are finite at random parameters, where all are 0, and where all are equal (ties)."""
    params, slope_of = subject.params(), jax.jit(jax.value_and_grad(subject.plugin))
    places = {"random": params, "all 0": _filled(params, 0.0), "all equal": _filled(params, 0.5)}
    for where, there in places.items():
        value, slope = slope_of(there)
        if not is_finite((value, slope)):
            what = "value" if not is_finite(value) else "gradient"
            raise Broken(f"where parameters are {where} its {what} is not finite: a norm at 0 has derivative NaN unless guarded")


@promise(PENALTY)
def its_coefficient_is_included(subject: Subject) -> None:
    """Where it has a field `coefficient`, the value is proportional to it."""
    if not hasattr(subject.plugin, "coefficient"):
        return
    params = subject.params()
    once, twice = (float(dataclasses.replace(subject.plugin, coefficient=c)(params)) for c in (0.25, 0.5))
    if not np.isclose(twice, 2 * once, rtol=1e-5):
        raise Broken(f"with coefficient 0.25 it is {once:.6g}, with 0.5 it is {twice:.6g}: the coefficient is a factor of the value")


@promise(PENALTY)
def it_hides_nothing(subject: Subject) -> None:
    """The same parameters give the same number, in another process and when compiled; the parameters stay as they are."""
    params = subject.params()
    handed = host_copy(params)
    first, second, other = (penalty(params) for penalty in (subject.plugin, subject.plugin, subject.copy()))
    if bits(first) != bits(second) or bits(first) != bits(other):
        raise Broken(f"the same parameters gave {float(first)!r}, then {float(second)!r}: it must depend on nothing but them")
    if bits(handed) != bits(params):
        raise Broken("it changes the parameters that it is given: make new arrays")
    if not np.isclose(float(jax.jit(subject.plugin)(params)), float(first), rtol=1e-4):
        raise Broken("it is another number when compiled: do not branch on values with if, use jnp.where")


@promise(PENALTY)
def its_numbers_are_passed_in(subject: Subject) -> None:
    """Runs that differ in its numbers share compiled programs, and each of them has its own numbers."""
    check_shares_programs(subject)


@promise(PENALTY)
def a_run_resumes(subject: Subject) -> None:
    """A run that is saved, restored in another process and continued is the uninterrupted one, bit for bit."""
    check_resumes(subject)


def _filled(params: Any, value: float) -> Any:
    return jax.tree.map(lambda leaf: np.full_like(leaf, value), params)
