"""The number of hidden neurons that a field such as width="4*p" stands for."""

from framework import Sizes
from framework.errors import FieldError
from framework.fields.expressions import evaluate


def hidden_neurons(width: str, sizes: Sizes) -> int:
    """The value of the expression for a task of these sizes. Raises FieldError below 1."""
    try:
        h = evaluate(width, sizes.variables)
    except ValueError as error:
        raise FieldError("width", width, str(error)) from None
    if h < 1:
        raise FieldError("width", width, f"is {h} neurons; it must be at least 1")
    return h
