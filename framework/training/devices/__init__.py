"""What a run is computed on: how precisely, by which devices, and by which processes together."""

from framework.training.devices import hosts
from framework.training.devices.precision import precision
from framework.training.devices.spread import Spread, spread_of
