"""What plugins of each kind are asked: Task, Model, Optimizer, Penalty, Loss, Probe, Intervention, Writer, Claim, Figure, …

A plugin is a frozen dataclass and its fields are its whole configuration. Plugins are final: to change one, wrap it.
"""

from framework.interfaces.claim import Claim, Row, Verdict, in_words, number
from framework.interfaces.data import KINDS, Outputs, Sizes, Split, Splits, Tree, Values, rows_in, take
from framework.interfaces.group import Group
from framework.interfaces.intervention import Intervention, Setting, Training, chosen, named, replaced
from framework.interfaces.outside import Benchmark, Certificate, Certified, Engine, Figure, Finding, Picture
from framework.interfaces.parts import Constant, Model, Optimizer, Penalty
from framework.interfaces.plugin import Plugin
from framework.interfaces.probe import HINT, Context, Probe
from framework.interfaces.tasks.loss import Loss
from framework.interfaces.tasks.regression import Regression
from framework.interfaces.tasks.task import Task
from framework.interfaces.writer import FAILED, FINISHED, STOPPED, About, Histogram, Pen, Recorded, Writer
