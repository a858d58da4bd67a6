"""whygrok new-plugin: writes a starter plugin that runs and keeps its promises as it stands."""

import importlib.util
import keyword
import re
from collections.abc import Sequence
from pathlib import Path

from framework import registry
from framework.cli import Parser
from framework.cli.answers import answer
from framework.errors import UserError, did_you_mean, one_of
from framework.storage import make_folder, read_text, storage, write_new

EXAMPLES = """\
  whygrok new-plugin probe weight_growth             writes weight_growth.py
  whygrok new-plugin task graph_distance --package   writes graph-distance/, which pip can install
"""
PACKAGE = {"pyproject.toml": "pyproject.toml.txt", "README.md": "README.md.txt", "tests/test_{name}.py": "tests/test_plugin.py.txt"}
USES = {  # how a plugin of each kind is used, after --config=quickstart
    "task": "whygrok run --config=quickstart:task={name}",
    "model": "whygrok run --config=quickstart:model={name}",
    "optimizer": "whygrok run --config=quickstart:optimizer={name}",
    "penalty": "whygrok run --config=quickstart:penalty={name}",
    "loss": "whygrok run --config=quickstart --config.task.loss={name}",
    "probe": "whygrok run --config=quickstart:probes={name}",
    "intervention": "whygrok describe intervention {name}",
    "writer": "whygrok run --config=quickstart:writers={name} --config.task.p=11 --config.steps=300",
    "claim": "whygrok describe claim {name}",
    "engine": "whygrok sweep --config=sweeps/init_scale --config.task.p=5 --config.steps=20 --engine={name}",
}


def main(arguments: Sequence[str]) -> int:
    """Writes the files, and prints their names and what to type next."""
    parser = Parser("new-plugin", EXAMPLES)
    parser.add_argument("kind", help=one_of(USES))
    parser.add_argument("name", help="name of the plugin and of its file: lower-case letters, digits and _")
    parser.add_argument("--package", action="store_true", help="write a package with an entry point, tests and a README, in its own folder")
    parser.add_argument("--output", default=".", metavar="FOLDER", help="where to write; by default the current folder")
    options = parser.parse(arguments)
    _check(options.kind, options.name)
    folder = Path(options.output)
    made = _package(options.kind, options.name) if options.package else {f"{options.name}.py": _plugin(options.kind, options.name)}
    files = {folder / name: text for name, text in made.items()}
    if there := [file for file in files if file.exists()]:
        raise UserError(f"{there[0]} exists, and nothing is overwritten: give another name, or another --output")
    for file, text in files.items():
        with storage("writing", file):
            make_folder(file.parent)
            write_new(file, text)
        answer(file)
    answer("\nNext:\n" + "\n".join(f"  {line}" for line in _next(options.kind, options.name, folder, options.package)))
    return 0


def _check(kind: str, name: str) -> None:
    """Raises UserError for an unknown kind, and for a name that is taken or not allowed."""
    if kind not in USES:
        raise UserError(f"new-plugin knows no kind {kind!r}.{did_you_mean(kind, USES)} Kinds: {one_of(USES)}.")
    if not re.fullmatch(registry.NAME, name) or keyword.iskeyword(name):
        near = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789") or f"my_{kind}"
        hint = f" Did you mean {near!r}?" if near != name and not keyword.iskeyword(near) else ""
        raise UserError(f"{name!r} cannot be a plugin name: use lower-case letters, digits and _, a letter first, no Python keyword.{hint}")
    if any(entry.name == name for entry in registry.entries(kind)):
        raise UserError(f"there is already a {kind} called {name!r} (whygrok describe {kind} {name}): give another name")
    if importlib.util.find_spec(name) and not Path(f"{name}.py").exists():
        raise UserError(f"{name!r} is the name of an installed module, which would hide this one or be hidden: give another name")


def _plugin(kind: str, name: str) -> str:
    return _renamed(_template(f"{kind}.py"), kind, name)


def _package(kind: str, name: str) -> dict[str, str]:
    """The files of a package with one plugin, as name → text."""
    root = name.replace("_", "-")
    files = {f"{root}/{file.format(name=name)}": _template(f"package/{template}") for file, template in PACKAGE.items()}
    use = USES[kind].format(name=name)
    files = {file: _renamed(text.replace("KIND", kind).replace("USE", use), "plugin", name) for file, text in files.items()}
    imports = f'"""A plugin for whygrok: importing the package registers it."""\n\nfrom {name}.{kind} import {_class(name)}\n'
    init = f'{imports}\n__all__ = ["{_class(name)}"]\n'
    return files | {f"{root}/{name}/__init__.py": init, f"{root}/{name}/{kind}.py": _plugin(kind, name)}


def _template(file: str) -> str:
    return read_text(Path(__file__).parent / "templates" / file)


def _renamed(text: str, kind: str, name: str) -> str:
    dashed = text.replace(f"my-{kind}", name.replace("_", "-"))
    return dashed.replace(f"my_{kind}", name).replace(f"My{kind.capitalize()}", _class(name))


def _class(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _next(kind: str, name: str, folder: Path, package: bool) -> list[str]:
    """What to type next: each line runs as it stands."""
    use = USES[kind].format(name=name)
    if package:
        return [f"pip install -e {folder / name.replace('_', '-')}", f"whygrok check {kind}/{name}", use]
    file = folder / f"{name}.py"
    return [f"whygrok check {file}", f"{use} --config.plugins={file}"]
