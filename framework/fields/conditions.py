"""Conditions on named numbers: "test/accuracy >= 0.99 and step > 10*fitted for 3 events". Python's own parser, never eval."""

import ast
import bisect
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from framework.errors import FieldError
from framework.fields.expressions import DEEPEST, depth_of, no_arithmetic, value_of

RULE = (
    "A condition compares (<, <=, >, >=, ==, !=) columns, step, fitted, grokked and numbers, with + - * / ^ and parentheses, joined "
    'by and, or and not; "for 3 events" may stand at the end. NAME/quantity without blanks is a column, a / b with blanks divides; '
    "since_best(test/accuracy) is the number of steps since that was greatest, since_best(-test/loss) since it was least"
)
LONGEST = 100_000  # characters
_COMPARISONS: dict[type, Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_SINCE = re.compile(r"""since_best\s*\(\s*["']?\s*(-?)\s*["']?([^\s()"'-][^\s()"']*)["']?\s*\)""")
_TOKEN = re.compile(
    r"""\s*(?: (?P<since>since_best\s*\([^()]*\))
             | (?P<quoted>"[^"]+"|'[^']+')
             | (?P<column>[A-Za-z_][\w-]*/[^\s()<>=!*^+'"]+)
             | (?P<word>[A-Za-z_]\w*)
             | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
             | (?P<sign><=|>=|==|!=|\*\*|[-+*/^()<>]) )""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True)
class Condition:
    """What a text says of named numbers."""

    text: str
    tree: ast.expr
    names: tuple[str, ...]  # in the order in which they occur
    events: int  # at so many events in a row it has to hold

    def holds(self, values: Mapping[str, int | float | None]) -> bool:
        """Whether it holds for sure: a comparison with a value that is missing, None or not finite is never met, nor is its opposite."""
        known = {name: value for name in self.names if (value := values.get(name)) is not None and math.isfinite(value)}
        return _truth(self.tree, known) is True

    def value(self, values: Mapping[str, int | float | None]) -> float | None:
        """The number that a text stands for which compares nothing; None where it has no finite value."""
        return _number(self.tree, {name: value for name in self.names if (value := values.get(name)) is not None and math.isfinite(value)})


def best_column(name: str) -> tuple[str, int] | None:
    """The column of a name such as since_best(-test/loss), and 1, or −1 where the least is best; None of any other name."""
    found = _SINCE.fullmatch(name)
    return None if found is None else (found[2], -1 if found[1] else 1)


def check_condition(path: str, text: str, number: bool = False) -> Condition:
    """The condition that a text means, or where `number` is asked for the number.

    Raises FieldError, naming the field `path`, the place in the text, and what is allowed.
    """
    try:
        return _parse(text, number)
    except _Misread as error:
        rest = text[error.at :]
        where = f"at character {error.at + 1}, {rest if len(rest) <= 30 else rest[:29] + '…'!r}" if rest.strip() else "at its end"
        raise FieldError(path, text, f"{where}: {error}. {RULE}") from None


class _Misread(Exception):
    """What is wrong, and at which character, counted from 0."""

    def __init__(self, at: int, said: str):
        self.at = at
        super().__init__(said)


def _parse(text: str, number: bool) -> Condition:
    if len(text) > LONGEST:
        raise _Misread(LONGEST, f"a condition has at most {LONGEST:,} characters")
    source, places, names, events = _as_python(text)
    try:
        tree = ast.parse(source, mode="eval").body
    except SyntaxError as error:
        said = str(error.msg) if "never closed" in str(error.msg) or "unmatched" in str(error.msg) else "this is not understood"
        offset = error.offset or 0  # 0, or beyond the last word, where the text ends too early
        raise _Misread(_place(places, offset - 1) if 0 < offset <= len(source.rstrip()) else len(text.rstrip()), said) from None
    except (ValueError, RecursionError, MemoryError):
        tree = None
    if tree is None or depth_of(tree) > DEEPEST:
        raise _Misread(0, "this is nested too deeply")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names[node.id]
    if not number:
        _check(tree, places)
    elif events > 1 or no_arithmetic(tree) is not None:
        raise _Misread(0, "this is to be a number, of which the greatest is the best")
    if not names:
        raise _Misread(0, "this names no column, and never changes")
    return Condition(text.strip(), tree, tuple(dict.fromkeys(names.values())), events)


def _as_python(text: str) -> tuple[str, list[tuple[int, int]], dict[str, str], int]:
    """(the text for Python's parser, (place there, place in the text) of each word, names by what stands for them, events in a row)."""
    source, places, names = "", list[tuple[int, int]](), dict[str, str]()
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            raise _Misread(at + len(text[at:]) - len(text[at:].lstrip()), "this character has no meaning here")
        kind = str(found.lastgroup)
        word, start, at = found[kind], found.start(kind), found.end()
        if word == "for":
            return source, places, names, _events(text, start, at)
        places.append((len(source), start))
        if kind == "number":
            word = repr(float(word))
            if not math.isfinite(float(word)):
                raise _Misread(start, "this number is not finite")
        if kind == "since":
            if (inside := _SINCE.fullmatch(word)) is None:
                raise _Misread(start, "since_best has one column in its parentheses, since_best(test/accuracy) or since_best(-test/loss)")
            word = f"since_best({inside[1]}{inside[2]})"
        if kind in ("quoted", "column", "word", "since") and word not in ("and", "or", "not"):
            stand_in = f"_{len(places)}"
            names[stand_in] = word[1:-1] if kind == "quoted" else word
            word = stand_in
        source += ("**" if word == "^" else word) + " "
    return source, places, names, 1


def _events(text: str, start: int, at: int) -> int:
    """The number of "for 3 events"."""
    found = re.fullmatch(r"\s+([0-9]{1,9})\s+events?\s*", text[at:])
    if found is None or int(found[1]) < 1:
        raise _Misread(start, 'after "for" comes a number of events, at the end: "for 3 events"')
    return int(found[1])


def _place(places: list[tuple[int, int]], offset: int) -> int:
    """Where in the text the word begins that stands at an offset of the source."""
    return places[max(0, bisect.bisect_right(places, (offset, math.inf)) - 1)][1] if places else 0


def _check(node: ast.expr, places: list[tuple[int, int]]) -> None:
    """Conditions outside, arithmetic inside of comparisons."""
    match node:
        case ast.BoolOp(values=parts):
            for part in parts:
                _check(part, places)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            _check(operand, places)
        case ast.Compare(left=left, comparators=others):
            for side in (left, *others):
                if (wrong := no_arithmetic(side)) is not None:
                    raise _Misread(_place(places, wrong.col_offset), "only numbers can be compared and computed with")
        case _:
            what = "a number, not a condition: compare it with something" if no_arithmetic(node) is None else "not a condition"
            raise _Misread(_place(places, node.col_offset), f"this is {what}")


def _truth(node: Any, known: Mapping[str, int | float]) -> bool | None:
    """True, false, or None where that depends on a value which is not there (Kleene's logic of three values)."""
    match node:
        case ast.BoolOp(op=op, values=parts):
            decisive = isinstance(op, ast.Or)
            found = [_truth(part, known) for part in parts]
            return decisive if decisive in found else None if None in found else not decisive
        case ast.UnaryOp(operand=operand):
            return None if (truth := _truth(operand, known)) is None else not truth
        case ast.Compare(left=left, ops=ops, comparators=others):
            values = [_number(side, known) for side in (left, *others)]
            met = [
                None if one is None or other is None else _COMPARISONS[type(op)](one, other)
                for one, op, other in zip(values, ops, values[1:], strict=False)
            ]
            return False if False in met else None if None in met else True
    raise AssertionError("the tree was checked when it was read")


def _number(node: ast.expr, known: Mapping[str, int | float]) -> float | None:
    if any(isinstance(inner, ast.Name) and inner.id not in known for inner in ast.walk(node)):
        return None
    try:
        return value_of(node, known)
    except (ValueError, OverflowError, ZeroDivisionError):  # such as a division by zero: there is nothing to compare
        return None
