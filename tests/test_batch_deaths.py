"""A batch that is stopped or killed at any instant goes on by the same command, and ends in the bits of one that never was."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from framework import registry, run_sweep
from framework.config import to_dict
from framework.errors import Interrupted
from framework.run import Checkpoints, RunRecorder, checkpoints, complete_steps
from framework.sessions import Group, together
from framework.sweep import SweepFolder
from tests.batches_of_members import ENGINE, NAMES, swept
from tests.dying_members import states, table
from tests.helpers import assert_same_run, cached, tiny
from tests.test_deaths import Killed, killing

pytestmark = pytest.mark.usefixtures("clean_registry")

VERBS = {
    "rewind": (RunRecorder, "rewind"),
    "advance": (Group, "advance"),
    "measure": (together.Lane, "measure"),
    "row": (RunRecorder, "row"),
    "save": (Checkpoints, "save"),
    "checksums": (checkpoints, "write_json"),
    "publish": (checkpoints, "move"),
    "retain": (Checkpoints, "_retain"),
    "mark": (SweepFolder, "mark"),
}
EVERY = {"advance": 2, "measure": 4, "row": 4, "retain": 2, "mark": 2, "save": 2, "publish": 2, "checksums": 2}  # the calls that are tried


FEW = 3, "batch:size=2"  # members, and the engine: enough for two groups, of which one is not full


@pytest.fixture(scope="module")
def few_finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("few") / "runs"
    with registry.temporary():
        go_on(path, None, *FEW)
    return path


def go_on(path, finished, count=5, engine=ENGINE):
    assert states(run_sweep(swept(count), path, engine=engine)) == ["finished"] * count
    for name in NAMES[:count] if finished else ():
        assert_same_run(path / name, finished / name)


def die(path, verb, call, after, count=5, engine=ENGINE):
    """Whether the sweep died of it, and did not end before the function was called so often."""
    with pytest.MonkeyPatch.context() as patch:
        killing(patch, *VERBS[verb], call, after)
        try:
            run_sweep(swept(count), path, engine=engine)
        except Killed:
            return True
    return False


@pytest.mark.slow
def test_a_batch_that_dies_at_every_verb_in_turn_ends_in_the_same_bits(tmp_path, finished_batch):
    for verb, call in {"rewind": 1, "advance": 1, "measure": 2, "row": 6, "publish": 1, "save": 2, "retain": 0, "mark": 4}.items():
        assert die(tmp_path / "runs", verb, call, after=verb == "row"), verb
        assert not list((tmp_path / "runs").glob("*/LOCK")), "what has died writes nothing"
    go_on(tmp_path / "runs", finished_batch)


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_batch_that_dies_around_any_call_of_any_verb_ends_in_the_same_bits(verb, after, tmp_path, few_finished):
    deaths, every = 0, EVERY.get(verb, 1)
    for call in itertools.count(int(after and every > 1), every):  # which calls, is another one after its work than before it
        if not die(tmp_path / str(call), verb, call, after, *FEW):
            break
        go_on(tmp_path / str(call), few_finished, *FEW)
        deaths += 1
    assert deaths >= 3


@pytest.mark.slow
def test_a_signal_stops_all_members_after_they_have_saved(tmp_path, finished_batch):
    row = RunRecorder.row

    def recorded(self, step, values):
        if step == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return row(self, step, values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunRecorder, "row", recorded)
        with pytest.raises(Interrupted, match="stopped by SIGTERM: 0 of 5 members are finished, 4 stopped on the way"):
            run_sweep(swept(), tmp_path / "runs", engine=ENGINE)
    assert [row["state"] for row in table(tmp_path / "runs")] == ["stopped"] * 4 + ["waiting"]
    for name in NAMES[:4]:
        assert 4 in complete_steps(tmp_path / "runs" / name / "checkpoints")
        (session,) = json.loads((tmp_path / "runs" / name / "environment.json").read_text())["sessions"]
        assert session["reason"] == "stopped by SIGTERM at step 4, after saving"
    assert not (tmp_path / "runs" / NAMES[4]).exists()
    go_on(tmp_path / "runs", finished_batch)


def test_a_signal_between_two_events_is_answered_after_a_chunk(tmp_path, monkeypatch):
    quiet = {"events": {"metrics": "at 0"}, "probes": {}, "checkpoint": {"every_steps": 0, "every_seconds": 0.0, "keep": 2}}
    progress, seen = RunRecorder.progress, []

    def moved(self, step):
        seen.append(step)
        if step >= 20:
            os.kill(os.getpid(), signal.SIGTERM)
        progress(self, step)

    monkeypatch.setattr(RunRecorder, "progress", moved)
    with pytest.raises(Interrupted, match="2 stopped on the way"):
        run_sweep(swept(2, steps=2_000_000, **quiet), tmp_path / "runs", engine=ENGINE)
    assert seen[:4] == [0, 0, 1, 1], "nobody knows yet how long a step takes, so the first chunk is one"
    for name in NAMES[:2]:
        assert 20 <= max(complete_steps(tmp_path / "runs" / name / "checkpoints")) < 2_000_000


SWEEP = """
import json
from framework.config import from_dict, together

def get_config(arg=""):
    return from_dict(json.loads('''{config}'''))

def get_sweep(config):
    return together({{"seed": list(range(5)), "optimizer.learning_rate": [0.01, 0.02, 0.03, 0.04, 0.05]}})
"""


@pytest.mark.slow
def test_a_sweep_killed_at_random_instants_resumes_to_the_same_bits(tmp_path):
    config = tiny(30, checkpoint={"every_steps": 1, "every_seconds": 0.0, "keep": 2}, events={"metrics": "every 1"})
    (tmp_path / "sweep.py").write_text(SWEEP.format(config=json.dumps(to_dict(config))))
    whygrok = str(Path(sys.executable).with_name("whygrok"))

    def start(path):
        words = [whygrok, "sweep", f"--config={tmp_path / 'sweep.py'}", f"--workdir={path}", "--engine=batch", "--batch=4"]
        return subprocess.Popen(words, env=cached(tmp_path / "cache"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def saved(path):
        return sum(max(complete_steps(path / name / "checkpoints"), default=0) for name in NAMES)

    with start(tmp_path / "whole") as process:
        said = process.communicate(timeout=300)[0]
        assert process.returncode == 0, said
    chance, path, kills = random.Random(0), tmp_path / "runs", 0
    for attempt in range(4):
        before = saved(path)
        with start(path) as process:
            while process.poll() is None and saved(path) < before + 4:
                time.sleep(0.002)
            time.sleep(chance.uniform(0, 0.3))
            kills += process.poll() is None
            process.kill()
        assert attempt or kills
    with start(path) as process:
        said = process.communicate(timeout=300)[0]
        assert process.returncode == 0 and "Traceback" not in said, said
    assert kills >= 2
    for name in NAMES:
        assert_same_run(path / name, tmp_path / "whole" / name)
