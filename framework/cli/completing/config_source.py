"""Which plugins the source of a config chooses: read, not run, so that a key press runs no file of anybody's."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from framework.cli.completing.plugin_source import module_tree
from framework.config import NAMED
from framework.storage import read_text

DEEPEST = 10  # configs that are made from configs that are made from configs


@dataclass
class Section:
    """A section of a config as its file writes it: the plugin's name, and the sections inside it."""

    plugin: str
    parts: dict[str, "Section"] = field(default_factory=dict)


def sections_in(file: Path) -> dict[str, Section]:
    """Path → section, of the config that a file makes: "task", "probes.norms"; none where it does not say so."""
    try:
        return _sections_of(ast.parse(read_text(file)), file.parent, DEEPEST, set())
    except (SyntaxError, ValueError):
        return {}


def _sections_of(tree: ast.Module, folder: Path, depth: int, seen: set[str]) -> dict[str, Section]:
    """Those of the config that it starts from, then what get_config itself chooses. seen: what was imported so far, each once."""
    made = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "get_config"), None)
    if made is None or not depth:
        return {}
    used = {node.id for node in ast.walk(made) if isinstance(node, ast.Name)}
    found: dict[str, Section] = {}
    for line in tree.body:
        if isinstance(line, ast.ImportFrom) and line.module and line.module.partition(".")[0] != "framework":
            for alias in line.names:
                if (alias.asname or alias.name) in used and (place := f"{line.module}.{alias.name}") not in seen:
                    seen.add(place)
                    found |= _sections_of(_other(line.module, alias.name, folder), folder, depth - 1, seen)
    above = [line for line in tree.body if isinstance(line, ast.Assign) and used & {getattr(name, "id", "") for name in line.targets}]
    inside = [line for line in made.body if isinstance(line, ast.Assign)]
    named = {getattr(line.targets[0], "id", ""): line.value for line in (*above, *inside)}
    for node in (part for line in (*above, made) for part in ast.walk(line)):
        found |= dict(_chosen(node, named))
    return found


def _other(module: str, name: str, folder: Path) -> ast.Module:
    """The source of a config that another one imports: the module, or the one inside it; ours, or a neighbour's."""
    for one in (f"{module}.{name}", module):
        file = folder / f"{one.replace('.', '/')}.py"
        tree = ast.parse(read_text(file)) if file.is_file() else module_tree(one)
        if tree.body:
            return tree
    return ast.Module([], [])


def _chosen(node: ast.AST, named: dict[str, ast.expr]) -> Iterator[tuple[str, Section]]:
    """What a call of `experiment` chooses, or a dict of changes for `override`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "experiment":
        for given in node.keywords:
            if given.arg in NAMED:
                yield from ((f"{given.arg}.{name}", section) for name, section in _entries(given.value, named))
            elif given.arg and (section := _selected(given.value, named)):
                yield given.arg, section
    elif isinstance(node, ast.Dict):
        yield from ((path, section) for path, section in _entries(node, named) if path.partition(".")[0] in NAMED or "." not in path)


def _entries(node: ast.expr, named: dict[str, ast.expr]) -> Iterator[tuple[str, Section]]:
    """The selected plugins of {"name": select(…), …}."""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and (section := _selected(value, named)):
                yield str(key.value), section


def _selected(node: ast.expr, named: dict[str, ast.expr]) -> Section | None:
    """What `select("adamw", …)` chooses, or a name that stands for it."""
    match node:
        case ast.Name(name) if name in named:
            return _selected(named[name], {key: value for key, value in named.items() if key != name})
        case ast.Call(func=ast.Name("select"), args=[ast.Constant(str(name)), *_], keywords=given):
            return Section(name, {one.arg: part for one in given if one.arg and (part := _selected(one.value, named))})
    return None
