"""What a plugin of any kind promises: its fields are its configuration, it says where it comes from, and it hides nothing."""

import dataclasses
import inspect
import json
import re

from framework.errors import named
from framework.fields import convert, declared_fields, make
from framework.testing.promises import EVERY, Broken, promise
from framework.testing.subject import Subject

SOURCE = re.compile(r"\b(1[89]|20)\d\d\b|\bSources?:")


@promise(EVERY)
def fields_explain_themselves(subject: Subject) -> None:
    """Every field has a line of help, and a default that its own rule allows."""
    for declared in declared_fields(type(subject.plugin)):
        if not declared.help:
            raise Broken(f"field {declared.name!r} has no help: write {declared.name}: … = field({declared.default!r}, 'what it is')")
        convert(declared, declared.default)


@promise(EVERY)
def its_docstring_names_a_source(subject: Subject) -> None:
    """The docstring says in a first line what it is, and where it comes from: a paper with its year, or "Source: …"."""
    cls = type(subject.plugin)
    text = inspect.cleandoc(cls.__dict__.get("__doc__") or "")
    if not text or text.startswith(f"{cls.__name__}("):  # which is what a dataclass writes for itself
        raise Broken(f"class {cls.__name__} has no docstring: say in a first line what it is, then formula and source")
    if not SOURCE.search(text):
        raise Broken(f"the docstring of {cls.__name__} names no source: end it with a paper and its year, or 'Source: …'")


@promise(EVERY, is_basis=True)
def it_can_be_pickled(subject: Subject) -> None:
    """It can be given to another process: pickled and read back, it equals itself; it can be hashed."""
    try:
        copy = subject.copy()
    except Exception as error:  # a stranger's field may refuse in any way
        raise Broken(f"it cannot be pickled ({named(error)}): fields must be plain values, and the class at the top of its file") from None
    if copy != subject.plugin:
        raise Broken("it is another plugin once pickled and read back: what is not a field must follow from the fields")
    try:
        hash(subject.plugin)
    except TypeError as error:
        raise Broken(f"it cannot be hashed ({named(error)}): a field of several values is a tuple") from None


@promise(EVERY)
def it_survives_config_json(subject: Subject) -> None:
    """Its fields, written to config.json and read back, make the same plugin: that is how a run is resumed."""
    cls = type(subject.plugin)
    fields = {declared.name: getattr(subject.plugin, declared.name) for declared in declared_fields(cls)}
    plain = {name: value for name, value in fields.items() if not dataclasses.is_dataclass(value)}
    try:
        stored = json.loads(json.dumps(plain, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise Broken(
            f"its fields cannot be written to config.json ({named(error)}): use numbers, strings, booleans and tuples of them"
        ) from None
    again = make(cls, fields | {name: tuple(v) if isinstance(v, list) else v for name, v in stored.items()}, subject.kind)
    if again != subject.plugin:
        raise Broken("read back from config.json it is another plugin: __post_init__ must leave a checked value as it is")
