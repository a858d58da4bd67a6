"""What is asked of a run that is there: its networks over time, what goes on inside them, and how two runs differ."""

from framework.run.analysis.activations import activations
from framework.run.analysis.bits import Bits, same_bits
from framework.run.analysis.comparison import Comparison, compare, compare_configs, compare_rows, differences
from framework.run.analysis.over_time import over_time
