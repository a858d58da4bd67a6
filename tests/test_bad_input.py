"""Mistakes of a user: each is named with its field, its value, what is allowed and the nearest name, and leaves nothing behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from framework import load_run, train
from framework.cli import run_command
from framework.config import load_config, override, to_dict
from framework.errors import UserError

pytestmark = pytest.mark.usefixtures("quick_compilation")

QUIET = ("--config.recording.progress=false", "--config.recording.plot=false", "--config.recording.tensorboard=false")
SMALL = ("--config.task.p=7", "--config.model.width=8", "--config.steps=2", *QUIET)


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """refused(*arguments) → standard error of a command that must exit with 2 and leave the folder as it was."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # of the files that tests write

    def run(*arguments: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        assert run_command(arguments) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert "Traceback" not in err
        assert err.splitlines()[-1].strip()
        assert [path for path in sorted(tmp_path.rglob("*")) if path not in before and path != tmp_path / "runs"] == []
        return err

    return run


def says(error: str, *parts: str) -> None:
    for part in parts:
        assert part in error


OVERRIDES = [  # the override, and what the message must hold
    ("optimizer.lerning_rate=3", ["optimizer.lerning_rate", "Did you mean 'learning_rate'", "b1", "b2", "weight_decay"]),
    ("optimizer.lr=3", ["optimizer.lr", "Did you mean 'learning_rate'"]),
    ("Lr=3", ["Lr", "Did you mean 'optimizer.learning_rate'", "checkpoint", "seed", "steps"]),
    ("learning_rate=3", ["Did you mean 'optimizer.learning_rate'"]),
    ("stpes=3", ["stpes", "Did you mean 'steps'"]),
    ("optimiser.learning_rate=3", ["optimiser", "Did you mean 'optimizer'"]),
    ("optimizer.name=adamm", ["optimizer.name = 'adamm'", "Did you mean 'adam'", "normalized_gd"]),
    ("probes.early.name=nroms", ["probes.early.name = 'nroms'", "Did you mean 'norms'"]),
    ("probes.nroms.schedule=log", ["probes.nroms", "Did you mean 'norms'"]),
    ("probes.a/b.name=norms", ["probes.a/b", "'a/b'", "letters"]),
    ("probes..name=norms", ["a probe cannot be called ''"]),
    ("probes.train.name=norms", ["probes.train", "a probe cannot be called 'train'"]),
    ("task.p=1", ["task.p = '1'", "an integer >= 2"]),
    ("task.p=abc", ["task.p = 'abc'", "an integer >= 2"]),
    ("task.p=23.5", ["task.p = '23.5'", "an integer >= 2"]),
    ("task.p=true", ["task.p = 'true'", "an integer >= 2"]),
    ("task.p=", ["task.p = ''", "an integer >= 2"]),
    ("task.k=0", ["task.k = '0'", "an integer >= 1"]),
    ("task.p.x=3", ["task.p.x", "task.p is a field"]),
    ("task=3", ["task is a section", "task.name"]),
    ("probes=norms", ["probes is a section"]),
    ("task.replacement=maybe", ["task.replacement = 'maybe'", "true or false"]),
    ("task.loss=cross_entropi", ["task.loss.name = 'cross_entropi'", "Did you mean 'cross_entropy'", "square"]),
    ("task.loss.class_weights=1,2", ["task.loss.class_weights = (1.0, 2.0)", "must be 7 numbers, one for each class"]),
    ("task.train_size=50", ["whygrok: task.train_size = '50'", "between 1 and the population of 49"]),
    ("task.train_size=0", ["task.train_size = '0'", "between 1 and the population of 49"]),
    ("task.train_size=0%", ["task.train_size = '0%'", "between 1 and the population of 49"]),
    ("task.train_size=-5", ["task.train_size = '-5'", "between 1 and the population of 49"]),
    ("task.train_size=2*q", ["task.train_size = '2*q'", "'q' is not known", "p, k, N"]),
    ("task.train_size=half", ["task.train_size = 'half'", "'half' is not known"]),
    ("task.train_size=f(p)", ["task.train_size = 'f(p)'", "expression"]),
    ("task.k=16", ["task.p = 7", "7^16 tuples are more than the 134,217,728"]),
    ("model.width=0", ["model.width = '0'", "at least 1"]),
    ("model.width=-3", ["model.width = '-3'", "at least 1"]),
    ("model.width=1/0", ["model.width = '1/0'", "no finite value"]),
    ("model.width=50%", ["model.width = '50%'", "percentage"]),
    ("model.width=nan", ["model.width = 'nan'", "'nan' is not known", "p, k, d, outputs"]),
    ("optimizer.learning_rate=nan", ["optimizer.learning_rate = 'nan'", "a number > 0"]),
    ("optimizer.learning_rate=inf", ["optimizer.learning_rate = 'inf'", "a number > 0"]),
    ("optimizer.learning_rate=0", ["optimizer.learning_rate = '0'", "a number > 0"]),
    ("optimizer.learning_rate=none", ["optimizer.learning_rate = 'none'", "a number > 0"]),
    ("optimizer.b1=1", ["optimizer.b1 = '1'", ">= 0 and < 1"]),
    ("steps=-1", ["steps = '-1'", "an integer >= 0 and < 2147483648"]),
    ("steps=1e400", ["steps = '1e400'", "an integer >= 0"]),
    ("seed=9223372036854775808", ["seed = '9223372036854775808'", "< 9223372036854775808"]),
    ("checkpoint.keep=0", ["checkpoint.keep = '0'", "an integer >= 1"]),
    ("checkpoint.keep_at=often", ["checkpoint.keep_at = 'often'", "every 500"]),
    ("checkpoint.keep_every=-4", ["checkpoint.keep_at = 'every -4'", "every 500"]),
    ("numerics.precision=float16", ["numerics.precision = 'float16'", "float32, float64", "Did you mean 'float64'"]),
    ("events.metrics=every 2.7", ["events.metrics = 'every 2.7'", "every 500"]),
    ("probes.norms.schedule=sometimes", ["probes.norms.schedule = 'sometimes'", "every 500"]),
    ("plugins=gone.py", ["there is no file", "gone.py"]),
    ("init_from=nowhere", ["nowhere is not a run"]),
    ("=3", ["names no field"]),
]


@pytest.mark.parametrize(("change", "parts"), OVERRIDES, ids=[change for change, _ in OVERRIDES])
def test_a_wrong_override_is_refused_in_words(refused, change, parts):
    says(refused("run", "--config=quickstart", "--workdir=w", *SMALL, f"--config.{change}"), *parts)


def test_a_penalty_below_zero_is_refused(refused):
    error = refused("run", "--config=quickstart:penalty=linf", "--config.penalty.coefficient=-1e-4", *SMALL)
    says(error, "penalty.coefficient = '-1e-4'", "a number >= 0")


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("quickstrat", ["'quickstrat'", "Did you mean 'quickstart'", "paper/classification"]),
        ("quickstart.py", ["no file quickstart.py", "Did you mean --config=quickstart"]),
        ("configs/quickstart", ["Did you mean 'quickstart'"]),
        ("gone.py", ["no file gone.py"]),
        ("gone.json", ["no file gone.json"]),
        ("~nobody_of_that_name/x.py", ["~nobody_of_that_name/x.py"]),
        ("quickstart:modle=quadratic", ["'modle' is not a part", "Did you mean 'model'"]),
        ("quickstart:model=quadratc", ["model.name = 'quadratc'", "Did you mean 'quadratic'"]),
        ("quickstart:quadratic", ["'quadratic' should read KIND=NAME"]),
        ("quickstart:model=", ["'model=' should read KIND=NAME"]),
        ("quickstart:probes=nroms", ["Did you mean 'norms'"]),
        ("", ["no --config"]),
    ],
)
def test_a_config_that_cannot_be_found_is_refused_with_the_nearest(refused, spec, parts):
    says(refused("run", f"--config={spec}"), *parts)


