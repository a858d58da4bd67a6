"""Small runs with interventions: p = 5, eight neurons, each step a checkpoint."""

from framework.config import select
from framework.run import read_leaves
from tests.helpers import tiny

STEP, STEPS = 5, 8
EVERY = {"every_steps": 1, "every_seconds": 0.0, "keep": 20}


def changed(name, steps=STEPS, schedule=f"at {STEP}", more=None, **fields):
    """A config with one intervention, called `x`; more: other parts of the config."""
    interventions = {"x": select(name, schedule=schedule, **fields)}
    return plain(steps, **({"interventions": interventions} | (more or {})))


def plain(steps=STEPS, **changes):
    return tiny(steps, **({"model": select("quadratic", width="8", init_scale=2.0), "checkpoint": EVERY, "probes": {}} | changes))


def state(run, step=STEP):
    """Every array of a saved state, by name."""
    return read_leaves(run.path / "checkpoints" / str(step))


def row(run, step=STEP):
    return next(row for row in run.rows if row["step"] == step)
