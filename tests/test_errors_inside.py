"""Errors that nobody asked for: out of a user's plugin, out of ours, and out of the system."""

import errno
from pathlib import Path

import pytest

from framework import registry
from framework.cli import run_command
from tests.test_bad_input import SMALL

pytestmark = pytest.mark.usefixtures("quick_compilation")

BUGGY = '''
from dataclasses import dataclass
import jax.numpy as jnp
from framework import Penalty, field, register

@register("buggy")
@dataclass(frozen=True, kw_only=True)
class Buggy(Penalty):
    """Divides by a module."""
    coefficient: float = field(1.0, "of nothing", at_least=0)
    def __call__(self, params):
        return self.coefficient / jnp
'''


def test_an_error_inside_of_a_plugin_of_the_users_is_one_sentence_with_its_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("buggy.py").write_text(BUGGY)
    words = ["run", "--config=quickstart", *SMALL, "--config.plugins=buggy.py", "--config.penalty.name=buggy", "--workdir=run"]
    with registry.temporary():
        assert run_command(words) == 2
        error = capsys.readouterr().err.splitlines()
        assert error[-1].startswith(f"whygrok: plugin {tmp_path / 'buggy.py'}, line 12: TypeError: unsupported operand")
        assert "Traceback" not in "".join(error)
        for tracebacks, more in ((True, []), (False, ["--debug"])):
            with pytest.raises(TypeError):
                run_command([*words, *more], tracebacks=tracebacks)


def test_an_error_of_ours_is_no_plugins(monkeypatch):
    def fail(arguments):
        raise TypeError("a bug")

    monkeypatch.setattr("framework.cli.looking.listing.main", fail)
    with pytest.raises(TypeError, match="a bug"):
        run_command(["list"])


def test_a_file_that_the_system_refuses_unexpectedly_is_code_5(monkeypatch, capsys):
    def fail(arguments):
        raise OSError(errno.EIO, "Input/output error", "some/file")

    monkeypatch.setattr("framework.cli.looking.listing.main", fail)
    assert run_command(["list"]) == 5
    assert capsys.readouterr().err == "whygrok: some/file: Input/output error (--debug shows the traceback)\n"


ODD = '''
from dataclasses import dataclass
import jax
import jax.numpy as jnp
import optax
from framework import Intervention, Loss, Optimizer, Penalty, field, register

class Wordless(RuntimeError):
    def __str__(self):
        raise ValueError("no words")

def odd(how):
    if how == "pipe":
        raise BrokenPipeError(32, "Broken pipe")
    if how == "stop":
        raise StopIteration("no more")
    if how == "words":
        raise Wordless()
    if how == "many":
        raise RuntimeError("x" * 100_000)
    if how == "leave":
        raise SystemExit("enough")
    if how == "interrupt":
        raise KeyboardInterrupt

@register("odd_penalty")
@dataclass(frozen=True, kw_only=True)
class OddPenalty(Penalty):
    """Odd."""
    how: str = field("", "how")
    def __call__(self, params):
        odd(self.how)
        return {"none": None, "vector": jnp.ones(3), "text": "0.5", "complex": jnp.complex64(1)}.get(self.how, jnp.float32(0))

@register("odd_sgd")
@dataclass(frozen=True, kw_only=True)
class OddSgd(Optimizer):
    """Odd."""
    how: str = field("", "how")
    def transform(self):
        def update(gradients, state, params=None):
            odd(self.how)
            if self.how in ("none", "text"):
                return {"none": None, "text": "0.5"}[self.how], state
            return (jax.tree.map(lambda leaf: leaf[None], gradients) if self.how == "vector" else gradients), state
        return None if self.how == "nothing" else optax.GradientTransformation(lambda params: (), update)

@register("odd_change")
@dataclass(frozen=True, kw_only=True)
class OddChange(Intervention):
    """Odd."""
    how: str = field("", "how")
    changes = ("params",)
    def apply(self, training, setting):
        odd(self.how)
        return {"none": None, "text": (training, {"a": "b"}), "vector": (training, None)}.get(self.how, (training, {"a": 0.0}))
'''
RAISED = {
    "pipe": "BrokenPipeError",
    "stop": "StopIteration",
    "words": "",
    "leave": "SystemExit: enough",
    "interrupt": "KeyboardInterrupt",
    "many": "RuntimeError: xxx",
}
CHANGE = "--config.interventions.odd"
PLACES = {
    "penalty": ["--config.penalty.name=odd_penalty", "--config.penalty.how={how}"],
    "optimizer": ["--config.optimizer.name=odd_sgd", "--config.optimizer.how={how}"],
    "intervention": [f"{CHANGE}.name=odd_change", f"{CHANGE}.schedule=at 1", CHANGE + ".how={how}"],
}
GIVEN = [("penalty", how) for how in ("none", "vector", "text", "complex")]
GIVEN += [("optimizer", how) for how in ("none", "vector", "text", "nothing")] + [
    ("intervention", how) for how in ("none", "text", "vector")
]
ENOUGH = [MemoryError("Unable to allocate 9 TiB"), RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.")]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("how", RAISED)
def test_whatever_a_plugin_raises_is_one_sentence_that_names_it(how, place, tmp_path, monkeypatch, capsys):
    code, error = _run_odd(how, place, tmp_path, monkeypatch, capsys)
    assert len(error[-1]) < 1_000
    assert code == 2 and RAISED[how] in error[-1] and f"plugin {tmp_path / 'odd.py'}, line " in error[-1], error
    assert "Traceback" not in "".join(error)


@pytest.mark.parametrize(("place", "how"), GIVEN)
def test_whatever_a_plugin_gives_back_is_taken_or_refused_in_a_sentence_that_names_it(how, place, tmp_path, monkeypatch, capsys):
    code, error = _run_odd(how, place, tmp_path, monkeypatch, capsys)
    assert code == 2 and ("odd" in error[-1]), error
    assert "Traceback" not in "".join(error)


def _run_odd(how, place, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("odd.py").write_text(ODD)
    with registry.temporary():
        own = [word.format(how=how) for word in PLACES[place]]
        code = run_command(["run", "--config=quickstart", *SMALL, "--config.plugins=odd.py", *own, "--workdir=run"])
    return code, capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("error", ENOUGH)
def test_too_little_memory_is_said(error, monkeypatch, capsys):
    def fail(arguments):
        raise error

    monkeypatch.setattr("framework.cli.looking.listing.main", fail)
    assert run_command(["list"]) == 2
    assert capsys.readouterr().err.startswith("whygrok: there is not enough memory for this: ")
