"""Which engine trains a sweep when nobody names one, and what --batch says."""

import json
import os
from types import SimpleNamespace

import jax
import pytest

from framework.cli import run_command
from framework.config import to_dict
from framework.sweep import choice, choose_engine
from plugins.engines.batch import Batch
from tests.batches_of_members import swept
from tests.helpers import tiny

SWEEP = """
import json
from framework.config import from_dict

def get_config(arg=""):
    return from_dict(json.loads('''{config}'''))

def get_sweep(config):
    return [{{"seed": seed}} for seed in range(3)]
"""


@pytest.fixture
def sizes(monkeypatch):
    """With which size the engine was asked to train."""
    asked = []
    monkeypatch.setattr(Batch, "train", lambda self, sweep, jobs, stop: asked.append(self.size))
    return asked


@pytest.fixture
def command(tmp_path):
    (tmp_path / "sweep.py").write_text(SWEEP.format(config=json.dumps(to_dict(tiny()))))
    return ["sweep", f"--config={tmp_path / 'sweep.py'}", f"--workdir={tmp_path / 'runs'}"]


def on(monkeypatch, platform, count=1):
    monkeypatch.setattr(choice, "_may_have_accelerators", lambda: True)
    monkeypatch.setattr(jax, "devices", lambda: [SimpleNamespace(platform=platform)] * count)


@pytest.mark.parametrize(("platform", "count", "said"), [("gpu", 1, "1 GPU device, "), ("tpu", 4, "4 TPU devices, ")])
def test_on_an_accelerator_several_members_are_trained_in_one_program(platform, count, said, monkeypatch):
    on(monkeypatch, platform, count)
    chosen = choose_engine(swept(2), 1)
    assert chosen.engine == "batch" and chosen.why.startswith(said) and "members of one structure train in one program" in chosen.why
    assert choose_engine(swept(1), 1).engine == "processes"


def test_on_a_cpu_batch_is_never_chosen(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)), raising=False)
    for count in (1, 8):
        on(monkeypatch, "cpu", count)
        assert choose_engine(swept(5), 1).engine == "processes"


def test_no_device_is_taken_to_find_that_there_is_none_but_the_cpu(monkeypatch):
    monkeypatch.setattr(jax, "devices", lambda: pytest.fail("a device is taken"))
    for told, asked in (("cpu", False), ("cuda", True), ("tpu,cpu", True)):
        monkeypatch.setattr(choice, "jax", SimpleNamespace(config=SimpleNamespace(jax_platforms=told), devices=jax.devices))
        assert choice._may_have_accelerators() == asked
    monkeypatch.setattr(choice, "jax", SimpleNamespace(config=SimpleNamespace(jax_platforms=None), devices=jax.devices))
    for installed, asked in (("jax_plugins", True), ("libtpu", True), ("another", False)):
        monkeypatch.setattr(choice, "find_spec", lambda name, installed=installed: name == installed)
        monkeypatch.setattr(choice, "entry_points", lambda group: ())
        assert choice._may_have_accelerators() == asked
    assert choose_engine(swept(5), 1).engine == "processes"


def test_the_engine_that_an_accelerator_chooses_is_said_and_asked(command, sizes, monkeypatch, capfd):
    on(monkeypatch, "gpu")
    run_command(command)
    assert sizes == [64] and "engine batch: 1 GPU device, which one small network leaves idle" in capfd.readouterr().err


def test_batch_says_how_many_members_one_program_trains(command, sizes):
    run_command([*command, "--engine=batch", "--batch=3"])
    run_command([*command, "--engine=batch:size=5"])
    run_command([*command, "--batch=2"])
    assert sizes == [3, 5, 2]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--batch=3", "--engine=processes:members=1"], "--batch=3 is for --engine=batch"),
        (["--batch=3", "--engine=batch:size=4"], "--batch=3 and --engine=batch:size=4 say the same thing: give one of them"),
        (["--batch=0", "--engine=batch"], "engine.size = '0': must be an integer >= 1"),
        (["--batch=few", "--engine=batch"], "invalid int value: 'few'"),
    ],
)
def test_a_size_that_has_no_meaning_is_told_in_a_sentence_and_nothing_is_left_behind(more, message, command, sizes, tmp_path, capfd):
    assert run_command([*command, *more]) == 2
    error = capfd.readouterr().err
    assert message in error and "Traceback" not in error
    assert not sizes and not (tmp_path / "runs").exists()