def test_get_config_may_take_no_argument_as_everywhere_in_ml_collections(refused, tmp_path):
    (tmp_path / "plain.py").write_text(HEAD + f"def get_config():\n    return experiment({PARTS}, steps=3)\n")
    assert load_config(str(tmp_path / "plain.py")).steps == 3
    says(refused("run", "--config=plain.py:model=mlp"), "plain.py takes no argument", "'model=mlp'")


def test_no_config_at_all_is_one_sentence_with_an_example(refused):
    says(refused("run"), "no --config", "--config=quickstart")
    says(refused("run", "--workdir=nowhere"), "no --config")


HEAD = "from framework.config import experiment, select\n"
PARTS = 'task=select("modular_addition", p=7), model=select("quadratic"), optimizer=select("adam")'
EDITED = HEAD + f"def get_config(arg=''):\n    c = experiment(arg, {PARTS})\n    c.{{}}\n    return c\n"
WORDLESS = "class Wordless(Exception):\n    def __str__(self):\n        1 / 0\ndef get_config():\n    raise Wordless\n"
FILES = [
    (WORDLESS, ["bad.py, line 5: raise Wordless: Wordless"]),
    ("def get_config(arg=''):\n    x = 3\n    return x / 0\n", ["bad.py, line 3: return x / 0", "ZeroDivisionError"]),
    ("def get_config(arg=''):\n    return gone\n", ["bad.py, line 2: return gone", "NameError"]),
    ("import no_such_module_at_all\n", ["bad.py, line 1: import no_such_module_at_all"]),
    ("def get_config(arg='')\n    pass\n", ["bad.py, line 1: def get_config(arg='')", "SyntaxError"]),
    ("raise SystemExit(0)\n", ["bad.py, line 1: raise SystemExit(0)"]),
    ("def get_confg(arg=''):\n    pass\n", ["bad.py defines no get_config(arg)"]),
    ("def get_config():\n    pass\n", ["a NoneType, not a ConfigDict"]),
    ("def get_config(arg, more):\n    pass\n", ["bad.py: TypeError: get_config()"]),
    ("def get_config(arg=''):\n    return {'task': 3}\n", ["get_config of", "a dict, not a ConfigDict"]),
    ("def get_config(arg=''):\n    return None\n", ["a NoneType, not a ConfigDict"]),
    (HEAD + f"def get_config(arg=''):\n    return experiment(arg, {PARTS}, stpes=3)\n", ["stpes", "Did you mean 'steps'"]),
    (HEAD + "def get_config(arg=''):\n    return experiment(arg, task=select('modular_addition'))\n", ["bad.py, line 3", "'model'"]),
    (HEAD + f"def get_config(arg=''):\n    return experiment(arg, {PARTS.replace('p=7', 'pp=7')})\n", ["task.pp", "Fields here: "]),
    (HEAD + f"def get_config(arg=''):\n    return experiment(arg, {PARTS.replace('p=7', 'p=7.5')})\n", ["task.p = 7.5", "an integer >= 2"]),
    (EDITED.format("optimizer.lr = 1"), ["bad.py, line 4: c.optimizer.lr = 1"]),
    (EDITED.format("steps = 'few'"), ["steps = 'few'", "an integer >= 0"]),
    (EDITED.format("task = 3"), ["task = 3", "a section"]),
]


