"""What a plugin that is not ours sets for the whole process, while a run builds it and uses it, stays without effect on the run."""

import json
import logging
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import jax
import numpy as np
import optax
import pytest

from framework import train
from framework.config import override, select
from framework.records import read_lines
from tests.helpers import QUIET, rows, slow_but, tiny

PLUGIN = '''
"""A probe, an optimizer and an intervention that set what belongs to the whole process, at one of the places where plugins run."""

import json
import logging
import logging.config
import os
import signal
import sys
import time
import warnings
from pathlib import Path
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from framework import Intervention, Optimizer, Probe, field, register


def rude():
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_default_matmul_precision", "bfloat16")
    jax.config.update("jax_default_prng_impl", "rbg")
    jax.config.update("jax_debug_nans", True)
    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    logging.disable(logging.CRITICAL)
    logging.getLogger().handlers.clear()
    logging.config.dictConfig({"version": 1})
    os.chdir("/")
    os.environ["JAX_PLATFORMS"], os.environ["MPLBACKEND"] = "nowhere", "none_such"
    os.replace = os.remove
    time.monotonic = lambda: 0.0
    json.dumps = jnp.tanh = np.isfinite = optax.global_norm = Path.mkdir = lambda *given, **named: None
    signal.signal(signal.SIGALRM, lambda *_: 1 / 0)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    os.umask(0o777)
    sys.setrecursionlimit(5_000)
    sys.path.clear()
    np.seterr(all="raise")
    warnings.simplefilter("error")


@register("rude_probe")
@dataclass(frozen=True, kw_only=True)
class RudeProbe(Probe):
    """Measures a constant. State: none."""

    place: str = field("", "where it sets things", harmless=True)
    compiled: bool = field(True, "whether its measurement is compiled", harmless=True)

    def __post_init__(self):
        self._come("build")

    def _come(self, place):
        if place == self.place:
            rude()

    def init(self, params, context):
        self._come("init")
        return ()

    def measure(self, params, context, state):
        self._come("measure")
        return {"one": 1.0 if not self.compiled else jnp.float32(1.0)}, state


@register("rude_sgd")
@dataclass(frozen=True, kw_only=True)
class RudeSgd(Optimizer):
    """Plain steps."""

    place: str = field("", "where it sets things", harmless=True)

    def transform(self):
        def update(gradients, state, params=None):
            if self.place == "advance":
                rude()
            return jax.tree.map(lambda gradient: -0.5 * gradient, gradients), state

        return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


@register("rude_intervention")
@dataclass(frozen=True, kw_only=True)
class RudeIntervention(Intervention):
    """Changes nothing."""

    place: str = field("", "where it sets things", harmless=True)
    changes = ("params",)

    def apply(self, training, setting):
        if self.place == "apply":
            rude()
        return training, {"nothing": 0.0}
'''
PLACES = {
    "a probe that is built": ("probes.rude.place", "build"),
    "a probe that begins": ("probes.rude.place", "init"),
    "a compiled probe": ("probes.rude.place", "measure"),
    "a probe on the host": ("probes.host.place", "measure"),
    "an optimizer whose step is compiled": ("optimizer.place", "advance"),
    "an intervention": ("interventions.nothing.place", "apply"),
}
READ = {
    "jax_enable_x64": lambda: jax.config.jax_enable_x64,
    "jax_default_matmul_precision": lambda: jax.config.jax_default_matmul_precision,
    "jax_default_prng_impl": lambda: jax.config.jax_default_prng_impl,
    "jax_debug_nans": lambda: jax.config.jax_debug_nans,
    "the handler of SIGINT": lambda: signal.getsignal(signal.SIGINT),
    "the handler of SIGTERM": lambda: signal.getsignal(signal.SIGTERM),
    "the level below which nothing is logged": lambda: logging.root.manager.disable,
    "what whygrok logs": lambda: logging.getLogger("whygrok").disabled,
    "the working folder": os.getcwd,
    "JAX_PLATFORMS": lambda: os.environ.get("JAX_PLATFORMS"),
    "MPLBACKEND": lambda: os.environ.get("MPLBACKEND"),
    "replace of os": lambda: os.replace,
    "dumps of json": lambda: json.dumps,
    "tanh of jax.numpy": lambda: jax.numpy.tanh,
    "isfinite of numpy": lambda: np.isfinite,
    "global_norm of optax": lambda: optax.global_norm,
    "mkdir of Path": lambda: Path.mkdir,
    "the handler of SIGALRM": lambda: signal.getsignal(signal.SIGALRM),
    "the alarm clock": lambda: signal.getitimer(signal.ITIMER_REAL)[0] > 0,
    "the umask": lambda: (os.umask(0o22), os.umask(0o22))[0],
    "the deepest recursion": sys.getrecursionlimit,
    "sys.path": lambda: list(sys.path),
    "NumPy's answer to divide": lambda: np.geterr()["divide"],
}

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.usefixtures("clean_registry")


