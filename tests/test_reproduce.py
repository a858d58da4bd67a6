"""whygrok reproduce: runs once, draws from files, and the same command gives the same bytes."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
from random import Random
from signal import SIGINT, SIGKILL, SIGTERM

import pytest

from framework import Experiment, Panel, registry
from framework.cli import run_command
from framework.config import SCALES, load_config, load_sweep, to_dict
from framework.errors import UserError
from framework.evidence import reproduce
from framework.evidence.figures import write_picture
from framework.run import Run
from tests.helpers import assert_same_run, cached, content

SMALL = """
from configs.paper.fig4 import get_config as full
from framework.config import override, product


def get_config(arg=""):
    return override(full(arg), {"steps": 20_000, "events.metrics": "log 4", "checkpoint.every_steps": 4_000})


def get_sweep(config):
    return product({"optimizer.learning_rate": [10.0, 1.0]})
"""
COMMAND = """
import sys
from framework.evidence import reproduce
from framework.cli import run_command
from framework.config import to_dict
load_sweep = reproduce.load_sweep
reproduce.load_sweep = lambda spec, changes: load_sweep(sys.argv[1], changes)
sys.exit(run_command(sys.argv[2:]))
"""
LAST = "optimizer.learning_rate=1.0"


def command(folder, workdir):
    """Figure 4 of two runs of 20,000 steps in place of its sweep, made in workdir/fig4."""
    (folder / "small.py").write_text(SMALL)
    return [sys.executable, "-c", COMMAND, str(folder / "small.py"), "reproduce", "fig4", f"--workdir={workdir}", "--jobs=2"]


def machine(programs):
    """Compiled programs are shared; they are those of a user, which tests/conftest.py compiles with less effort."""
    return cached(programs) | {"XLA_FLAGS": ""}


def made(command, programs, code=0):
    """What the command printed; it must end with this exit code."""
    done = subprocess.run(command, env=machine(programs), capture_output=True, text=True, timeout=300)
    assert done.returncode == code and "Traceback" not in done.stderr, done.stderr
    return done.stdout


def written(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


@pytest.fixture(scope="module")
def figure(tmp_path_factory):
    """(the folder of the figure, what was printed, compiled programs), of a command that nothing happened to."""
    folder = tmp_path_factory.mktemp("figure")
    return folder / "fig4", made(command(folder, folder), folder / "programs"), folder / "programs"


@pytest.mark.slow
def test_a_figure_comes_out_the_same_again_after_it_is_done_and_after_a_run_is_lost(figure, tmp_path):
    before, said, programs = figure
    first = written(before)
    assert set(first) == {"fig4.png", "fig4.pdf", "fig4.csv", "verdict.json"}
    verdicts = json.loads(first["verdict.json"])
    assert len(verdicts) == 4 and all(one["claim"] in said for one in verdicts)

    shutil.copytree(before, tmp_path / "fig4")
    runs = content(tmp_path / "fig4" / "runs" / LAST)
    again = command(tmp_path, tmp_path)
    broken = [*again[:2], "from plugins.engines import processes; processes.COMMAND = ['sh', '-c', 'exit 7']" + COMMAND, *again[3:]]
    assert made(broken, programs) == said.replace(str(before.parent), str(tmp_path)), "nothing is left to run"
    assert written(tmp_path / "fig4") == first and content(tmp_path / "fig4" / "runs" / LAST) == runs
    shutil.rmtree(tmp_path / "fig4" / "runs" / LAST)
    for name in first:
        (tmp_path / "fig4" / name).unlink()
    assert f"{LAST} failed" in made(broken, programs, code=1) and written(tmp_path / "fig4") == {}
    made([*again, "--engine=processes"], programs)
    assert written(tmp_path / "fig4") == first


@pytest.mark.slow
def test_interrupted_at_random_and_started_again_the_same_files_come_out(figure, tmp_path):
    """Killed on the way to the first step, then in training asked to stop, killed alone, and killed with its workers."""
    before, _, programs = figure
    random = Random(2407)
    for way in ("early", "asked", "killed", "power cut"):
        running = subprocess.Popen(command(tmp_path, tmp_path), env=machine(programs), start_new_session=True, stderr=subprocess.PIPE)
        seen = saved(tmp_path)
        while way != "early" and running.poll() is None and saved(tmp_path) == seen:
            time.sleep(0.01)
        time.sleep(random.uniform(0, 3) if way == "early" else random.uniform(0, 0.3))
        assert running.poll() is None, f"{way}: it was done before it could be interrupted"
        workers = writers(tmp_path) if way == "power cut" else []
        running.send_signal(random.choice([SIGTERM, SIGINT]) if way == "asked" else SIGKILL)
        for worker in workers:
            os.kill(worker, SIGKILL)
        said = running.communicate()[1].decode()
        assert running.returncode == (3 if way == "asked" else -SIGKILL), said
    made(command(tmp_path, tmp_path), programs)
    assert written(tmp_path / "fig4") == written(before)
    for name in ("optimizer.learning_rate=10.0", LAST):
        assert_same_run(tmp_path / "fig4" / "runs" / name, before / "runs" / name)


def saved(folder):
    """All checkpoints that are there."""
    return set(folder.glob("fig4/runs/*/checkpoints/[0-9]*"))


def writers(folder):
    """The processes that write runs: those of a command that was killed as well."""
    return [json.loads(lock.read_text())["pid"] for lock in folder.glob("fig4/runs/*/LOCK")]


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compilation")
def test_all_figures_at_smoke_scale_with_every_verdict_computed(tmp_path, capsys):
    assert run_command(["reproduce", "all", "--scale=smoke", f"--workdir={tmp_path}", "--jobs=2"]) == 0
    said = capsys.readouterr().out
    for name in reproduce.figures():
        verdicts = json.loads((tmp_path / name / "verdict.json").read_text())
        for verdict in verdicts:
            # What diverges has no number to show, nor has the norm after grokking where at this scale nothing groks.
            empty = "as printed, p = 11" in verdict["claim"] or verdict["claim"].endswith("after grokking is flat in p")
            assert any(number is not None for number in verdict["measured"].values()) or empty, verdict
            assert re.search(rf"^{name} +{re.escape(verdict['claim'])} +{'seen' if verdict['seen'] else 'not seen'}$", said, re.MULTILINE)
        with open(tmp_path / name / f"{name}.csv", newline="") as file:
            assert {row["y"] for row in csv.DictReader(file)} - {"", "nan"}
    second = json.loads((tmp_path / "fig2" / "verdict.json").read_text())
    [grok] = [one for one in second if re.match("α = 1, weight decay.*generalizes", one["claim"])]
    assert grok["seen"], "AdamW learns at p = 11 from 70 % of the triples"


def recorded(member):
    """The run of a member as if it had recorded a few plausible rows."""
    experiment = Experiment.from_config(member.config)
    accuracy = {f"{split}/{name}": value for split, value in (("train", 1.0), ("test", 0.4)) for name in ("accuracy", "pair_accuracy")}
    row = {**accuracy, "norms/linf": 1.0, "train/loss": 0.1, "test/loss": 0.2}
    drift = {"absolute": 1.0, "relative": 2.0, "cosine": 0.9}
    row |= {f"{probe}/{name}": value for probe in member.config.probes if "ntk" in probe for name, value in drift.items()}
    return Run(experiment=experiment, rows=[{"step": step, **row} for step in (0, 1, 9)])


@pytest.mark.slow
@pytest.mark.parametrize("name", reproduce.figures())
def test_every_figure_finds_its_panels_and_verdicts_in_the_runs_of_its_sweep(name, tmp_path):
    runs = [recorded(member) for member in load_sweep(f"paper/{name}:scale=smoke")]
    picture = registry.build("figure", name).picture(runs)
    drawn = [curve for row in picture.rows for panel in row if isinstance(panel, Panel) for curve in panel.curves]
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
        (["fig1", "--scale=huge"], "scale = 'huge': there is no such scale"),
        (["fig1", "--jobs=0"], "jobs = 0: must be at least 1"),
        ([], "FIGURE"),
    ],
)
def test_a_mistake_is_explained_before_anything_starts(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_command(["reproduce", *arguments]) == 2
    assert said in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_runs_of_another_scale_are_not_mixed_in(tmp_path, capsys):
    large = load_sweep("paper/fig4:scale=laptop", reproduce.QUIET)[0]
    folder = tmp_path / "fig4" / "runs" / large.name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(to_dict(large.config)))
    assert run_command(["reproduce", "fig4", "--scale=smoke", f"--workdir={tmp_path}"]) == 2
    assert f"{tmp_path / 'fig4'} holds runs of another scale, such as {large.name}" in capsys.readouterr().err


def test_a_member_whose_config_is_damaged_is_no_other_scale(tmp_path):
    members = load_sweep("paper/fig4:scale=smoke", reproduce.QUIET)
    config = tmp_path / "runs" / members[0].name / "config.json"
    config.parent.mkdir(parents=True)
    for damaged in ("", "[]", "{"):
        config.write_text(damaged)
        reproduce.refuse_another(tmp_path, members)
    config.write_text(json.dumps(to_dict(members[0].config)))
    reproduce.refuse_another(tmp_path, members)
    with pytest.raises(UserError, match="runs of another scale, such as"):
        reproduce.refuse_another(tmp_path, load_sweep("paper/fig4:scale=full", reproduce.QUIET))


def test_a_scale_that_does_not_exist_is_named():
    with pytest.raises(UserError, match="Did you mean 'laptop'"):
        load_config("paper/fig1:scale=labtop")
    with pytest.raises(UserError, match="Did you mean 'smoke'"):
        reproduce.reproduce("fig1", "nowhere", scale="smok")
