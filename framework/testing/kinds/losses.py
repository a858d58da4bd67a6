"""What a Loss promises."""

import jax
import jax.numpy as jnp
import numpy as np

from framework.testing.in_training import check_resumes
from framework.testing.promises import Broken, promise
from framework.testing.shared_programs import check_shares_programs
from framework.testing.subject import Subject, bits, is_finite

LOSS = "loss"
LABELS = np.array([0, 2, 1, 2], np.int32)  # of three classes
SURE = 1e3  # an answer this sure has cross-entropy 0 in float32


@promise(LOSS, is_basis=True)
def it_gives_one_loss_an_example(subject: Subject) -> None:
    """Called with outputs [n, p] and labels [n], it gives one number per example in their precision, which no other example changes."""
    for one in (subject, subject.in_float64()):
        with one.scope():
            outputs = _outputs()
            losses = jax.jit(subject.plugin)(outputs, LABELS)
            if losses.shape != LABELS.shape or losses.dtype != outputs.dtype:
                raise Broken(f"it gave {losses.dtype}{list(losses.shape)} for 4 examples of {outputs.dtype}: one loss each")
            alone = [float(subject.plugin(outputs[i : i + 1], jnp.asarray(LABELS[i : i + 1]))[0]) for i in range(len(LABELS))]
            if not np.allclose(alone, losses, rtol=1e-5, atol=1e-6):
                raise Broken(f"the loss of an example changes with the others: {float(losses[0]):.6g} among them, {alone[0]:.6g} alone")


@promise(LOSS)
def a_better_answer_costs_less(subject: Subject) -> None:
    """The loss of the right answer, with the others far below, is not above that of a wrong one."""
    right = 3.0 * np.eye(3, dtype=np.float32)[LABELS]
    good, bad = (np.asarray(subject.plugin(jnp.asarray(outputs), jnp.asarray(LABELS))) for outputs in (right, np.roll(right, 1, axis=1)))
    if not np.all(good < bad):
        raise Broken(f"the right answer costs {good[0]:.6g} and a wrong one {bad[0]:.6g}: a loss falls as answers improve")


@promise(LOSS)
def it_is_finite_everywhere(subject: Subject) -> None:
    """The mean and its gradient are finite where every answer is right and sure, where all outputs are 0, and where all are equal."""
    slope_of = jax.jit(jax.value_and_grad(lambda outputs: subject.plugin.mean(outputs, jnp.asarray(LABELS))))
    right = SURE * np.eye(3, dtype=np.float32)[LABELS]
    for where, outputs in (("every answer is right and sure", right), ("all outputs are 0", 0 * right), ("all are 1", 0 * right + 1)):
        value, slope = slope_of(outputs)
        if not is_finite((value, slope)):
            raise Broken(f"where {where}, the mean is {float(value):g} and its gradient {'' if is_finite(slope) else 'not '}finite")


@promise(LOSS)
def it_hides_nothing(subject: Subject) -> None:
    """The same outputs give the same losses, in another process and when compiled."""
    outputs, labels = _outputs(), jnp.asarray(LABELS)
    first, second, other = (np.asarray(loss(outputs, labels)) for loss in (subject.plugin, subject.plugin, subject.copy()))
    if bits(first) != bits(second) or bits(first) != bits(other):
        raise Broken(f"the same outputs gave {first.tolist()}, then {second.tolist()}: it must depend on nothing but them")
    if not np.allclose(jax.jit(subject.plugin)(outputs, labels), first, rtol=1e-4):
        raise Broken("it is another number when compiled: do not branch on values with if, use jnp.where")


@promise(LOSS)
def its_numbers_are_passed_in(subject: Subject) -> None:
    """Runs that differ in its numbers share compiled programs, and each of them has its own numbers."""
    check_shares_programs(subject)


@promise(LOSS)
def a_run_resumes(subject: Subject) -> None:
    """A run that is saved, restored in another process and continued is the uninterrupted one, bit for bit."""
    check_resumes(subject)


def _outputs() -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).normal(size=(4, 3)), jnp.result_type(float))