@pytest.fixture(autouse=True)
def signals_are_heard():
    """Whoever starts the tests in the background may have them ignored, and then ignoring them is no change."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rude.py"
    path.write_text(PLUGIN)
    return path


def _config(file, field="", value=""):
    plugins = {"plugins": (str(file),), "optimizer": select("rude_sgd")}
    probes = {"rude": select("rude_probe"), "host": select("rude_probe", compiled=False)}
    interventions = {"nothing": select("rude_intervention", schedule="at 3")}
    config = tiny(probes=probes, interventions=interventions, recording={**QUIET, "plot": True}, **plugins)
    return override(config, {field: value} if field else {})


@pytest.mark.parametrize("place", PLACES)
def test_a_run_has_the_same_numbers_and_the_process_its_settings(place, file, tmp_path, warnings_said):
    expected = rows(train(_config(file), tmp_path / "quiet").path)
    before = {name: read() for name, read in READ.items()}
    filters = list(warnings.filters)
    train(_config(file, *PLACES[place]), tmp_path / "rude")
    assert {name: read() for name, read in READ.items()} == before and list(warnings.filters) == filters
    assert rows(tmp_path / "rude") == expected
    assert (tmp_path / "rude" / "figures" / "curves.png").is_file()
    for name in READ:
        said = [words for words in warnings_said if f"plugin {file} changed {name} to " in words]
        assert len(said) == 1 and said[0].endswith("for the whole process; it is put back"), (name, said)


@pytest.mark.slow
def test_libraries_that_start_late_are_not_laid_to_a_plugin(file, tmp_path):
    """Orbax, absl and matplotlib begin their work while a run is saved, resumed and drawn."""
    own = [f"--config.plugins={file}", "--config.probes.rude.name=rude_probe", "--config.recording.tensorboard=true"]
    small = ["--config=quickstart", "--config.task.p=5", "--config.model.width=8", "--workdir=run"]
    for words in (["run", *small, *own, "--config.steps=4"], ["run", "--workdir=run", "--config.steps=6"], ["evaluate", "run"]):
        done = subprocess.run([sys.executable, str(ROOT / "whygrok.py"), *words], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0 and "for the whole process" not in done.stderr, done.stderr


WARNS = '''
import warnings
from dataclasses import dataclass
from framework import Probe, register

@register("warner")
@dataclass(frozen=True, kw_only=True)
class Warner(Probe):
    """Warns each time. State: none."""

    compiled = False

    def measure(self, params, context, state):
        warnings.warn("once is enough")
        return {"one": 1.0}, state
'''


def test_a_warning_that_is_shown_once_is_shown_once(tmp_path):
    (tmp_path / "warner.py").write_text(WARNS)
    code = "import sys; from framework.cli import run_command; sys.exit(run_command(sys.argv[1:]))"
    words = ["run", "--config=quickstart", "--config.task.p=5", "--config.model.width=8", "--config.steps=20"]
    words += [
        "--config.recording.plot=false",
        f"--config.plugins={tmp_path / 'warner.py'}",
        "--config.probes.warner.name=warner",
        f"--workdir={tmp_path / 'run'}",
    ]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and done.stderr.count("once is enough") <= 2, done.stderr  # the words, and the line of code


LEFT = """
import multiprocessing, os, threading, time
from dataclasses import dataclass
from framework import Probe, register

done = []

@register("leaver")
@dataclass(frozen=True, kw_only=True)
class Leaver(Probe):
    '''Leaves something behind, when it is first built. State: none.'''

    compiled = False

    def __post_init__(self):
        if not done:
            done.append(1)
            WHAT

    def measure(self, params, context, state):
        return {"one": 1.0}, state
"""
LEAVES = {
    "a thread": ("threading.Thread(target=time.sleep, args=(20,), name='sleeper').start()", "still runs: sleeper;"),
    "a process": (
        "multiprocessing.get_context('fork').Process(target=time.sleep, args=(20,), name='sleeper').start()",
        "still runs: the process sleeper;",
    ),
    "a child that comes back": ("os.fork()", "has forked, and process"),
}


@pytest.mark.parametrize("what", slow_but(lambda what: what == "a thread", LEAVES))
def test_what_a_plugin_leaves_behind_neither_writes_the_run_nor_keeps_the_command(what, tmp_path):
    statement, said = LEAVES[what]
    (tmp_path / "leaver.py").write_text(LEFT.replace("WHAT", statement))
    small = ["--config=quickstart:probes=norms", "--config.task.p=5", "--config.model.width=8", "--config.steps=8"]
    own = [f"--config.plugins={tmp_path / 'leaver.py'}", "--config.probes.leaver.name=leaver"]
    code = "import whygrok; import framework.registry.lingering as lingering; lingering.PATIENCE = 1.0; whygrok.main()"
    words = [sys.executable, "-c", code, "run", *small, *own, f"--workdir={tmp_path / 'run'}"]
    with open(tmp_path / "stderr", "w") as stderr:  # no pipe: a process that is left behind holds it open
        done = subprocess.run(words, stdout=stderr, stderr=stderr, cwd=ROOT, timeout=100)
    heard = (tmp_path / "stderr").read_text()
    assert done.returncode == 0 and heard.count(said) == 1, heard
    steps = [row["step"] for row in read_lines(tmp_path / "run" / "metrics.jsonl")[0]]
    assert steps[-1] == 8 and steps == sorted({*steps})
