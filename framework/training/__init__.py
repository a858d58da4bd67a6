"""Training as pure computation: state, compiled program, measurements, events. Nothing here touches a file."""

from framework.training.clock import Clock
from framework.training.devices import hosts, precision
from framework.training.experiment import Experiment
from framework.training.measure import METRICS, Measurement, metrics_lane, owner_of
from framework.training.moments.changing import NEVER, Change
from framework.training.moments.schedule import Event, check_schedule, parse_schedule
from framework.training.moments.stopping import BEST, columns_of, no_column
from framework.training.network import Network
from framework.training.program import PROGRAMS, advance_lane
from framework.training.sharing import Shared, Together, together
from framework.training.state import (
    Stacked,
    State,
    TrainState,
    from_named_leaves,
    leaf_name,
    named_leaves,
    on_host,
    one_state,
    place,
    stack_states,
    unraw,
)
