"""whygrok's core: what users and plugins import. It knows nothing of modular addition; plugins do."""

from framework import losses
from framework.fields import field, part
from framework.interfaces import Claim, Context, Model, Optimizer, Penalty, Probe, Row, Sizes, Split, Splits, Task
from framework.pictures.chart import Chart
from framework.registry import build, register
from framework.run.loading import Run, load_run
from framework.sessions.session import train
from framework.sweep.run import run_sweep
from framework.training.experiment import Experiment

__all__ = [
    "Chart",
    "Claim",
    "Context",
    "Experiment",
    "Model",
    "Optimizer",
    "Penalty",
    "Probe",
    "Row",
    "Run",
    "Sizes",
    "Split",
    "Splits",
    "Task",
    "build",
    "field",
    "load_run",
    "losses",
    "part",
    "register",
    "run_sweep",
    "train",
]