FILES.append((EDITED.format("optimizer.learning_rate = 'fast'"), ["optimizer.learning_rate = 'fast'", "bad.py)"]))
BELOW_THE_HEAD = "bad.py, line 3)"  # where the mistake is of a field, and the file's line is said after it
FILES += [
    (HEAD + f"def get_config(arg=''):\n    return experiment({PARTS.replace('7', '1')})\n", ["task.p = 1", BELOW_THE_HEAD]),
    (HEAD + f"def get_config(arg=''):\n    return experiment({PARTS}, step=3)\n", ["Did you mean 'steps'", BELOW_THE_HEAD]),
]


@pytest.mark.parametrize(("text", "parts"), FILES, ids=[text[-40:] for text, _ in FILES])
def test_a_config_file_that_fails_shows_its_own_line(refused, tmp_path, text, parts):
    (tmp_path / "bad.py").write_text(text)
    says(refused("run", "--config=bad.py", *QUIET), *parts)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"task": 3}, ["task = 3", "a section"]),
        ({"probes": ["norms"]}, ["probes = ['norms']", "a section"]),
        ({"probes": {"norms": 1}}, ["probes.norms = 1", "a section"]),
        ({"events": "log"}, ["events = 'log'", "a section"]),
        ({"plugins": 5}, ["plugins = 5", "must be a list of files and modules"]),
        ({"steps": None}, ["steps = None", "an integer"]),
        ({"extra": 1}, ["extra", "no such field"]),
        ({"model": {"width": 3}}, ["model: name is missing", "quadratic"]),
    ],
)
def test_an_edited_config_json_is_checked_like_any_other(refused, tmp_path, small_config, change, parts):
    (tmp_path / "config.json").write_text(json.dumps(to_dict(small_config) | change))
    says(refused("run", "--config=config.json"), *parts)


@pytest.mark.parametrize(("text", "part"), [("{", "c.json is not JSON"), ("[1]", "c.json holds no config"), ("{}", "no section task")])
def test_a_json_file_that_is_no_config_is_refused(refused, tmp_path, text, part):
    (tmp_path / "c.json").write_text(text)
    says(refused("run", "--config=c.json"), part)


def test_json_that_is_not_text_is_refused(refused, tmp_path):
    (tmp_path / "c.json").write_bytes(b"\xff\xfe\x00")
    says(refused("run", "--config=c.json"), "c.json", "is not JSON")


