"""Pictures of many runs, without code: heat maps, means with bands over seeds, scaling collapses."""

from framework.records.pictures.bands import draw_bands
from framework.records.pictures.collapses import draw_collapse, size_of
from framework.records.pictures.maps import draw_map
