"""Polynomials with integer coefficients, read from text by a small grammar (never eval), computed exactly mod p."""

import ast
import re
from collections.abc import Mapping

import jax.numpy as jnp
from jaxtyping import Array, Int

from plugins.mathematics.modular import power

RULE = 'a polynomial is written with variables a … z, integers, + - * ^ and parentheses, such as "a^2+a*b+b^2"'
LONGEST = 300  # characters: what is read is nested at most as deep as Python's stack allows


def parse_polynomial(text: str) -> ast.expr:
    """The syntax tree of "a^2+4*a*b"; "**" is read as "^", and "4a" and "2(a+b)" as products.

    Raises ValueError with a sentence that names what is not understood.
    """
    if len(text) > LONGEST:
        raise ValueError(f"is {len(text):,} characters long; at most {LONGEST} are read")
    source = text.strip().replace("^", "**")
    source = re.sub(r"(?<=[0-9)])\s*(?=[A-Za-z_(])", "*", source)
    try:
        tree = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, MemoryError):
        raise ValueError(f"{text!r} is not a formula: {RULE}") from None
    _check(tree)
    if not variables_of(tree):
        raise ValueError(f"it has no variable: {RULE}")
    return tree


def variables_of(tree: ast.expr) -> tuple[str, ...]:
    """The variables that occur, in alphabetical order."""
    return tuple(sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}))


def evaluate_polynomial(tree: ast.expr, values: Mapping[str, Int[Array, " n"]], p: int) -> Int[Array, " n"]:
    """The polynomial mod p at residues int32, reduced after every operation: exact for p up to 46,340."""
    match tree:
        case ast.Name(id=name):
            return values[name]
        case ast.Constant(value=number):
            return jnp.full_like(next(iter(values.values())), int(number) % p)  # type: ignore[arg-type]
        case ast.UnaryOp(op=op, operand=operand):
            inner = evaluate_polynomial(operand, values, p)
            return -inner % p if isinstance(op, ast.USub) else inner
        case ast.BinOp(left=base, op=ast.Pow(), right=ast.Constant(value=exponent)):
            return power(evaluate_polynomial(base, values, p), exponent, p)  # type: ignore[arg-type]
        case ast.BinOp(left=left, op=op, right=right):
            one, other = evaluate_polynomial(left, values, p), evaluate_polynomial(right, values, p)
            return (one * other if isinstance(op, ast.Mult) else one - other if isinstance(op, ast.Sub) else one + other) % p
    raise ValueError(RULE)


def _check(node: ast.expr) -> None:
    match node:
        case ast.Name(id=name):
            if not re.fullmatch("[a-z]", name):
                hint = f"; a product is written {'*'.join(name)}" if re.fullmatch("[a-z]+", name) else ""
                raise ValueError(f"{name!r} is not a variable: a variable is one letter a … z{hint}")
        case ast.Constant(value=number):
            if type(number) is not int:
                raise ValueError(f"{number!r} is not an integer: {RULE}")
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            _check(operand)
        case ast.BinOp(left=base, op=ast.Pow(), right=exponent):
            _check(base)
            if not (isinstance(exponent, ast.Constant) and type(exponent.value) is int):
                raise ValueError(f"the exponent {_written(exponent)} is not understood: it must be a number 0, 1, 2, …")
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult(), right=right):
            _check(left)
            _check(right)
        case ast.BinOp(op=ast.Div()):
            raise ValueError("/ is not understood: for division see the task modular_division")
        case _:
            raise ValueError(f"{_written(node)} is not understood: {RULE}")


def _written(node: ast.expr) -> str:
    return ast.unparse(node).replace(" ** ", "^").replace("**", "^")
