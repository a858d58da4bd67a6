"""Small fixtures that several tests share, and which tests run: `pytest` runs the quick ones, `pytest -m slow` the others.

`pytest -m slow --share=1/3` runs one third of those that go through everything of a kind, and all of the rest.

A file that is named, as in `pytest tests/test_docs.py`, runs whole, and so does a test that is named.
"""

import contextlib
import ctypes
import gc
import json
import logging
import os
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import pytest
from hypothesis import settings

from configs import quickstart
from framework import registry, run_sweep, train
from framework.config import to_dict
from framework.training.sharing import program_of
from tests import batches_of_members
from tests.dying_members import SWEEP, config, swept
from tests.helpers import tiny

# What one test or command compiled, another reads: the two workers and all child processes share programs.
_COMPILED = Path(tempfile.gettempdir()) / f"whygrok-compiled-{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}"
os.environ |= {"JAX_COMPILATION_CACHE_DIR": str(_COMPILED), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
os.environ["WHYGROK_PROGRAMS"] = "off"  # the user's own folders are nothing that a test reads or writes
os.environ["XDG_STATE_HOME"] = str(_COMPILED / "state")
jax.config.update("jax_compilation_cache_dir", str(_COMPILED))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

# XLA's older code generator compiles the many small programs of the tests in half the time. What users have is run by the
# README's first command and by the installed wheel, and by every test with `XLA_FLAGS= tools/venv pytest`. XLA reads this when it starts.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false")

settings.register_profile("shared", deadline=None, max_examples=50)  # the machine may be busy
settings.load_profile("shared")


# A file is one worker's: what takes longest goes first, so that no worker waits for another at the end.
LONGEST = (
    *("test_docs.py", "test_reproduce.py", "test_configs.py", "test_packaging.py", "test_builtin_promises.py", "test_effects.py"),
    *("test_deaths.py", "test_reference.py", "test_resume.py", "test_conformance.py", "test_plugin_kit.py", "test_claim_breaks.py"),
)

# Slow tests that go through everything of a kind, each of which says little about the next change: a push may run a share of them.
OF_EVERYTHING = (
    *("test_effects.py", "test_builtin_promises.py", "test_conformance.py", "test_claim_breaks.py", "test_plugin_kit.py"),
    *("test_structured_kernels.py", "test_optimizers.py", "test_configs.py", "test_penalties.py", "test_state_shapes.py"),
    *("test_docs.py", "test_reproduce.py", "test_interventions_killed.py"),
)
ALWAYS = ("[README]", "[first_ten_minutes]", "[tutorial]")  # the pages that most people begin with


def pytest_addoption(parser: pytest.Parser) -> None:
    """--share=1/3: of the slow tests that go through everything of a kind, one third; 2/3 and 3/3 are the others."""
    parser.addoption("--share", default="1/1", metavar="K/N", help="of the slow tests of everything of a kind, the K-th of N parts")


def _is_of_share(item: pytest.Item, number: int, of: int) -> bool:
    """A test is in the same part wherever it runs; its name says in which."""
    apart = item.path.name in OF_EVERYTHING and item.get_closest_marker("slow") and not item.name.endswith(ALWAYS)
    return not apart or zlib.crc32(item.nodeid.encode()) % of == number - 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without -m, leaves out what is slow, but not of a file that is named. Orders files; within one nothing changes."""
    number, of = map(int, config.getoption("share", "1/1").split("/"))
    others = [item for item in items if not _is_of_share(item, number, of)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in set(others)]
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))
    if not config.option.markexpr:
        named = {(config.invocation_params.dir / argument.partition("::")[0]).resolve() for argument in config.args}
        left_out = [item for item in items if item.get_closest_marker("slow") and item.path.resolve() not in named]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Slow tests often wait, for processes that they have stopped, for Slurm, for a disk: one worker more than cores works meanwhile."""
    return (os.cpu_count() or 1) + 1 if config.option.markexpr == "slow" else None


@pytest.fixture(scope="module", autouse=True)
def given_back() -> Iterator[None]:
    """A process that has grown to a gigabyte forgets what its files compiled, and glibc gives back the memory in which it was compiled.

    It grew to several of them otherwise, and every process that it starts begins with a copy of its page tables.
    """
    yield
    memory = Path("/proc/self/statm")
    if memory.exists() and int(memory.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") > 1e9:
        program_of.cache_clear()
        jax.clear_caches()
        gc.collect()
        with contextlib.suppress(AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


@pytest.fixture
def small_config() -> Any:
    """The quickstart config at p = 7, width 8 and ten steps: a run of it takes a moment."""
    config = quickstart.get_config()
    config.task.p, config.model.width, config.steps = 7, 8, 10
    return config


@pytest.fixture
def clean_registry() -> Iterator[None]:
    """What a test registers is gone after it."""
    with registry.temporary():
        yield


@pytest.fixture
def quick_compilation(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Programs are compiled with less effort, in child processes too: for tests that compile many and run each for a moment.

    JAX does not ask for the effort when it looks whether a program is compiled, so that other tests must not find these: their bits differ.
    """
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    before = jax.config.read("jax_disable_most_optimizations")
    program_of.cache_clear()
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
    program_of.cache_clear()


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    """The command line sends the log to standard error: to this test's, and only in this test."""
    log = logging.getLogger("whygrok")
    before = list(log.handlers), log.level, log.propagate
    yield
    log.handlers, log.level, log.propagate = before


@pytest.fixture
def warnings_said(monkeypatch):
    """Warnings of the product, a string each."""
    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    monkeypatch.setattr(registry.log, "handlers", [handler])
    return said


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The run that nothing happened to."""
    path = tmp_path_factory.mktemp("uninterrupted") / "run"
    with registry.temporary():
        train(tiny(), path)
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The three members, each trained in this process and never interrupted."""
    path = tmp_path_factory.mktemp("finished")
    with registry.temporary():
        for member in swept():
            train(member.config, path / member.name)
    return path


@pytest.fixture(scope="module")
def finished_batch(tmp_path_factory):
    """The sweep of the engine `batch` that nothing happened to."""
    path = tmp_path_factory.mktemp("finished_batch") / "runs"
    with registry.temporary():
        standings = run_sweep(batches_of_members.swept(), path, engine=batches_of_members.ENGINE)
    assert [standing.state for standing in standings] == ["finished"] * 5
    return path


@pytest.fixture
def command(tmp_path):
    """The command that runs the sweep."""
    (tmp_path / "sweep.py").write_text(SWEEP.format(config=json.dumps(to_dict(config())), seeds=list(range(3))))
    return ["sweep", f"--config={tmp_path / 'sweep.py'}", f"--workdir={tmp_path / 'runs'}"]
