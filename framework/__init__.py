"""whygrok's core: what users and plugins import. It knows nothing of modular addition; plugins do."""

from framework import losses
from framework.charts import Chart
from framework.experiment import Experiment
from framework.fields import field, part
from framework.interfaces import Claim, Context, Model, Optimizer, Penalty, Probe, Row, Sizes, Split, Splits, Task
from framework.registry import build, register
from framework.run_sweep import run_sweep
from framework.runs import Run, load_run
from framework.session import train

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
