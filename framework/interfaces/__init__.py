"""What the parts of an experiment are asked: Task, Model, Optimizer, Penalty, Probe and Claim."""

from framework.interfaces.parts import (
    Claim,
    Context,
    Model,
    Optimizer,
    Outputs,
    Penalty,
    Plugin,
    Probe,
    Row,
    Sizes,
    Split,
    Splits,
    Task,
    Tree,
    Values,
)
