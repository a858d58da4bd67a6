"""whygrok reproduce: runs once, draws from files, and the same command gives the same bytes."""

import json
import shutil
import sys

import pytest

from framework import Experiment, processes, reproduce
from framework.cli import run_command
from framework.config_files import load_config, load_sweep
from framework.errors import UserError
from framework.figures import write_picture
from framework.runs import Run
from framework.scales import SCALES
from tests.helpers import cached, content

SMALL = """
from configs.paper.fig4 import get_config as full
from framework.config import override, product


def get_config(arg=""):
    return override(full(arg), {"steps": 30, "events.metrics": "log 4"})


def get_sweep(config):
    return product({"optimizer.learning_rate": [10.0, 1.0]})
"""
LAST = "optimizer.learning_rate=1.0"


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Figure 4 with two runs of 30 steps in place of its sweep, in tmp_path/made."""
    (tmp_path / "small.py").write_text(SMALL)
    monkeypatch.setattr(reproduce, "load_sweep", lambda spec, changes: load_sweep(str(tmp_path / "small.py"), changes))
    for name, value in cached(tmp_path / "programs").items():
        monkeypatch.setenv(name, value)
    return tmp_path / "made" / "fig4"


def written(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


@pytest.mark.slow
def test_a_figure_comes_out_the_same_again_after_it_is_done_and_after_a_run_is_lost(small, monkeypatch, capsys):
    command = ["reproduce", "fig4", f"--workdir={small.parent}", "--jobs=2"]
    assert run_command(command) == 0
    first, runs = written(small), content(small / "runs" / LAST)
    assert set(first) == {"fig4.png", "fig4.pdf", "fig4.csv", "verdict.json"}
    verdicts = json.loads(first["verdict.json"])
    said = capsys.readouterr().out
    assert len(verdicts) == 4 and all(one["claim"] in said for one in verdicts)
    assert not any(one["seen"] for one in verdicts if "generalizes" in one["claim"])  # thirty steps are not enough, and it says so

    with monkeypatch.context() as patch:
        patch.setattr(processes, "COMMAND", [sys.executable, "-c", "raise SystemExit('it does not start')"])
        assert run_command(command) == 0  # nothing is left to run
        assert written(small) == first and content(small / "runs" / LAST) == runs
        shutil.rmtree(small / "runs" / LAST)
        for name in first:
            (small / name).unlink()
        capsys.readouterr()
        assert run_command(command) == 1
        assert written(small) == {} and f"{LAST} failed" in capsys.readouterr().out
    assert run_command(command) == 0
    assert written(small) == first


def recorded(member):
    """The run of a member as if it had recorded a few plausible rows."""
    experiment = Experiment.from_config(member.config)
    accuracy = {f"{split}/{name}": value for split, value in (("train", 1.0), ("test", 0.4)) for name in ("accuracy", "pair_accuracy")}
    row = {**accuracy, "norms/linf": 1.0, "train/loss": 0.1, "test/loss": 0.2}
    row |= {"ntk_drift/absolute": 1.0} if "ntk_drift" in member.config.probes else {}
    return Run(experiment=experiment, rows=[{"step": step, **row} for step in (0, 1, 9)])


@pytest.mark.parametrize("name", reproduce.figures())
def test_every_figure_finds_its_panels_and_verdicts_in_the_runs_of_its_sweep(name, tmp_path):
    runs = [recorded(member) for member in load_sweep(f"paper/{name}:scale=smoke")]
    picture = reproduce.picture_of(name)(runs)
    drawn = [curve for row in picture.rows for panel in row for curve in panel.curves]
    assert all(len(curve.x) > 0 for curve in drawn)
    claims = [verdict.claim for verdict in picture.verdicts]
    assert len(set(claims)) == len(claims) >= 4 and any("as printed" in claim for claim in claims)
    assert not any(verdict.seen for verdict in picture.verdicts if verdict.claim.endswith("generalizes"))
    assert all(file.stat().st_size for file in write_picture(picture, runs, tmp_path, name))


@pytest.mark.parametrize("name", reproduce.figures())
def test_each_scale_of_a_figure_is_a_sweep_of_its_own_and_plugins_still_swap(name):
    sweeps = {scale: [member.config for member in load_sweep(f"paper/{name}:scale={scale}")] for scale in SCALES}
    assert all(a != b for a, b in zip(sweeps.values(), list(sweeps.values())[1:], strict=False))
    assert load_config(f"paper/{name}:scale=laptop,model=mlp").model.name == "mlp"


def test_the_printed_settings_are_members():
    """Appendix A: η = 10 for classification, 1 for regression with λ = 1e-4, 0.25 for the transformer; n = 2·p^(5/3) and 2·p^2.25."""
    rates = {"fig1": 10.0, "fig2": 1.0, "fig3": 1.0, "fig4": 10.0, "fig5": 0.25}
    for name, rate in rates.items():
        configs = [member.config for member in load_sweep(f"paper/{name}:scale=smoke")]
        printed = [one for one in configs if one.optimizer.learning_rate == rate and one.optimizer.name in ("gd", "normalized_gd")]
        assert printed and {one.penalty.name for one in printed} == {"linf"}
        regression = name in ("fig2", "fig3")
        assert {one.penalty.coefficient for one in printed} == {1e-4 if regression else 1e-20}
        assert {one.task.train_size for one in printed} == {"2*p^2.25" if regression else "2*p^(5/3)"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fig6"], "there is no figure 'fig6'. Did you mean 'fig"),
        (["fig1", "--scale=huge"], "invalid choice: 'huge'"),
        (["fig1", "--jobs=0"], "--jobs=0: must be at least 1"),
        ([], "FIGURE"),
    ],
)
def test_a_mistake_is_explained_before_anything_starts(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_command(["reproduce", *arguments]) == 2
    assert said in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_scale_that_does_not_exist_is_named():
    with pytest.raises(UserError, match="Did you mean 'laptop'"):
        load_config("paper/fig1:scale=labtop")
    with pytest.raises(UserError, match="Did you mean 'smoke'"):
        reproduce.reproduce("fig1", "nowhere", scale="smok")
