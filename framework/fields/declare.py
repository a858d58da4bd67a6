"""Fields of plugins and settings: default, help and limits in one declaration, checked whenever an object is made."""

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from framework.errors import FieldError, UserError, did_you_mean, nearest, one_of
from framework.fields.expressions import check_expression


def field(
    default: Any,
    help: str,
    *,
    above: int | float | None = None,
    at_least: int | float | None = None,
    below: int | float | None = None,
    at_most: int | float | None = None,
    choices: tuple | None = None,
    expression: bool = False,
    harmless: bool = False,
    structural: bool = False,
    structural_at: int | float | None = None,
) -> Any:
    """Declares a field of a plugin: its default, one line of help, and what values it may take.

    above, at_least, below, at_most: limits of a number, or of each element of a tuple. choices: the allowed values.
    expression: a string such as "2*p^(5/3)", evaluated once the sizes of the task are known; numbers are accepted.
    harmless: the field changes neither the trajectory nor the recorded rows, so a resumed run may change it.
    structural: a float on whose value Python code branches, or a decay b whose complement 1 − b float32 would spoil: each value
    has compiled programs of its own. Any other float is passed to compiled programs: code that computes with it gets a traced array.
    structural_at: only whether the float has this value decides, as where a decay of 0 is left out; ask with `is_exactly`.
    """
    limits = {"above": above, "at_least": at_least, "below": below, "at_most": at_most}
    metadata = {"help": help, "choices": choices, "expression": expression, "harmless": harmless, **limits}
    metadata |= {"structural": structural, "structural_at": structural_at}
    return dataclasses.field(default=default, metadata=metadata)


def part(default: Any, help: str) -> Any:
    """Declares a field that holds another plugin, such as the optimizer inside a wrapper; `default` is such a plugin, or its name.

    In a config it is a section of its own: --config.optimizer.inner.learning_rate=1e-3. Its kind is the field's type.
    """
    return dataclasses.field(default=default, metadata={"help": help, "part": True})


_find: list[Callable[[type, str], Any]] = []


def found_by_name(find: Callable[[type, str], Any]) -> None:
    """From now on a part may be given by its name: find(its type, the name) makes the plugin, or raises UserError."""
    _find[:] = [find]


def without(value: Any) -> Any:
    """Takes an inherited field out of the configuration: it always has this value."""
    return dataclasses.field(default=value, init=False)


class Fields:
    """Base of everything whose fields are configuration: checks and converts every field when an object is made."""

    def __post_init__(self) -> None:
        for declared in declared_fields(type(self)):
            value = convert(declared, getattr(self, declared.name))
            object.__setattr__(self, declared.name, value)


@dataclasses.dataclass(frozen=True)
class Declared:
    """What is known of one field: name, type, default, and the keywords of `field`."""

    name: str
    type: Any
    default: Any
    metadata: Mapping[str, Any]

    @property
    def help(self) -> str:
        """The line that `describe` prints."""
        return self.metadata.get("help", "")

    @property
    def harmless(self) -> bool:
        """Whether a resumed run may change it."""
        return bool(self.metadata.get("harmless"))

    @property
    def is_part(self) -> bool:
        """Whether it holds another plugin."""
        return bool(self.metadata.get("part"))

    def is_number(self, value: Any) -> bool:
        """Whether a value of the field is passed to compiled programs, rather than being part of their structure."""
        is_float = isinstance(value, float) or is_traced(value)
        return is_float and not self.metadata.get("structural") and not is_exactly(value, self.metadata.get("structural_at"))

    @property
    def type_name(self) -> str:
        """'float', 'tuple[int, ...]', 'int | None', as written in the class."""
        return self.type.__name__ if isinstance(self.type, type) and not typing.get_args(self.type) else str(self.type)

    @property
    def allowed(self) -> str:
        """What the field accepts, in words: 'a number > 0', 'one of uniform, normal'."""
        if self.is_part:
            return f"a section of its own: name ({self.type_name.lower()}) and fields"
        if self.metadata.get("choices"):
            return "one of " + one_of(str(choice) for choice in self.metadata["choices"])
        if self.metadata.get("expression"):
            return 'a number, a percentage or an expression such as "4*p"'
        words = {float: "a number", int: "an integer", bool: "true or false", str: "a string"}
        scalar, is_tuple, optional = unwrap(self.type)
        said = words.get(scalar, self.type_name)
        if is_tuple:
            said = {float: "numbers", int: "integers", str: "strings"}.get(scalar, said) + " separated by commas"
        signs = {"above": ">", "at_least": ">=", "below": "<", "at_most": "<="}
        limits = {sign: self.metadata[key] for key, sign in signs.items() if self.metadata.get(key) is not None}
        bounds = [f"{sign} {limit if isinstance(limit, int) else f'{limit:g}'}" for sign, limit in limits.items()]
        said += (" " + " and ".join(bounds)) if bounds else ""
        return said + (", or none" if optional else "")


def declared_fields(cls: type) -> tuple[Declared, ...]:
    """The configuration fields of a dataclass, in order, with their resolved types."""
    return _declared(cls)


@functools.cache
def _declared(cls: Any) -> tuple[Declared, ...]:
    hints = typing.get_type_hints(cls)
    fields = dataclasses.fields(cls)
    return tuple(Declared(f.name, hints[f.name], _default(f, hints[f.name]), f.metadata) for f in fields if f.init)


def _default(declared: dataclasses.Field, type: Any) -> Any:
    return _find[0](type, declared.default) if declared.metadata.get("part") and isinstance(declared.default, str) else declared.default


