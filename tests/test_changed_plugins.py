"""Resuming a run whose plugin has moved, changed or gone since: named, with what to do."""

import pytest

from framework import load_run, registry, train
from framework.cli import run_command
from framework.config import load_config, select
from framework.errors import UserError
from framework.run import RunDirectory
from tests.helpers import tiny

PROBE = '''
from dataclasses import dataclass
import jax.numpy as jnp
from framework import Probe, field, register

@register("changing")
@dataclass(frozen=True, kw_only=True)
class Changing(Probe):
    """Counts its events (1801)."""
    {field}: float = field(1.0, "factor")

    def init(self, params, context):
        return jnp.zeros({shape})

    def measure(self, params, context, state):
        return {{"count": jnp.sum(state) * self.{field}}}, state + 1
'''

OPTIMIZER = '''
from dataclasses import dataclass
import optax
from framework import Optimizer, register

@register("rule_1801")
@dataclass(frozen=True, kw_only=True)
class Rule(Optimizer):
    """A step against the gradient (1801)."""

    def transform(self):
        return optax.sgd(0.1{more})
'''


@pytest.fixture
def run(tmp_path):
    """A run of three steps with a probe from a file; what the file registers is forgotten each time, as in a new process."""
    file = tmp_path / "changing.py"
    file.write_text(PROBE.format(field="factor", shape="(2,)"))
    with registry.temporary():
        config = tiny(3, plugins=(str(file),), probes={"seen": select("changing", schedule="every 1")})
        train(config, tmp_path / "run")
    return tmp_path / "run", file


def resume(path, *arguments):
    with registry.temporary():
        return run_command(["run", f"--workdir={path}", "--config.steps=6", *arguments])


def test_a_file_that_has_moved_is_named_and_may_be_named_anew(run, tmp_path, capsys):
    path, file = run
    (tmp_path / "elsewhere").mkdir()
    moved = file.rename(tmp_path / "elsewhere" / "changing.py")
    assert resume(path) == 2
    said = capsys.readouterr().err
    assert f"there is no file {file}" in said and "--config.plugins=…/changing.py" in said and "Traceback" not in said
    assert resume(path, f"--config.plugins={moved}") == 0
    with registry.temporary():
        assert load_run(path).series("seen/count")[1].tolist() == [0, 2, 4, 6, 8, 10, 12]


def test_a_finished_run_learns_where_its_plugin_is_too(run, tmp_path):
    path, file = run
    moved = file.rename(tmp_path / "changing_2.py").rename(tmp_path / "run" / "changing.py")
    with registry.temporary():
        train(load_config(str(path / "config.json"), {"plugins": str(moved)}), path)
    with registry.temporary():
        assert load_run(path).config.plugins == (str(moved),)


def test_a_plugin_that_is_gone_is_named_with_what_to_do(run, capsys):
    path, file = run
    file.write_text("")
    assert resume(path) == 2
    said = capsys.readouterr().err
    assert "there is no probe called 'changing'" in said and "install it, or name its file in --config.plugins" in said


def test_a_field_that_is_gone_is_named_with_what_to_do(run, capsys):
    path, file = run
    file.write_text(PROBE.format(field="scale", shape="(2,)"))
    assert resume(path) == 2
    said = capsys.readouterr().err
    assert "probes.seen.factor: there is no such field" in said and "put its old version back" in said
    with registry.temporary(), pytest.raises(UserError, match="probes.seen.factor.*put its old version back"):
        load_run(path)


def test_a_field_that_is_new_has_its_default_and_is_told(run, capsys):
    path, file = run
    file.write_text(file.read_text().replace('"factor")\n', '"factor")\n    extra: int = field(4, "more")\n'))
    assert resume(path) == 0
    assert "probes.seen.extra is new since this run began; it has its default, 4" in capsys.readouterr().err
    assert RunDirectory.at(path).read_config()["probes"]["seen"]["extra"] == 4
    assert resume(path, "--config.steps=8") == 0
    assert "is new" not in capsys.readouterr().err  # told once


def test_a_field_of_another_type_is_named_with_what_to_do(run, capsys):
    path, file = run
    changed = file.read_text().replace("factor: float = field(1.0", 'factor: str = field("x"').replace(" * self.factor", "")
    file.write_text(changed)
    assert resume(path) == 2
    assert "probes.seen.factor = 1.0: must be a string. This was written by a run: if a plugin has changed since" in capsys.readouterr().err


@pytest.mark.parametrize("then, now", [("", ", momentum=0.9"), (", momentum=0.9", "")])
def test_a_state_that_an_optimizer_gained_or_lost_is_told_in_words_of_the_optimizer(tmp_path, capsys, then, now):
    file = tmp_path / "rule.py"
    file.write_text(OPTIMIZER.format(more=then))
    with registry.temporary():
        train(tiny(3, plugins=(str(file),), optimizer=select("rule_1801"), probes={}), tmp_path / "run")
    file.write_text(OPTIMIZER.format(more=now))
    assert resume(tmp_path / "run") == 2
    said = capsys.readouterr().err
    assert "The code of the optimizer has changed since: put its old version back, or give --fresh" in said and "Traceback" not in said


def test_plot_and_diff_and_load_run_may_be_told_where_a_plugin_is_now(run, tmp_path, capsys):
    path, file = run
    (tmp_path / "elsewhere").mkdir()
    moved = file.rename(tmp_path / "elsewhere" / "changing.py")
    for command in (["plot", str(path)], ["diff", str(path), str(path)]):
        with registry.temporary():
            assert run_command(command) == 2
            assert "say where it is: --config.plugins=…/changing.py" in capsys.readouterr().err
        with registry.temporary():
            assert run_command([*command, f"--config.plugins={moved}"]) == 0, capsys.readouterr().err
    with registry.temporary():
        assert load_run(path, plugins=str(moved)).series("seen/count")[1].tolist() == [0, 2, 4, 6]
    assert RunDirectory.at(path).read_config()["plugins"] == [str(file)]  # reading writes nothing


def test_a_state_of_another_shape_is_told_in_words_of_the_plugin(run, capsys):
    path, file = run
    file.write_text(PROBE.format(field="factor", shape="(3,)"))
    assert resume(path) == 2
    said = capsys.readouterr().err
    assert "probe_state.seen is float32(2,), this run needs float32(3,). The code of probe 'seen' has changed since" in said
    assert "--fresh" in said
    assert RunDirectory.at(path).read_config()["steps"] == 3  # nothing was written


def test_a_plugin_that_no_longer_imports_is_named_where_its_name_is_used(run, capsys):
    path, file = run
    file.write_text("import no_such_module_1801")
    assert resume(path) == 2
    said = capsys.readouterr().err
    assert "could not be loaded" in said and "no_such_module_1801" in said
