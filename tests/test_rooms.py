"""The rooms of the framework: few entries each, one sentence at the door, and no import that runs up."""

import ast
import re
from pathlib import Path

import pytest

from tests.test_layers import imported

ROOT = Path(__file__).parent.parent
FRAMEWORK = ROOT / "framework"
PICTURES = dict(re.findall(r"```text\n(\w+)\n(.*?)```", (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"), re.DOTALL))


def floors(package: str) -> dict[str, int]:
    """Room → floor, counted from the ground, as the page draws them: rooms on one line are on one floor."""
    lines = PICTURES[package].strip().splitlines()[::-1]
    return {part.split()[0].rstrip(":"): floor for floor, line in enumerate(lines) for part in line.split("|")}


FLOOR = floors("framework")
MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted(FRAMEWORK.rglob("*.py"))
    if "templates" not in file.parts and file != FRAMEWORK / "__init__.py"
}
TOP, ROOM = 20, 10  # entries that are taken in at a glance


def room_of(module: str) -> str:
    return module.split(".")[1]


def rooms_of(file: Path) -> set[str]:
    """The rooms that a file imports from; `from framework import registry` imports the room registry."""
    found = {room_of(module) for module in imported(file) if module.startswith("framework.")}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "framework":
            found |= {alias.name for alias in node.names}
    return found


def may_import(room: str, other: str) -> bool:
    return room == other or FLOOR[other] < FLOOR[room]


@pytest.mark.parametrize("module", MODULES)
def test_no_import_runs_up(module):
    assert [other for other in sorted(rooms_of(MODULES[module])) if not may_import(room_of(module), other)] == []


def test_an_import_that_runs_up_would_be_noticed():
    assert not may_import("training", "run") and not may_import("run", "sweep") and not may_import("storage", "fields")
    assert "registry" in rooms_of(FRAMEWORK / "sweep" / "choice.py") and "training" in rooms_of(FRAMEWORK / "run" / "loading.py")


def test_the_page_draws_every_room():
    entries = {entry.stem for entry in FRAMEWORK.iterdir() if entry.suffix == ".py" or (entry / "__init__.py").exists()}
    assert set(FLOOR) == entries - {"__init__"}


def test_rooms_are_small_and_say_in_one_sentence_what_lives_there():
    assert len([entry for entry in FRAMEWORK.iterdir() if entry.name not in ("__pycache__", "py.typed")]) <= TOP
    rooms = [folder for folder in FRAMEWORK.rglob("*") if (folder / "__init__.py").exists() and folder.name != "templates"]
    assert len(rooms) > 10
    for room in rooms:
        assert len([entry for entry in room.iterdir() if not entry.name.startswith("__")]) <= ROOM, room
        assert ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8"))), room
