"""What a command imports: help, a list and a mistake must not wait for libraries that they do not use."""

import json
import subprocess
import sys

import pytest

import framework
from framework import build, registry
from framework.cli import COMMANDS, catalogue
from framework.config import SCALES
from framework.errors import FieldError
from framework.registry import KINDS
from plugins.benchmarks import startup
from tests.runs_by_hand import rows_of, write_run

HEAVY = {"jax", "jaxlib", "flax", "optax", "orbax", "matplotlib", "scipy", "tensorboardX", "numpy"}
WATCHED = """
import json, sys
sys.argv = ["whygrok", *sys.argv[1:]]
import whygrok
try:
    whygrok.main()
except SystemExit as end:
    code = end.code
heavy = {name.partition(".")[0] for name in sys.modules}
print(json.dumps([code, sorted(heavy)]), file=sys.stderr)
"""


def imported(folder, *arguments: str) -> tuple[int, set[str], str]:
    """(exit code, top modules imported, standard output) of a whygrok command in a process of its own."""
    done = subprocess.run([sys.executable, "-P", "-c", WATCHED, *arguments], cwd=folder, capture_output=True, text=True)
    code, modules = json.loads(done.stderr.splitlines()[-1])
    return code, set(modules), done.stdout


@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), (["--version"], 0), (["lst"], 2), ([], 2)])
def test_help_version_and_a_mistyped_command_import_no_heavy_library(tmp_path, words, code):
    ended, modules, _ = imported(tmp_path, *words)
    assert ended == code
    assert modules & HEAVY == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_imports_no_heavy_library(tmp_path, command):
    code, modules, said = imported(tmp_path, command, "--help")
    assert (code, modules & HEAVY) == (0, set())
    assert f"usage: whygrok {command}" in said


def test_a_watch_imports_no_heavy_library(tmp_path):
    write_run(tmp_path / "runs" / "one", rows=rows_of([0.1, 1.0]))
    for watched in ("runs/one", "runs"):
        code, modules, said = imported(tmp_path, "watch", watched)
        assert (code, modules & HEAVY) == (0, set()) and "rich" in modules and "finished" in said


def test_a_command_that_computes_would_be_noticed(tmp_path):
    _, modules, _ = imported(tmp_path, "config", "--config=quickstart")
    assert modules >= {"jax", "flax", "optax"}
    assert modules & {"matplotlib", "orbax", "scipy", "tensorboardX"} == set()


def test_a_list_imports_no_heavy_library_and_says_what_the_registry_says(tmp_path):
    code, modules, said = imported(tmp_path, "list", "--json")
    assert (code, modules & HEAVY) == (0, set())
    rows = [(row["kind"], row["name"], row["summary"], row["source"]) for row in json.loads(said) if row["kind"] != "config"]
    ours = [(kind, entry) for kind in KINDS for entry in registry.entries(kind) if entry.source.startswith("plugins.")]  # not of tests
    assert rows == [(kind, entry.name, entry.summary, entry.source) for kind, entry in ours]


def test_a_list_with_a_plugin_of_ones_own_shows_it_beside_the_built_in_ones(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    code, _, said = imported(tmp_path, "list", "penalties", "--json", "--config.plugins=mine.py")
    assert code == 0
    assert {row["name"]: row["summary"] for row in json.loads(said)} == {
        entry.name: entry.summary for entry in registry.entries("penalty")
    } | {"mine": "A penalty of my own."}


MINE = '''
from dataclasses import dataclass

from framework import Penalty, register


@register("mine")
@dataclass(frozen=True, kw_only=True)
class Mine(Penalty):
    """A penalty of my own."""

    def __call__(self, params):
        return 0.0
'''


@pytest.mark.parametrize(
    "source",
    [
        "for name in ('a', 'b'):\n    register(name)(object)\n",
        "@other\n@register('a')\nclass A: ...\n",
        "@register(NAME)\nclass A: ...\n",
        "def make():\n    @register('a')\n    class A: ...\n",
        "x = 1\n",
        "class A(:\n",
    ],
)
def test_a_module_whose_source_does_not_say_what_it_registers_is_not_guessed_at(tmp_path, monkeypatch, source):
    (tmp_path / "odd_module.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(catalogue.Unreadable):
        catalogue._registered("task", "odd_module")


def test_a_module_is_read_as_it_is_now(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("first", "second"):
        (tmp_path / "even_module.py").write_text(MINE.replace('"mine"', f'"{name}"'))
        assert catalogue._registered("penalty", "even_module") == [catalogue.Listed("penalty", name, "A penalty of my own.", "even_module")]


@pytest.mark.parametrize("command", ["verify", "reproduce"])
def test_help_names_every_scale(tmp_path, command):
    assert all(scale in imported(tmp_path, command, "--help")[2] for scale in SCALES)


def test_every_public_name_is_the_one_of_its_room():
    assert {"Optimizer", "Probe", "field", "register", "train", "load_run", "losses", "run_sweep"} <= set(framework.__all__)
    for name in framework.__all__:
        assert name in dir(framework)
        thing = getattr(framework, name)
        assert getattr(thing, "__module__", thing.__name__).startswith("framework.")
        assert thing.__name__.rpartition(".")[2] == name


def test_a_star_import_gives_the_public_names_and_no_others():
    names: dict[str, object] = {}
    exec("from framework import *", names)
    assert {name for name in names if name != "__builtins__"} == set(framework.__all__)


def test_rooms_are_attributes_and_an_unknown_name_is_none():
    assert framework.registry is registry
    assert framework.config.load_config
    with pytest.raises(AttributeError, match="'framework' has no attribute 'Optimiser'"):
        _ = framework.Optimiser
    with pytest.raises(ImportError, match="Optimiser"):
        from framework import Optimiser  # noqa: F401


def test_importing_the_framework_imports_nothing_heavy(tmp_path):
    program = "import sys, framework, plugins, configs; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-P", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & HEAVY == set()


def test_bench_startup_times_commands_beside_python_alone_and_the_import_of_jax():
    rows = build("benchmark", "startup", command="help").measure(repeats=2, seconds=0.1)
    assert [(row["setting"], row["reference"]) for row in rows] == [({"command": "help"}, other) for other in ("import jax", "pass")]
    assert all(row["milliseconds"] > 1 and row["reference_milliseconds"] > 1 for row in rows)  # no process is quicker


def test_bench_startup_says_why_a_run_cannot_be_timed():
    with pytest.raises(FieldError, match="config = 'quikstart': cannot be timed: --config: .* Did you mean 'quickstart'"):
        build("benchmark", "startup", command="warm", config="quikstart").measure(1, 0.1)


@pytest.mark.slow
def test_a_warm_start_finds_every_program_that_the_first_one_compiled(tmp_path):
    startup._first_step("quickstart:optimizer=gd", tmp_path)
    programs = {file.name for file in tmp_path.rglob("*-cache")}
    startup._first_step("quickstart:optimizer=gd", tmp_path)
    assert len(programs) > 10
    assert {file.name for file in tmp_path.rglob("*-cache")} == programs
