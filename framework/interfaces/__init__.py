"""What the parts of an experiment are asked: Task, Model, Optimizer, Penalty, Probe, Claim.

A part is a frozen dataclass and its fields are its whole configuration. Plugins are final: to change one, wrap it.
"""

from framework.interfaces.claim import Claim, Row
from framework.interfaces.data import Outputs, Sizes, Split, Splits, Tree, Values
from framework.interfaces.parts import Model, Optimizer, Penalty
from framework.interfaces.plugin import Plugin
from framework.interfaces.probe import Context, Probe
from framework.interfaces.task import Task
