"""whygrok's core: what users and plugins import. It knows nothing of modular addition; plugins do."""

from framework import losses
from framework.fields import field, part
from framework.interfaces import (
    Benchmark,
    Claim,
    Constant,
    Context,
    Engine,
    Figure,
    Model,
    Optimizer,
    Penalty,
    Picture,
    Probe,
    Row,
    Sizes,
    Split,
    Splits,
    Task,
    Verdict,
)
from framework.pictures import Curve, Panel
from framework.registry import build, register
from framework.run import Run, load_run
from framework.sessions import train
from framework.sweep import run_sweep
from framework.training import Experiment
