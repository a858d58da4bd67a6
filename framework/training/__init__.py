"""Training as pure computation: state, compiled program, measurements, events. Nothing here touches a file."""

from framework.training.experiment import Experiment
from framework.training.lanes import Stacked, State, advance_lane, metrics_lane, one_state, stack_states
from framework.training.measure import METRICS, Measurement, owner_of
from framework.training.network import Network
from framework.training.precision import precision
from framework.training.program import PROGRAMS
from framework.training.schedule import Event, check_schedule, parse_schedule
from framework.training.sharing import Shared, Together, together
from framework.training.state import TrainState, from_named_leaves, leaf_name, named_leaves, place, unraw
from framework.training.stopping import columns_of, no_column
