"""What the source of a built-in plugin says of its fields: read, not run, so that a key press does not wait for JAX.

Optimizers that optax gives their fields (plugins/optimizers/rules/from_optax.py) do not say them: none are known of those.
"""

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import framework
from framework.registry import catalogue
from framework.storage import read_text

HERE = Path(framework.__file__).parents[1]

Defined = tuple[ast.ClassDef, str]  # a class, and the module that defines it


@dataclass(frozen=True)
class Written:
    """A field as its class writes it. values: what it may be, where that is a list. kind, plugin: of a part, and its default."""

    values: tuple[str, ...] = ()
    help: str = ""
    kind: str = ""
    plugin: str = ""


@functools.cache
def fields_of(kind: str, plugin: str) -> dict[str, Written]:
    """The fields of a built-in plugin by name, inherited ones among them; none where its source does not say them."""
    found: dict[str, Written] = {}
    for listed in catalogue.built_in(kind):
        if listed.name == plugin:
            classes = [node for node in module_tree(listed.source).body if _registered_name(node) == plugin]
            for cls, module in _with_bases([(node, listed.source) for node in classes if isinstance(node, ast.ClassDef)]):
                _add_own(cls, module, found)
    return found


@functools.cache
def module_tree(module: str) -> ast.Module:
    """The source of a module of ours; an empty one for any other."""
    place = HERE.joinpath(*module.split("."))
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    return ast.parse(read_text(file) if file.is_file() else "")


def _with_bases(classes: list[Defined]) -> list[Defined]:
    """The classes and what they inherit from, the farthest first: each where it is met last, as Python orders them."""
    found: list[Defined] = []
    for defined in _upwards(classes):
        found = [one for one in found if one != defined] + [defined]
    return found[::-1]


def _upwards(classes: list[Defined]) -> Iterator[Defined]:
    for cls, module in classes:
        yield cls, module
        yield from _upwards([base for node in cls.bases if isinstance(node, ast.Name) and (base := _class(node.id, module))])


def _class(name: str, module: str) -> Defined | None:
    """A class that this module defines, or takes from another one."""
    tree = module_tree(module)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node, module
    return _class(_imported(tree)[name][1], _imported(tree)[name][0]) if name in _imported(tree) else None


def _imported(tree: ast.Module) -> dict[str, tuple[str, str]]:
    """Name → (module, its name there), of what `from … import …` brings, also inside `if TYPE_CHECKING`."""
    lines = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return {alias.asname or alias.name: (str(line.module), alias.name) for line in lines for alias in line.names}


def _add_own(cls: ast.ClassDef, module: str, found: dict[str, Written]) -> None:
    """Adds the fields that a class writes itself; `without` takes one out."""
    names = _imported(module_tree(module))
    for line in cls.body:
        match line:
            case ast.AnnAssign(target=ast.Name(name), annotation=held, value=ast.Call(func=ast.Name(called)) as call):
                how = names[called][1] if called in names else called
                if how == "without":
                    found.pop(name, None)
                elif how == "part":
                    found[name] = _part(held, call, module)
                elif how == "field":
                    found[name] = Written(_values(held, call), _help(call))


def _values(annotation: ast.expr, call: ast.Call) -> tuple[str, ...]:
    """The choices of a field, or true and false."""
    choices = next((given.value for given in call.keywords if given.arg == "choices"), None)
    if isinstance(choices, ast.Tuple):
        return tuple(str(one.value) for one in choices.elts if isinstance(one, ast.Constant))
    return ("true", "false") if isinstance(annotation, ast.Name) and annotation.id == "bool" else ()


def _help(call: ast.Call) -> str:
    """The line of help in field(default, "help", …)."""
    match call.args:
        case [_, ast.Constant(str(said)), *_]:
            return said
    return ""


def _part(annotation: ast.expr, call: ast.Call, module: str) -> Written:
    """A field that holds a plugin: given by its name, or as an object of its class."""
    kind = annotation.id.lower() if isinstance(annotation, ast.Name) else ""
    match call.args[0]:
        case ast.Constant(str(name)):
            return Written(kind=kind, plugin=name)
        case ast.Call(func=ast.Name(cls)) if defined := _class(cls, module):
            return Written(kind=kind, plugin=_registered_name(defined[0]))
    return Written(kind=kind)


def _registered_name(node: ast.stmt) -> str:
    """'adamw' of a class below @register("adamw")."""
    match node:
        case ast.ClassDef(decorator_list=[ast.Call(func=ast.Name("register"), args=[ast.Constant(str(name))]), *_]):
            return name
    return ""
