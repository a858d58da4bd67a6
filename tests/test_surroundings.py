"""What a shell, a notebook or a cluster has set: it changes no number and no picture, and ends no command with a traceback."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import jax
import pytest

from framework import train
from framework.cli import run_command
from framework.pictures import Curve, Panel, svg_of
from tests.helpers import cached, rows, slow_but, tiny

ROOT = Path(__file__).parents[1]
WHYGROK = [sys.executable, str(ROOT / "whygrok.py")]
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
# None: the variable is not set. Each is one that some notebook, cluster or shell is known to set, or to leave out.
HARMLESS: list[dict[str, str | None]] = [
    ASCII,
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONIOENCODING": "ascii:strict"},
    {"COLUMNS": "0"},
    {"COLUMNS": "-3"},
    {"COLUMNS": "1"},
    {"COLUMNS": "wide"},
    {"PYTHONOPTIMIZE": "1"},
    {"PYTHONWARNINGS": "error"},
    {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONSAFEPATH": "1"},
    {"HOME": None, "XDG_CACHE_HOME": None},
    {"HOME": "/nowhere", "MPLCONFIGDIR": None},
    {"HOME": "/dev/null", "MPLCONFIGDIR": None, "XDG_CACHE_HOME": None, "XDG_CONFIG_HOME": None},
    {"TMPDIR": "/nowhere"},
    {"TERM": "dumb", "NO_COLOR": "1"},
    {"TERM": None, "LANG": None, "PATH": ""},
]


def said_by(words, tmp_path, changes, cwd=None, **keywords):
    environment = cached(tmp_path / "programs") | {name: value for name, value in changes.items() if value is not None}
    environment = {name: value for name, value in environment.items() if changes.get(name, "") is not None}
    return subprocess.run([*WHYGROK, *words], env=environment, cwd=cwd, capture_output=True, timeout=300, **keywords)


@pytest.mark.parametrize("changes", slow_but(lambda changes: changes is ASCII, HARMLESS), ids=str)
def test_describe_says_the_same_whatever_is_set(changes, tmp_path):
    """What has α and … in it is shown also where they cannot be encoded."""
    done = said_by(["describe", "task", "modular_addition"], tmp_path, changes)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"over all p^k tuples" in done.stdout.replace(b"\n", b" ") or "COLUMNS" in changes
    if changes is ASCII:
        assert rb"c_1 a_1 + \u2026 + c_k a_k mod p" in done.stdout


@pytest.mark.slow
def test_a_run_has_the_same_rows_and_the_same_picture_whatever_is_set(tmp_path):
    """JAX's own variables would give other keys, other dtypes and other products; a matplotlibrc other pictures."""
    usual = ["run", "--config=quickstart", "--config.task.p=5", "--config.model.width=8", "--config.steps=6"]
    (tmp_path / "plain").mkdir()
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "matplotlibrc").write_text("lines.linewidth: 9\naxes.facecolor: red\nfont.size: 30\n")
    changes = {
        **{"JAX_DEFAULT_PRNG_IMPL": "rbg", "JAX_THREEFRY_PARTITIONABLE": "0", "JAX_RANDOM_SEED_OFFSET": "5"},
        **{"JAX_NUMPY_DTYPE_PROMOTION": "strict", "JAX_NUMPY_RANK_PROMOTION": "raise", "JAX_ENABLE_X64": "1"},
        **{"JAX_DEFAULT_MATMUL_PRECISION": "bfloat16", "MPLBACKEND": "module://no_such_notebook.backend", "PYTHONWARNINGS": "error"},
        **ASCII,
    }
    for name, given in (("plain", {}), ("strange", changes)):
        done = said_by([*usual, "--workdir=run"], tmp_path, given, cwd=tmp_path / name)
        assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr.decode()
    plain, strange = (tmp_path / name / "run" for name in ("plain", "strange"))
    assert rows(strange) == rows(plain)
    assert (strange / "figures" / "curves.png").read_bytes() == (plain / "figures" / "curves.png").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("home", ["/dev/null", "/proc/nothing"])
