"""Tab in a shell: which words are offered, in real shells, and that offering them imports neither NumPy nor JAX."""

import contextlib
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from framework import registry
from framework.cli import COMMANDS
from framework.cli.completing import paths, plugin_source
from framework.config import find_config, flatten, load_config, shipped_configs
from framework.fields import declared_fields
from tests.terminals import started_at
from tests.test_startup import HEAVY

BIN = Path(sys.executable).parent
# What readline does when Tab is pressed: bash's own word breaks, the line up to the cursor, and the function that was registered.
BASH = """
eval "$(whygrok completion bash)"
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_KEY=9
_python_argcomplete whygrok
printf '%s\\n' "${COMPREPLY[@]}"
"""


def environment() -> dict[str, str]:
    return os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}


def offered(line: str, folder: Path) -> list[str]:
    """The words that bash shows, without what stands before the last of its word breaks."""
    words = ["bash", "-c", BASH, "bash", line]
    done = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True, check=True)
    return [word.strip() for word in done.stdout.splitlines() if word.strip()]


def asked(line: str, folder: Path) -> tuple[set[str], set[str]]:
    """(words offered, top modules imported) by the command itself, as a shell calls it."""
    told = folder / "told"
    shell = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_STDOUT_FILENAME": str(told), "_ARGCOMPLETE_IFS": "\n"}
    shell |= {"COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_COMP_WORDBREAKS": ""}
    command = [sys.executable, "-P", "-X", "importtime", "-c", "import whygrok; whygrok.main()"]
    done = subprocess.run(command, cwd=folder, env=environment() | shell, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    imported = {name.partition(".")[0] for name in re.findall(r"\| +(\w[\w.]*)$", done.stderr, re.MULTILINE)}
    assert "argcomplete" in imported and done.returncode == 0, done.stderr
    return {word.strip() for word in told.read_text().splitlines()}, imported


def test_bash_offers_every_command(tmp_path):
    assert offered("whygrok ", tmp_path) == list(COMMANDS)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("whygrok re", {"report", "reproduce", "rerun"}),
        ("whygrok sweep --j", {"--jobs"}),
        ("whygrok run --config=qu", {"quickstart"}),
        ("whygrok run --config=paper/classif", {"paper/classification"}),
        ("whygrok run --config mi", {"mine.py"}),
        ("whygrok run --config=quickstart:pen", {"penalty="}),
        ("whygrok run --config=quickstart:penalty=l", {"l1", "l2", "linf", "lq"}),
        ("whygrok run --config=quickstart --config.mesh.", {"--config.mesh.examples", "--config.mesh.neurons"}),
        ("whygrok run --config=quickstart --config.numerics.precision=", {"float32", "float64"}),
        ("whygrok describe penalty l", {"l1", "l2", "linf", "lq"}),
        ("whygrok list prob", {"probes"}),
        ("whygrok verify fourier_c", {"fourier_construction"}),
        ("whygrok reproduce fig", {"fig1", "fig2", "fig3", "fig4", "fig5"}),
        ("whygrok reproduce fig1 --scale=", {"smoke", "laptop", "full"}),
        ("whygrok report sub", {"subfolder/"}),
        ("whygrok nothing ", set()),
    ],
)
def test_bash_offers_what_may_stand_there(typed, words, tmp_path):
    (tmp_path / "mine.py").write_text("raise SystemExit('a key press runs no config')\n")
    (tmp_path / "subfolder").mkdir()
    assert set(offered(typed, tmp_path)) == words


@pytest.mark.parametrize(
    "typed", ["whygrok ", "whygrok run --", "whygrok run --config=", "whygrok run --config=quickstart --config.", "whygrok describe "]
)
def test_offering_words_imports_no_heavy_library(typed, tmp_path):
    words, imported = asked(typed, tmp_path)
    assert words and imported & HEAVY == set()


def with_values(config) -> set[str]:
    return {path for path in flatten(config) if path != "plugins"}


@pytest.mark.parametrize("name", [config.name for config in shipped_configs()])
def test_the_fields_that_are_offered_are_those_of_the_config(name):
    """The same paths as the config that is composed by importing everything."""
    assert set(paths.fields(["whygrok", "run", f"--config={name}"])) - {"plugins"} == with_values(load_config(name))


@pytest.mark.parametrize(
    "words",
    [
        ["--config=quickstart:optimizer=grokfast+sgd,probes=margins+fourier"],
        ["--config", "quickstart:model=transformer,penalty=group"],
        ["--config=quickstart", "--config.model.name=kernel", "--config.probes.late.name=ntk_drift"],
        ["--config=quickstart:writers=wandb"],
        ["--config=quickstart:writers=none,probes=none"],
        ["--config=quickstart", "--config.writers.tensorboard.name=none"],
    ],
)
def test_they_follow_what_is_swapped_on_the_same_line(words):
    spec = words[0].removeprefix("--config=") if "=" in words[0] else words[1]
    changes = dict(word.removeprefix("--config.").split("=", 1) for word in words if word.startswith("--config."))
    assert set(paths.fields(words)) - {"plugins"} == with_values(load_config(spec, changes))


def test_they_are_those_of_a_run_that_is_there(tmp_path):
    config = load_config("quickstart:optimizer=orthograd,probes=margins")
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict(), default=list))
    assert find_config(str(tmp_path))[0] == tmp_path / "config.json"
    assert set(paths.fields([f"--workdir={tmp_path}"])) - {"plugins"} == with_values(config)


