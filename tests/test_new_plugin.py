"""`whygrok new-plugin` writes what runs and keeps its promises; `whygrok check` says in words what does not."""

import json

import pytest

from framework.cli import run_command
from framework.cli.checking.new_plugin import USES
from framework.testing import promises
from tests.helpers import slow_but

pytestmark = pytest.mark.usefixtures("clean_registry", "quick_compilation")
LONGEST = {"probe": 30, "task": 40}  # lines; the others follow


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", slow_but(lambda kind: kind == "probe", USES))
def test_what_is_written_keeps_every_promise_as_it_is(kind, tmp_path, capsys):
    assert run_command(["new-plugin", kind, "first_try"]) == 0
    written, *_ = capsys.readouterr().out.splitlines()
    text = (tmp_path / written).read_text()
    assert len(text.splitlines()) <= LONGEST.get(kind, 40)
    assert "FirstTry" in text and "my_" not in text.lower().replace("my_own", "")
    assert run_command(["check", "first_try.py"]) == 0
    count = len(promises(kind))
    assert f"{count} of {count} promises kept" in capsys.readouterr().out


def test_what_to_type_next_is_printed(capsys):
    assert run_command(["new-plugin", "optimizer", "first_try"]) == 0
    assert "whygrok run --config=quickstart:optimizer=first_try --config.plugins=first_try.py" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["prob", "x"], "Did you mean 'probe'?"),
        (["probe", "My-Probe"], "Did you mean 'my_probe'?"),
        (["probe", "class"], "no Python keyword"),
        (["probe", "norms"], "there is already a probe called 'norms'"),
        (["probe", "numpy"], "the name of an installed module"),
        (["probe"], "name"),
    ],
)
def test_a_name_that_cannot_be_is_refused(arguments, message, tmp_path, capsys):
    assert run_command(["new-plugin", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path, capsys):
    (tmp_path / "mine.py").write_text("precious")
    assert run_command(["new-plugin", "task", "mine"]) == 2
    assert "mine.py exists, and nothing is overwritten" in capsys.readouterr().err
    assert (tmp_path / "mine.py").read_text() == "precious"


def test_a_package_is_named_throughout(tmp_path):
    assert run_command(["new-plugin", "claim", "first_try", "--package", "--output=sub"]) == 0
    files = {str(file.relative_to(tmp_path / "sub")): file.read_text() for file in (tmp_path / "sub").rglob("*") if file.is_file()}
    names = ["README.md", "first_try/__init__.py", "first_try/claim.py", "pyproject.toml", "tests/test_first_try.py"]
    assert sorted(files) == [f"first-try/{name}" for name in names]
    for text in files.values():
        assert "my_" not in text and "my-" not in text and "KIND" not in text and "USE" not in text
    assert 'first_try = "first_try"' in files["first-try/pyproject.toml"]


BROKEN = '''
from dataclasses import dataclass
import jax.numpy as jnp
from framework import Probe, register

@register("wrong")
@dataclass(frozen=True, kw_only=True)
class Wrong(Probe):
    """A number (1801)."""

    def measure(self, params, context, state):
        return {"number": float(jnp.sum(params["W"]))}, state
'''


def test_a_broken_file_is_reported_and_the_exit_code_says_so(tmp_path, capsys):
    (tmp_path / "wrong.py").write_text(BROKEN)
    assert run_command(["check", "wrong.py"]) == 2
    out = " ".join(capsys.readouterr().out.split())
    assert "BAD it measures numbers" in out and "return jnp values, not Python numbers" in out
    assert "measuring compiles once: not checked, for the same reason" in out
    assert run_command(["check", "wrong.py", "--json"]) == 2
    (found,) = json.loads(capsys.readouterr().out)
    broken = [row for row in found["promises"] if not row["kept"]]
    assert (found["kind"], found["name"], broken[0]["promise"]) == ("probe", "wrong", "it measures numbers")


@pytest.mark.parametrize(
    "text, arguments, message",
    [
        (None, ["check", "gone.py"], "there is no file"),
        ("x = 1", ["check", "file.py"], "registers no plugin"),
        ("1 / 0", ["check", "file.py"], "cannot be imported: ZeroDivisionError"),
        (None, ["check", "norm"], "Did you mean 'norms'?"),
        (None, ["check", "norms", "toleranc=1"], "Did you mean 'tolerance'?"),
        (None, ["check", "norms", "tolerance"], "should read FIELD=VALUE"),
        (None, ["check", "probe/norm"], "Did you mean 'norms'?"),
        (None, ["check", "norms", "--config.task.p=3"], "needs a --config"),
    ],
)
def test_what_cannot_be_checked_is_named(text, arguments, message, tmp_path, capsys):
    if text:
        (tmp_path / "file.py").write_text(text)
    assert run_command(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_plugin_is_checked_in_the_experiment_that_is_given(capsys):
    small = ["--config.task.p=5", "--config.task.train_size=60%", "--config.model.width=8", "--config.steps=4"]
    assert run_command(["check", "l2", "--config=paper/classification", *small]) == 0
    assert "penalty l2" in capsys.readouterr().out
