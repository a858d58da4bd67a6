"""A run that dies, at any instant, ends in the bits of one that never did."""

import itertools
import json
import multiprocessing
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from framework import train
from framework.config import to_dict
from framework.run import Checkpoints, RunRecorder, checkpoints, complete_steps
from framework.run import rows as recorder
from framework.training import Experiment
from tests.helpers import QUIET, assert_same_run, tiny, train_json
from tests.written import assert_same_numbers, scalars, tag_of

pytestmark = pytest.mark.usefixtures("clean_registry")


class Killed(BaseException):
    """Stands for the end of the process: no `except Exception` sees it."""


def killing(monkeypatch, owner, name, call, after):
    """Makes the call-th call of a function the last thing that happens, before or after its work. Returns the count."""
    original, count = getattr(owner, name), itertools.count()
    seen = []

    def dying(*args, **kwargs):
        seen.append(number := next(count))
        if number == call and not after:
            raise Killed
        result = original(*args, **kwargs)
        if number == call:
            raise Killed
        return result

    monkeypatch.setattr(owner, name, dying)
    return seen


STEPS = ("rewind", "advance", "measure", "row", "save")  # of the loop; the other verbs are parts of these
VERBS = {
    "rewind": (RunRecorder, "rewind"),
    "advance": (Experiment, "advance"),
    "measure": (Experiment, "measure"),
    "row": (RunRecorder, "row"),
    "save": (Checkpoints, "save"),
    "checksums": (checkpoints, "write_json"),
    "publish": (checkpoints, "move"),
    "retain": (Checkpoints, "_retain"),
    "remove": (checkpoints, "remove"),
    "arrays": (recorder, "write_atomically"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "after"),
    [(verb, after) for verb in VERBS for after in ((False, True) if verb in STEPS else (False,))],
    ids=lambda value: {True: "after", False: "before"}.get(value, value),
)
def test_a_run_that_dies_around_any_verb_of_any_event_ends_in_the_same_bits(verb, after, uninterrupted, tmp_path):
    deaths = 0
    for call in itertools.count():  # until the run ends before the function is called so often
        path = tmp_path / str(call)
        with pytest.MonkeyPatch.context() as patch:
            killing(patch, *VERBS[verb], call, after)
            try:
                train(tiny(), path)
            except Killed:
                deaths += 1
            else:
                break
        train(tiny(), path)
        assert_same_run(path, uninterrupted)
    assert deaths >= (1 if verb in ("rewind", "remove") else 3)


def test_a_run_that_dies_at_every_verb_in_turn_ends_in_the_same_bits(uninterrupted, tmp_path):
    path = tmp_path / "run"
    for verb in ("advance", "measure", "row", "save", "publish", "rewind"):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
            killing(patch, *VERBS[verb], 0, after=verb != "rewind")
            train(tiny(), path)
    train(tiny(), path)
    assert_same_run(path, uninterrupted)


@pytest.mark.slow
def test_a_run_killed_at_random_instants_resumes_to_the_same_bits(tmp_path):
    config = tiny(30, checkpoint={"every_steps": 1, "every_seconds": 0.0, "keep": 2}, events={"metrics": "every 1"})
    text = json.dumps(to_dict(config))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.helpers", "orbax.checkpoint"])

    def start(path):
        process = context.Process(target=train_json, args=(text, str(path), str(tmp_path / "cache")))
        process.start()
        return process

    def reached(path):
        return max(complete_steps(path / "checkpoints"), default=-1)

    def is_saving(path):
        return any((path / "checkpoints").glob("*tmp"))

    def kill_four_times(number):
        chance, path, saving = random.Random(number), tmp_path / str(number), 0
        for kill in range(4):
            before, process = reached(path), start(path)
            deadline = time.monotonic() + (chance.uniform(0, 2) if kill == 3 else 60)  # one of four anywhere, also at its start
            while process.is_alive() and time.monotonic() < deadline and reached(path) == before:
                time.sleep(0.002)
            if kill == 0:  # one of four in a save, which chance alone may miss
                while process.is_alive() and not is_saving(path):
                    pass
            else:
                time.sleep(chance.uniform(0, 0.2))
            process.kill()
            process.join()
            saving += is_saving(path)
        process = start(path)
        process.join()
        assert process.exitcode == 0
        return path, saving

    reference = tmp_path / "reference"
    start(reference).join()
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(kill_four_times, range(5)))
    assert sum(saving for _, saving in runs) > 0, "no kill fell into a save"
    for path, _ in runs:
        assert_same_run(path, reference)
        sessions = json.loads((path / "environment.json").read_text())["sessions"]
        assert sessions[-1]["reason"] == "complete"


def test_a_run_is_finished_where_it_stands_by_asking_for_no_more_steps(tmp_path, uninterrupted):
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        killing(patch, RunRecorder, "row", 3, after=False)  # at step 4: step 3, which records norms only, is saved
        train(tiny(6), tmp_path / "stopped")
    train(tiny(3), tmp_path / "stopped")
    train(tiny(3), tmp_path / "at_once")
    assert_same_run(tmp_path / "stopped", tmp_path / "at_once")
    train(tiny(6), tmp_path / "stopped")
    assert_same_run(tmp_path / "stopped", uninterrupted)


@pytest.mark.slow
def test_tensorboard_holds_every_scalar_once_after_five_quick_restarts(tmp_path):
    recording = QUIET | {"tensorboard": True}
    for call in range(1, 6):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
            killing(patch, RunRecorder, "row", 2, after=True)
            train(tiny(20, recording=recording), tmp_path)
        assert call
    train(tiny(20, recording=recording), tmp_path)
    assert_same_numbers(scalars(tmp_path), tmp_path, tag_of)