def test_a_home_that_cannot_be_written_costs_a_run_nothing(home, tmp_path):
    words = ["run", "--config=quickstart", "--config.task.p=5", "--config.model.width=8", "--config.steps=6", "--workdir=run"]
    folders = dict.fromkeys(("MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"))
    done = said_by(words, tmp_path, {"HOME": home, "WHYGROK_PROGRAMS": None, **folders}, cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    said = done.stderr.decode().splitlines()
    assert all(line.startswith(("whygrok: ", "step 6 of 6 ")) for line in said), said
    assert (tmp_path / "run" / "figures" / "curves.png").is_file()


def test_settings_of_a_notebook_change_no_picture_and_stay_its_own():
    import matplotlib

    panel = Panel("title", "x", "y", [Curve("one", [1, 2, 3], [1.0, 4.0, 9.0])])
    before = svg_of(panel)
    with matplotlib.rc_context({"lines.linewidth": 7.0, "font.size": 22.0, "axes.grid": True}):
        assert svg_of(panel) == before
        assert matplotlib.rcParams["lines.linewidth"] == 7.0


def test_docstrings_are_needed_and_that_is_said(tmp_path):
    done = said_by(["list"], tmp_path, {"PYTHONOPTIMIZE": "2"})
    assert done.returncode == 2 and done.stderr.startswith(b"whygrok: python -OO (PYTHONOPTIMIZE=2) removes the docstrings")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(("redirected", "code"), [(">/dev/full", 5), (">&-", 0), ("2>&-", 0), (">&- 2>&- <&-", 0), ("| head -n1", 0)])
def test_standard_output_may_be_full_closed_or_left_early(redirected, code):
    words = " ".join([*WHYGROK, "list", redirected])
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {words}"], capture_output=True, text=True, timeout=100)
    assert done.returncode == code
    assert done.stderr == ("whygrok: standard output cannot be written: No space left on device\n" if code else "")


PRINTS = '''
import os
import shutil
from dataclasses import dataclass
import jax.numpy as jnp
from framework import Penalty, register
print("hello from the import")

@register("talkative")
@dataclass(frozen=True, kw_only=True)
class Talkative(Penalty):
    """A penalty that talks."""

    def __post_init__(self):
        print("hello from Python")
        os.write(1, b"hello from C\\n")

    def __call__(self, params):
        return jnp.zeros(())
'''


def test_what_a_plugin_prints_is_no_answer(tmp_path):
    (tmp_path / "talkative.py").write_text(PRINTS)
    words = ["config", "--config=quickstart:penalty=talkative", "--config.plugins=talkative.py"]
    done = said_by(words, tmp_path, {}, cwd=tmp_path, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["penalty"] == {"name": "talkative"}
    assert "talkative.py printed while it was imported: hello from the import" in done.stderr
    checked = said_by(["check", "talkative.py", "--json"], tmp_path, {}, cwd=tmp_path, text=True)
    assert isinstance(json.loads(checked.stdout), list), checked.stdout
    assert "hello from Python" in checked.stderr and "hello from C" in checked.stderr


def test_control_characters_in_names_do_not_reach_the_terminal(tmp_path, capsys):
    folder = tmp_path / "run\x1b]0;title\x07"
    train(tiny(), folder)
    assert run_command(["collect", str(tmp_path)]) == 0
    assert run_command(["plot", f"{folder}@nothing"]) == 2
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err and "\\x1b]0;title\\x07" in captured.err


FORGED = "x\n\u2028\x85x\r\x1b[2Jx\nwhygrok: fine, type: rm -rf"


def in_json(name, change):
    def put(run):
        stored = json.loads((run / name).read_text())
        change(stored)
        (run / name).write_text(json.dumps(stored))

    return put


def lock(**owner):
    return lambda run: (run / "LOCK").write_text(json.dumps({"host": "other", "pid": 1, "heartbeat": time.time()} | owner))


FORGERIES = {
    "lock host": lock(host=FORGED),
    "lock start": lock(started=FORGED),
    "lock pid": lock(pid=FORGED),
    "data": in_json("environment.json", lambda stored: stored.update(data=FORGED)),
    "plugins": in_json("config.json", lambda stored: stored.update(plugins=[f"a{FORGED}.py"])),
    "probe": in_json("config.json", lambda stored: stored["probes"].update({FORGED: {"name": "norms"}})),
    "name of a probe": in_json("config.json", lambda stored: stored["probes"].update(u={"name": FORGED})),
    "writer": in_json("config.json", lambda stored: stored["writers"].update({FORGED: {"name": "tensorboard"}})),
    "fields": in_json("config.json", lambda stored: stored["task"].update({FORGED: FORGED})),
    "another run": in_json("config.json", lambda stored: stored.update(stop_when="", seed=FORGED)),
    "bits": in_json("environment.json", lambda stored: stored["bits_depend_on"].update(python=FORGED, jax=FORGED)),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_no_value_of_a_file_makes_a_line_of_a_message(name, uninterrupted, tmp_path, clean_registry, capsys):
    run = shutil.copytree(uninterrupted, tmp_path / "run")
    FORGERIES[name](run)
    assert run_command(["run", f"--workdir={run}", "--config.steps=8", "--config.recording.plot=false"]) == (0 if name == "bits" else 2)
    said = capsys.readouterr().err
    assert ("x\\n" if name == "data" else "fine, type: rm -rf") in said and not {"\u2028", "\x85", "\x1b"} & {*said}
    assert not [line for line in said.replace("\r", "\n").split("\n") if line.startswith(("whygrok: fine", "fine"))]
    assert name == "bits" or len(said.splitlines()) <= 3


def test_the_lines_that_follow_a_sentence_stay_lines(uninterrupted, tmp_path, clean_registry, capsys):
    run = shutil.copytree(uninterrupted, tmp_path / "run")
    assert run_command(["run", f"--workdir={run}", "--config.seed=5"]) == 2
    first, second = capsys.readouterr().err.splitlines()[-2:]
    assert first == f"whygrok: {run} holds another run: seed: the run has 0, you gave 5"
    assert second == "Use a new --workdir, --fresh to set that run aside, or --init_from=RUN to start from its network."


def test_the_environment_of_these_tests_is_the_usual_one():
    """What is compared with a plain run must be one."""
    assert not [name for name in os.environ if name.startswith("JAX_RANDOM") or name == "MPLBACKEND"]


FORKED = """
import multiprocessing
from framework import train
from framework.errors import UserError
from tests.helpers import tiny

def child():
    try:
        train(tiny(plugins=(), probes={}))
    except UserError as error:
        print(error, flush=True)
    else:
        print("trained", flush=True)

def forked():
    made = multiprocessing.get_context("fork").Process(target=child)
    made.start()
    made.join(120)

forked()
train(tiny(plugins=(), probes={}))
forked()
"""


def test_a_process_that_was_forked_after_jax_had_started_is_refused_and_does_not_hang():
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, cwd=ROOT, timeout=300)
    before, after = done.stdout.splitlines()
    assert before == "trained" and after.startswith("JAX had started in the process from which this one was forked"), done.stderr


SMALL = ["--config=quickstart:probes=norms", "--config.task.p=5", "--config.steps=2", "--workdir=made"]
NUMBERS = "from framework import run_sweep; from framework.config import load_config, members; "
NUMBERS += "run_sweep(members(load_config('quickstart'), [{'seed': 0}, {'seed': 1}]), 'made')"


@pytest.mark.parametrize(
    ("platform", "words"),
    [("cpu", ["run", *SMALL]), (None, ["run", *SMALL]), (None, ["doctor", "--repeats=2"]), (None, ["sweep"])],
    ids=str,
)
def test_a_package_whose_metadata_cannot_be_read_is_named_where_jax_cannot_start(platform, words, tmp_path):
    info = tmp_path / "packages" / "bad-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: bad\n")
    (info / "entry_points.txt").write_bytes(b"\xff\xfe[x")
    changes = {"PYTHONPATH": f"{info.parent}{os.pathsep}{ROOT}", "JAX_PLATFORMS": platform}
    if words == ["sweep"]:
        environment = {name: value for name, value in (dict(os.environ) | changes).items() if value is not None}
        done = subprocess.run([sys.executable, "-c", NUMBERS], env=environment, cwd=tmp_path, capture_output=True, timeout=300)
        assert done.returncode == 1
    else:
        done = said_by(words, tmp_path, changes, cwd=tmp_path)
        assert done.returncode == 2 and b"Traceback" not in done.stderr, done.stderr.decode()
    last = done.stderr.decode().splitlines()[-1]
    assert "UserError" in last or last.startswith("whygrok: ")
    assert "cannot be read: UnicodeDecodeError" in last and f"({info}): uninstall it, or remove that folder" in last
    assert not (tmp_path / "made").exists()


def test_what_xla_cannot_compute_on_a_machine_is_a_finding_of_the_doctor(tmp_path, monkeypatch, capsys):
    def fail(made):
        raise jax.errors.JaxRuntimeError("INTERNAL: YNNPACK operation failed: unsupported parameter")

    monkeypatch.setattr("framework.cli.checking.doctor._digest", fail)
    monkeypatch.chdir(tmp_path)
    assert run_command(["doctor", "--repeats=2"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in told[-4:]] == ["ok", "BAD", "ok", "ok"]
    assert told[-3].endswith("JaxRuntimeError: INTERNAL: YNNPACK operation failed: unsupported parameter")
