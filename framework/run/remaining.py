"""What is left to do in a run directory, read from its files alone."""

from framework.errors import UserError
from framework.run.checkpoints import complete_steps
from framework.run.directory import RunDirectory
from framework.run.environment import Sessions
from framework.run.rows import read_lines
from framework.training import Experiment


def is_complete(experiment: Experiment, done: int, directory: RunDirectory) -> bool:
    """Whether the run that is here, saved up to the step `done`, has nothing left to do."""
    rows, torn = read_lines(directory.metrics)
    event = next(experiment.events_after(experiment.general.steps - 1))
    recorded = not event.due or (bool(rows) and rows[-1]["step"] == done)
    return Sessions(directory.environment).completed_at == done == experiment.general.steps and recorded and not torn


def check_steps(experiment: Experiment, directory: RunDirectory) -> None:
    """Raises UserError where the run that is here has made more steps than are asked for."""
    reached, steps = max(complete_steps(directory.checkpoints), default=0), experiment.general.steps
    if reached > steps:
        raise UserError(
            f"{directory.path}: this run is at step {reached:,}; steps={steps} is less. Ask for at least {reached}, "
            "or use another --workdir."
        )