@pytest.mark.parametrize("text", ["def (", "x = 1", "[]", ""])
def test_a_file_that_is_no_config_offers_the_fields_that_every_config_has(text, tmp_path):
    for name in ("a.py", "config.json"):
        (tmp_path / name).write_text(text)
        assert {"steps", "seed", "mesh.examples", "penalty.name"} <= set(paths.fields([f"--config={tmp_path / name}"]))


def test_a_name_of_a_folder_is_never_run(tmp_path):
    folder = "';touch PWNED;'"
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "inside.py").write_text("")
    for typed in (f'whygrok run --config "{folder}/', f'whygrok plot "{folder}/'):
        asked(typed, tmp_path)
    assert [file.name for file in tmp_path.rglob("PWNED")] == []


def test_configs_that_import_one_another_are_each_read_once(tmp_path):
    names = [f"b{number}" for number in range(12)]
    (tmp_path / "a").mkdir()
    for name in names:
        others = [f"from a.{other} import get_config as {other}" for other in names]
        (tmp_path / "a" / f"{name}.py").write_text("\n".join([*others, "def get_config():", f"    return [{', '.join(names)}]", ""]))
    first = "\n".join(f"from a.{name} import get_config as {name}" for name in names)
    (tmp_path / "c.py").write_text(f"{first}\ndef get_config():\n    return [{', '.join(names)}]\n")
    assert "steps" in paths.fields([f"--config={tmp_path / 'c.py'}"])


def test_names_in_a_strangers_run_that_are_none_are_not_offered(tmp_path):
    probes = {"late": {"name": "norms"}, "$(touch here)": {"name": "norms"}, "a\x1b[2J": {"name": "norms"}, "b": "norms"}
    (tmp_path / "config.json").write_text(json.dumps({"probes": probes}))
    assert {path for path in paths.fields([f"--workdir={tmp_path}"]) if path.startswith("probes.")} == {
        f"probes.late.{field}" for field in ("name", "schedule", "per_matrix", "tolerance")
    }


@pytest.mark.parametrize("kind", ["task", "model", "optimizer", "penalty", "loss", "probe", "intervention"])
def test_what_the_source_says_of_a_plugin_is_what_its_class_says(kind):
    for entry in registry.entries(kind):
        if entry.source.startswith("plugins.") and not entry.source.endswith(".from_optax"):
            declared = {one.name: one for one in declared_fields(entry.cls)}
            written = plugin_source.fields_of(kind, entry.name)
            assert written.keys() == declared.keys(), entry.name
            for name, one in written.items():
                assert one.kind == registry.held(entry.cls).get(name, ""), (entry.name, name)
                if one.kind:
                    assert one.plugin == registry.section_of(declared[name].default)["name"]
                elif choices := declared[name].metadata["choices"]:
                    assert one.values in ((), tuple(map(str, choices))), (entry.name, name)


def test_fish_offers_the_same_words_with_what_they_mean(tmp_path):
    if not shutil.which("fish"):
        pytest.skip("no fish here: apt-get install fish")
    script = "whygrok completion fish | source; complete -C 'whygrok re'; complete -C 'whygrok run --config=quicks'"
    done = subprocess.run(["fish", "-N", "-c", script], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True)
    said = dict(line.partition("\t")[::2] for line in done.stdout.splitlines())
    assert said["rerun"] == COMMANDS["rerun"][1] and {"report", "reproduce", "--config=quickstart"} <= said.keys()


SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(whygrok completion bash)"'),
    "zsh": (["zsh", "-f", "-i"], 'autoload -Uz compinit; compinit -u -D; eval "$(whygrok completion zsh)"'),
}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_person_presses_tab(shell, tmp_path):
    """A shell at a terminal, typed into: each part is completed, and the whole line runs."""
    words, setup = SHELLS[shell]
    if not shutil.which(words[0]):
        pytest.skip(f"no {shell} here: apt-get install {shell}")
    screen = Screen(words, tmp_path)
    with contextlib.closing(screen):
        screen.type(f"PS1='$ '; {setup}; echo rea''dy\n")
        screen.wait("\nready")
        screen.type("whygrok desc\t")
        screen.wait("whygrok describe ")
        screen.type("optimizer normalized\t")
        screen.wait("normalized_gd")
        screen.type("\n")
        screen.wait("‖∇ℓ‖")


class Screen:
    """A program at a terminal of its own."""

    def __init__(self, command: list[str], folder: Path):
        self._terminal, inner = pty.openpty()
        shown = {"TERM": "xterm", "HISTFILE": "", "LANG": "C.UTF-8", "COLUMNS": "200"}
        self._process = started_at(inner, command, environment() | shown, folder)
        os.close(inner)
        self._shown = b""

    def type(self, text: str) -> None:
        self._shown = b""
        os.write(self._terminal, text.encode())

    def wait(self, text: str, seconds: float = 60) -> None:
        """Reads until the text is there, escape sequences left out."""
        end = time.monotonic() + seconds
        while text not in self.shown:
            assert time.monotonic() < end, f"waited in vain for {text!r} in {self.shown!r}"
            self._shown += os.read(self._terminal, 4096)

    @property
    def shown(self) -> str:
        plain = re.sub(rb"\x1b(\[[0-9;?]*[A-Za-z]|[=>])", b"", self._shown)
        return plain.replace(b"\r", b"").decode("utf-8", "replace")

    def close(self) -> None:
        os.close(self._terminal)
        self._process.wait(60)
