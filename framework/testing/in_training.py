"""What a plugin promises inside a training run: a run that is cut goes on to the same bits."""

from pathlib import Path
from typing import Any

from framework.run import Checkpoints
from framework.storage import temporary_folder
from framework.testing.promises import Broken
from framework.testing.subject import STEPS, Subject, bits
from framework.training import Event, Experiment, TrainState, named_leaves

HALF = STEPS // 2


def check_resumes(subject: Subject, due: tuple[str, ...] = ()) -> None:
    """Raises Broken unless a run that is saved, restored by another process and continued is the uninterrupted one.

    due: what is measured after each half; its numbers are compared too.
    """
    made = subject.experiment
    state, _ = _half(made, made.initial_state(), due)
    with temporary_folder() as folder:
        if not Checkpoints(Path(folder), made.checkpoint).save(state):
            raise Broken(f"after {HALF} steps of training the parameters are not finite")
        straight = _half(made, state, due)
        other = subject.again()
        restored = Checkpoints(Path(folder), made.checkpoint).restore(other.initial_state(), other.device)
        assert restored is not None
        resumed = _half(other, restored, due)
    if named := _first_difference(straight, resumed):
        raise Broken(
            f"a run that is saved at step {HALF} and resumed by another process differs at step {STEPS} in {named}: what must be "
            "remembered belongs in the state, not in the plugin"
        )


def _half(made: Experiment, state: TrainState, due: tuple[str, ...]) -> tuple[TrainState, Any]:
    state, _ = made.advance(state, HALF)
    values, state = made.measure(state, Event(int(state.step), due, (), last=False))
    return state, values


def _first_difference(one: tuple[TrainState, Any], other: tuple[TrainState, Any]) -> str | None:
    leaves, others = named_leaves(one[0]), named_leaves(other[0])
    differing = [name for name in leaves if bits(leaves[name]) != bits(others.get(name))]
    differing += [name for name in one[1] if bits(one[1][name]) != bits(other[1].get(name))]
    return differing[0] if differing else None
