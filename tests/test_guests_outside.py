"""What a claim, figure, certificate, benchmark or engine of somebody's sets for the whole process stays without effect on all else."""

import json
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from framework import registry, train
from framework.cli import run_command
from framework.config import override, to_dict
from tests.helpers import tiny

PLUGIN = '''
"""Plugins that set what belongs to the whole process when they are called; each begins JAX as well."""

import os
from dataclasses import dataclass
import jax
import jax.numpy as jnp
from framework import Benchmark, Certificate, Certified, Claim, Curve, Engine, Figure, Finding, Panel, Picture, Row, Verdict, register
from framework.sweep import WAITING, train_here
from framework.testing.timing import bench_row

def rude():
    jax.config.update("jax_enable_x64", True)
    os.chdir("/")
    jnp.mean = jnp.sum

@register("rude_claim")
@dataclass(frozen=True, kw_only=True)
class RudeClaim(Claim):
    """Two sides."""
    def check(self, seed):
        rude()
        return [Row("one", 1.0, 1.0)]

@register("rude_figure")
@dataclass(frozen=True, kw_only=True)
class RudeFigure(Figure):
    """A line."""
    config = "{sweep}"
    def picture(self, runs):
        rude()
        return Picture([[Panel("t", "x", "y", [Curve("c", [0, 1], [0, 1])])]], [Verdict("a line", {{"a": 1.0}}, "1", True)])

@register("rude_certificate")
@dataclass(frozen=True, kw_only=True)
class RudeCertificate(Certificate):
    """A number."""
    def refusal(self, run):
        return ""
    def certify(self, run, step):
        rude()
        return Certified([Finding("one", 1.0)])

@register("rude_benchmark")
@dataclass(frozen=True, kw_only=True)
class RudeBenchmark(Benchmark):
    """No row."""
    def measure(self, repeats, seconds):
        rude()
        return []

@register("rude_engine")
@dataclass(frozen=True, kw_only=True)
class RudeEngine(Engine):
    """Trains here."""
    def train(self, sweep, jobs, stop):
        for name in sweep.in_state(WAITING):
            train_here(sweep, name)
        rude()
'''
SWEEP = """
import json
from framework.config import from_dict

def get_config(arg=""):
    return from_dict(json.loads('''{config}'''))

def get_sweep(config):
    return [{{"seed": 0}}]
"""
COMMANDS = {
    "verify": ["rude_claim"],
    "reproduce": ["rude_figure", "--workdir=out"],
    "certify": ["run", "rude_certificate"],
    "bench": ["rude_benchmark"],
    "sweep": ["--config={sweep}", "--engine=rude_engine", "--workdir=out"],
}
CHANGED = ("jax_enable_x64 to True", "the working folder to /", "mean of jax.numpy to ")

pytestmark = pytest.mark.usefixtures("clean_registry")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_leaves_the_process_as_it_was_and_names_the_plugin(command, tmp_path, monkeypatch, warnings_said):
    monkeypatch.chdir(tmp_path)
    sweep, file = tmp_path / "sweep.py", tmp_path / "rude.py"
    sweep.write_text(SWEEP.format(config=json.dumps(to_dict(override(tiny(), {"recording.progress": "false"})))))
    file.write_text(PLUGIN.format(sweep=sweep))
    if command == "certify":
        train(tiny(), "run")
    registry.load_plugin(str(file))
    before = os.getcwd(), jax.config.jax_enable_x64, jnp.mean
    try:
        assert run_command([command, *(word.format(sweep=sweep) for word in COMMANDS[command])]) == 0
        assert (os.getcwd(), jax.config.jax_enable_x64, jnp.mean) == before
    finally:
        os.chdir(before[0])
        jax.config.update("jax_enable_x64", before[1])
        jnp.mean = before[2]
    said = [words.removeprefix(f"plugin {file} changed ") for words in warnings_said if "for the whole process" in words]
    assert len(said) == len(CHANGED) and all(any(words.startswith(begins) for words in said) for begins in CHANGED), said
    assert command != "reproduce" or (Path("out") / "rude_figure" / "rude_figure.png").is_file()


def test_what_we_set_ourselves_while_a_plugin_works_stays(tmp_path, monkeypatch, warnings_said):
    """Where an engine or a claim is the first to train, compiled programs are kept from then on."""
    from framework.run import programs

    names = [*programs.SETTINGS, "jax_compilation_cache_dir"]
    before = {name: jax.config.values[name] for name in names}
    monkeypatch.setenv(programs.VARIABLE, str(tmp_path / "programs"))
    monkeypatch.setattr(programs._seam(), "get_file_cache", programs._seam().get_file_cache)
    try:
        jax.config.update("jax_compilation_cache_dir", None)
        with registry.Guests(["somebody.py"]).at_work():
            programs.keep_programs()
        assert str(jax.config.jax_compilation_cache_dir).startswith(str(tmp_path / "programs"))
        assert not [words for words in warnings_said if "somebody.py" in words]
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