TASK = '''
import dataclasses
import jax.numpy as jnp
from framework import Sizes, Split, Task, register

@register("outside")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Outside(Task):
    """A task with one example that is out of range."""
    @property
    def sizes(self):
        return Sizes(tokens=2, values=5, outputs=5)
    def population(self):
        inputs = jnp.array([[0, 1], [2, 3], [4, 0]], jnp.int32){inputs}
        return Split(inputs, jnp.array([0, 1, 2], jnp.int32){targets})
'''


@pytest.mark.parametrize(
    ("inputs", "targets", "parts"),
    [
        ("", ".at[1].set(5)", ["target 5 in row 1 of the train split", "0 … 4"]),
        ("", ".at[2].set(-1)", ["target -1 in row 2 of the train split", "0 … 4"]),
        (".at[2, 1].set(7)", "", ["token 7 in row 2 of the train split", "0 … 4"]),
        (".at[0, 0].set(-2)", "", ["token -2 in row 0 of the train split", "0 … 4"]),
    ],
)
def test_a_task_out_of_its_range_is_named_by_split_row_and_value(refused, tmp_path, clean_registry, inputs, targets, parts):
    (tmp_path / "outside.py").write_text(TASK.format(inputs=inputs, targets=targets))
    changes = ["--config.plugins=outside.py", "--config.task.name=outside", "--config.task.train_size=100%", *QUIET]
    says(refused("run", "--config=quickstart", *changes), *parts)


def test_another_run_in_the_work_directory_is_refused_field_by_field(refused, tmp_path, small_config):
    small_config.steps, small_config.recording = 2, {"progress": False, "plot": False, "tensorboard": False}
    train(small_config, tmp_path / "w")
    before = {file: file.read_bytes() for file in sorted((tmp_path / "w").rglob("*")) if file.is_file()}
    error = refused("run", "--workdir=w", "--config.optimizer.learning_rate=0.5", "--config.seed=3")
    says(error, "optimizer.learning_rate: the run has 0.001, you gave 0.5", "seed: the run has 0, you gave 3")
    says(error, "--workdir", "--fresh", "--init_from")
    says(refused("run", "--config=quickstart:penalty=l2", "--workdir=w"), "penalty.name: the run has 'none', you gave 'l2'")
    says(refused("run", "--workdir=w", "--config.steps=1"), "at step 2", "steps=1")
    init = override(small_config, {"model.width": 9, "init_from": f"{tmp_path}/w"})
    (tmp_path / "c.json").write_text(json.dumps(to_dict(init)))
    says(refused("run", "--config=c.json", "--workdir=new"), "init_from", "do not fit")
    says(refused("run", "--config=quickstart", *SMALL, "--workdir=new", "--init_from=w@77"), "no parameters are saved at step 77", "[0, 2]")
    says(refused("run", "--config=quickstart", *SMALL, "--workdir=new", "--init_from=w@x"), "after @ comes a step")
    assert {file: file.read_bytes() for file in before} == before


def test_a_file_as_work_directory_is_refused(refused, tmp_path):
    (tmp_path / "file").write_text("mine")
    says(refused("run", "--config=quickstart", *SMALL, "--workdir=file"), "--workdir=file is a file")


@pytest.mark.parametrize("name", ["a\udcffb", "\udcff/b", "a\0b"])
def test_a_work_directory_whose_name_no_text_can_hold_is_refused(name, refused, tmp_path, small_config):
    says(refused("run", "--config=quickstart", *SMALL, f"--workdir={name}"), "choose another")
    for use in (lambda: train(small_config, name), lambda: load_run(name)):
        with pytest.raises(UserError, match="choose another"):
            use()
    assert not any(tmp_path.iterdir())


def test_a_work_directory_with_an_unreadable_config_is_refused(refused, tmp_path):
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "config.json").write_text("[")
    says(refused("run", "--config=quickstart", *SMALL, "--workdir=w"), "config.json cannot be read")


def test_an_unknown_xla_flag_is_named_before_it_ends_the_process(tmp_path):
    """XLA ends the process itself, from C++."""
    environment = os.environ | {"XLA_FLAGS": "--xla_nonsense=1"}
    command = [Path(sys.executable).parent / "whygrok", "run", "--config=quickstart", "--workdir=w", *SMALL]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "whygrok: XLA_FLAGS=--xla_nonsense=1" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", ["run --config={}", "plot {}", "run --config=quickstart --config.plugins={}.py", "fork {}", "collect {}"])
def test_a_name_that_is_too_long_is_one_short_line(words, refused):
    error = refused(*words.format("x" * 5000).split())
    assert "File name too long" in error and len(error) < 400 and error.count("\n") == 1
