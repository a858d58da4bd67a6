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
