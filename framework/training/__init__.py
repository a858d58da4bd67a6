"""Training as pure computation: state, compiled program, measurements, events. Nothing here touches a file."""

from framework.training.experiment import Experiment
from framework.training.state import TrainState
