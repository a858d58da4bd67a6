"""What an Intervention promises."""

import re
from typing import Any

from framework.testing.promises import Broken, promise
from framework.testing.subject import Subject, bits, host_copy
from framework.training import Experiment, TrainState

INTERVENTION = "intervention"
NAME = "checked"  # name of the instance in the experiment


@promise(INTERVENTION, is_basis=True)
def it_changes_what_it_says(subject: Subject) -> None:
    """`apply` gives (what training goes on with, a dict of numbers), of the parts that `changes` names, shaped as before."""
    made = subject.experiment
    values, _ = made.change(made.initial_state(), [NAME])
    for name in values:
        if not re.fullmatch(r"[A-Za-z0-9_.+-]+(/[A-Za-z0-9_.+-]+)*", name):
            raise Broken(f"{name!r} cannot name a quantity: use letters, digits and _ . + - only, parts divided by /")


@promise(INTERVENTION)
def it_hides_nothing(subject: Subject) -> None:
    """The same training gives the same change, in another process too; what it is given stays as it is."""
    made, elsewhere = subject.experiment, subject.again()
    state, other = made.initial_state(), made.advance(made.initial_state(), 1)[0]
    handed = host_copy((state.params, state.data))
    first = _changed(made, state)
    if bits(handed) != bits((state.params, state.data)):
        raise Broken("apply changes the arrays that it is given: make new ones")
    _changed(made, other)
    if first != _changed(made, state):
        raise Broken("the same training was changed in another way the second time: draw from context.key, remember nothing")
    if first != _changed(elsewhere, state):
        raise Broken("another process changes it in another way: the plugin may depend on nothing but its fields")


@promise(INTERVENTION)
def it_works_in_float64(subject: Subject) -> None:
    """It also changes a run with numerics.precision=float64."""
    double = subject.in_float64()
    with double.scope():
        double.experiment.change(double.experiment.initial_state(), [NAME])


def _changed(made: Experiment, state: TrainState) -> Any:
    values, after = made.change(state, [NAME])
    return bits((values, after.params, after.variables, after.opt_state, after.frozen, after.data))
