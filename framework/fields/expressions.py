"""Sizes written as arithmetic: "4*p", "50%", "2*p^(5/3)". A small grammar read from Python's own parser, never eval."""

import ast
import math
import operator
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from framework.errors import did_you_mean, one_of, quoted

_OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}

LONGEST, DEEPEST = 1_000, 50  # characters; parts within parts: Python's stack ends too
ROUNDING = 64 * sys.float_info.epsilon  # rounding of a few operations, a power among them


def check_expression(text: str) -> str:
    """Returns the text if it is an expression, else raises ValueError. Names are checked when it is evaluated."""
    _parse(text)
    return text


def evaluate(text: str, variables: Mapping[str, int], whole: int | None = None) -> int:
    """The value of an expression, rounded down to an integer.

    variables: what names stand for. whole: what "50%" is a percentage of; without it percentages are refused.
    Raises ValueError with a sentence that says what is wrong.
    """
    tree, percent = _parse(text)
    if percent and whole is None:
        raise ValueError("a percentage has no meaning here")
    try:
        value = value_of(tree, variables) * ((whole or 0) / 100 if percent else 1)
        # 29 % of 100 is 28.999999999999996 in floating point; no size is meant to sit a billionth, or its rounding, under an integer.
        return math.floor(value + abs(value) * ROUNDING + 1e-9)
    except (OverflowError, ZeroDivisionError):
        raise ValueError("it has no finite value") from None


def _parse(text: str) -> tuple[ast.expr, bool]:
    if len(text) > LONGEST:
        raise ValueError(f"an expression has at most {LONGEST:,} characters, and this one has {len(text):,}")
    stripped = text.strip()
    percent = stripped.endswith("%")
    source = stripped.removesuffix("%").replace("^", "**").strip()
    # As formulas are usually written, a factor before a parenthesis or a name is a product: "2 p" means "2*p".
    source = re.sub(r"(?<=[0-9)])\s+(?=[A-Za-z(])", "*", source)
    try:
        with warnings.catch_warnings(action="ignore"):  # "1if" is no advice to whoever wrote "1if"
            tree = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"{quoted(text)} is not an expression") from None
    if depth_of(tree) > DEEPEST:
        raise ValueError(f"{quoted(text)} is nested deeper than {DEEPEST} operations")
    if no_arithmetic(tree) is not None:
        raise ValueError(f"{quoted(text)} is not an expression")
    return tree, percent


def depth_of(tree: ast.AST) -> int:
    """How deep parts are nested within parts, a sum of so many terms among them."""
    depth, level = 0, [tree]
    while level := [child for node in level for child in ast.iter_child_nodes(node)]:
        depth += 1
    return depth


def no_arithmetic(node: ast.expr) -> ast.expr | None:
    """The first part of a tree that is neither a number, a name nor an operation on these; None where all is arithmetic."""
    return next((inner for inner in ast.walk(node) if isinstance(inner, ast.expr) and not _is_arithmetic(inner)), None)


def _is_arithmetic(node: ast.expr) -> bool:
    match node:
        case ast.BinOp(op=op) | ast.UnaryOp(op=op):
            return type(op) in _OPERATORS
        case ast.Constant(value=value):
            return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(node, ast.Name)


def value_of(node: ast.expr, variables: Mapping[str, int | float]) -> float:
    """The value of a tree that is all arithmetic. Raises ValueError, OverflowError or ZeroDivisionError where it has none."""
    match node:
        case ast.Constant(value=number):
            return float(number)  # type: ignore[arg-type]
        case ast.Name(id=name):
            if name not in variables:
                raise ValueError(f"{name!r} is not known here.{did_you_mean(name, variables)} Known: {one_of(variables)}")
            return float(variables[name])
        case ast.BinOp(left=left, op=op, right=right):
            result = _OPERATORS[type(op)](value_of(left, variables), value_of(right, variables))
        case ast.UnaryOp(op=op, operand=operand):
            result = _OPERATORS[type(op)](value_of(operand, variables))
        case _:
            raise ValueError("it is not an expression")
    if isinstance(result, complex) or not math.isfinite(result):
        raise ValueError("it has no finite value")
    return result