def parts(plugin: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted path, plugin) of a plugin and of all plugins inside it, outermost first."""
    yield path, plugin
    for declared in declared_fields(type(plugin)):
        if declared.is_part:
            yield from parts(getattr(plugin, declared.name), f"{path}.{declared.name}" if path else declared.name)


def unwrap(annotation: Any) -> tuple[Any, bool, bool]:
    """(element type, is a tuple, may be None) of an annotation such as `tuple[int, ...]` or `float | None`."""
    optional = False
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        parts = [part for part in typing.get_args(annotation) if part is not types.NoneType]
        optional = len(parts) < len(typing.get_args(annotation))
        annotation = parts[0]
    is_tuple = typing.get_origin(annotation) is tuple
    return (typing.get_args(annotation)[0] if is_tuple else annotation), is_tuple, optional


def convert(declared: Declared, value: Any) -> Any:
    """The value in the field's type, from Python, a config file or the text of a command line.

    Raises FieldError naming the field, the value and what is allowed.
    """
    if declared.is_part:
        if isinstance(value, declared.type):
            return value
        if isinstance(value, str):
            return _named_part(declared, value)
        raise FieldError(declared.name, value, f"must be {declared.allowed}")
    scalar, is_tuple, optional = unwrap(declared.type)
    if is_traced(value):  # inside a compiled program, a copy of a plugin is made: its fields were checked before
        return value
    if optional and (value is None or (isinstance(value, str) and value.lower() == "none")):
        return None
    try:
        if not is_tuple:
            result = _check_limits(declared, _convert_scalar(declared, scalar, value))
        else:
            result = tuple(_check_limits(declared, _convert_scalar(declared, scalar, x)) for x in _elements(value))
    except (ValueError, TypeError, OverflowError):
        rule = f"must be {declared.allowed}"
        if declared.metadata.get("choices"):
            rule += "." + did_you_mean(str(value), map(str, declared.metadata["choices"]))
        raise FieldError(declared.name, value, rule) from None
    return result


def _named_part(declared: Declared, name: str) -> Any:
    try:
        return _find[0](declared.type, name)
    except UserError as error:
        raise FieldError(declared.name, name, str(error)) from None


def _elements(value: Any) -> list:
    if isinstance(value, str):
        inside = value.strip().removeprefix("(").removesuffix(")").removeprefix("[").removesuffix("]")
        return [part.strip() for part in inside.split(",") if part.strip()]
    return list(value) if isinstance(value, tuple | list) else [value]


def _convert_scalar(declared: Declared, scalar: Any, value: Any) -> Any:
    if hasattr(value, "item"):
        value = value.item()  # numpy and jax scalars
    if scalar is bool:
        words = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
        return value if isinstance(value, bool) else words[str(value).lower()] if str(value).lower() in words else _no()
    if scalar is int or scalar is float:
        return _convert_number(scalar, value)
    if declared.metadata.get("expression"):
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            _no()
        return check_expression(str(value))
    return value if isinstance(value, str) else _no()


def _convert_number(scalar: type, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        _no()
    if scalar is float:
        number = float(value)
        return number if math.isfinite(number) else _no()
    if isinstance(value, str):
        try:
            return int(value)  # exact beyond 2^53, and before the detour through float that admits "2.3e1"
        except ValueError:
            value = float(value)
    return int(value) if value == int(value) else _no()


def _check_limits(declared: Declared, value: Any) -> Any:
    rules = declared.metadata
    if rules.get("choices") is not None and value not in rules["choices"]:
        _no()
    fits = (
        (rules.get("above") is None or value > rules["above"])
        and (rules.get("at_least") is None or value >= rules["at_least"])
        and (rules.get("below") is None or value < rules["below"])
        and (rules.get("at_most") is None or value <= rules["at_most"])
    )
    return value if fits else _no()


def _no() -> typing.NoReturn:
    raise ValueError


def is_exactly(value: Any, number: int | float | None) -> bool:
    """Whether a field is known to have this value. A number that is passed to a compiled program is not known inside it."""
    return number is not None and isinstance(value, int | float) and value == number


def is_traced(value: Any) -> bool:
    """Whether a value is a number that is passed to the program that is being compiled."""
    if not hasattr(value, "aval"):
        return False
    from jax.core import Tracer  # whoever traces has imported it

    return isinstance(value, Tracer)


def make(cls: type, values: Mapping[str, Any], section: str) -> Any:
    """An object of `cls` from a config section. Unknown and wrong fields are named with the section's path."""
    known = {declared.name: declared for declared in declared_fields(cls)}
    for name in values:
        if name not in known:
            raise unknown_field(f"{section}.{name}", name, known)
    try:
        return cls(**{name: convert(known[name], value) for name, value in values.items()})
    except FieldError as error:
        raise error.within(section) from None


def fields_of(given: Sequence[str]) -> dict[str, str]:
    """Fields of a plugin from FIELD=VALUE. Raises UserError for anything else."""
    fields = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"{text!r} should read FIELD=VALUE, such as p=7")
        fields[name] = value
    return fields


def unknown_field(path: str, name: str, known: Iterable[str], elsewhere: Iterable[str] = ()) -> UserError:
    """The error for a field that does not exist: it names the nearest one, and all that do.

    elsewhere: dotted fields of other sections, one of which may be meant.
    """
    deeper = {path.rpartition(".")[2]: path for path in elsewhere}
    near = nearest(name, known) or deeper.get(nearest(name, deeper) or "")
    hint = f" Did you mean {near!r}?" if near else ""
    return UserError(f"{path}: there is no such field.{hint} Fields here: {one_of(known)}.")
