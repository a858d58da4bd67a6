"""Folders of a kind hold plugins only; what they share lives in rooms below them, and no import runs up."""

from pathlib import Path

import pytest

from framework import registry
from tests.test_layers import imported
from tests.test_rooms import floors

ROOT = Path(__file__).parent.parent
KIND_FOLDERS = tuple(registry.PLURALS[kind] for kind in registry.KINDS)
FLOOR = floors("plugins")  # as docs/architecture.md draws them
MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts): file
    for file in sorted((ROOT / "plugins").rglob("*.py"))
    if file.name != "__init__.py"
}
MOST = 10  # entries of a room that a reader takes in at a glance


def room_of(module: str) -> str:
    """The folder of plugins/ in which a module is."""
    return module.split(".")[1]


def may_import(module: str, other: str) -> bool:
    """A room imports itself and the floors below it; wrappers of optimizers stand on the rules, not the rules on them."""
    if module.startswith("plugins.optimizers.rules.") and other.startswith("plugins.optimizers.wrappers"):
        return False
    return room_of(module) == room_of(other) or FLOOR[room_of(other)] < FLOOR[room_of(module)]


def registers_nothing(modules: list[str]) -> list[str]:
    """Those of the modules in which no plugin is defined."""
    registered = {entry.cls.__module__ for kind in registry.KINDS for entry in registry.entries(kind)}
    return [module for module in modules if module not in registered]


@pytest.mark.parametrize("folder", KIND_FOLDERS)
def test_every_module_in_the_folder_of_a_kind_registers_a_plugin(folder):
    modules = [module for module in MODULES if room_of(module) == folder]
    assert modules and registers_nothing(modules) == []


def test_a_plugin_is_in_the_folder_of_its_kind():
    places = [(registry.PLURALS[kind], entry.source) for kind in registry.KINDS for entry in registry.entries(kind)]
    assert [place for place in places if place[1].startswith("plugins.") and room_of(place[1]) != place[0]] == []


def test_what_plugins_share_registers_none():
    shared = [module for module in MODULES if FLOOR[room_of(module)] <= FLOOR["kernels"]]
    assert shared and registers_nothing(shared) == shared  # a folder of a kind with one of these in it would be noticed


@pytest.mark.parametrize("module", MODULES)
def test_no_import_runs_up(module):
    others = [other for other in imported(MODULES[module]) if other.startswith("plugins.")]
    assert [other for other in others if not may_import(module, other)] == []


def test_an_import_that_runs_up_would_be_noticed():
    assert not may_import("plugins.mathematics.modular", "plugins.tasks.modular_addition")
    assert not may_import("plugins.tasks.modular_addition", "plugins.models.quadratic")
    assert not may_import("plugins.optimizers.rules.adam", "plugins.optimizers.wrappers.grokfast")
    assert "plugins.mathematics.modular" in imported(MODULES["plugins.tasks.modular_addition"])


def test_rooms_are_small():
    rooms = [folder for folder in (ROOT / "plugins").rglob("*") if folder.is_dir() and (folder / "__init__.py").exists()]
    assert {room.name for room in rooms} >= FLOOR.keys() - {"shapes"}
    assert [room.name for room in rooms if len([entry for entry in room.iterdir() if not entry.name.startswith("__")]) > MOST] == []
