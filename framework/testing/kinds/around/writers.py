"""What a Writer promises."""

import contextlib
import io
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from framework import registry
from framework.config import flatten, override, to_dict
from framework.interfaces import FINISHED, About, Histogram, Recorded, Writer
from framework.pictures import new_figure, rendered
from framework.run import load_run
from framework.sessions import train
from framework.storage import make_folder, temporary_folder
from framework.testing.promises import Broken, NotAsked, promise
from framework.testing.subject import Subject, bits, only_warnings, surroundings

WRITER = "writer"
NAME = "checked"  # name of the instance in the experiment
QUIET = {"recording.plot": False, "writers.tensorboard.name": "none", "recording.progress": False}


@promise(WRITER, is_basis=True)
def it_takes_all_that_it_is_told(subject: Subject) -> None:
    """It takes rows, one that completes the last, histograms and pictures if it wants them, and an end; it prints nothing."""
    with _alone(subject) as about:
        pen = subject.plugin.begin(about, [])
        for row in (_row(0), _row(1), Recorded(1, 0.2, {"norms/W": 3.0}), _row(2)):
            pen.row(row)
            pen.flush()
        if subject.plugin.pictures:
            pen.pictures(2, {"norms": rendered(new_figure(), "png")})
        pen.end(FINISHED)


@promise(WRITER)
def it_goes_on_after_a_session_that_was_killed(subject: Subject) -> None:
    """A session that nobody ended is followed by another, which begins at an earlier row and takes the later ones again."""
    with _alone(subject) as about:
        killed = subject.plugin.begin(about, [])
        for step in range(4):
            killed.row(_row(step))
        killed.drop()
        pen = subject.plugin.begin(_later(about, 1), [_row(0), _row(1)])
        for step in range(2, 5):
            pen.row(_row(step))
        pen.end(FINISHED)


@promise(WRITER)
def it_changes_no_bit_of_a_run(subject: Subject) -> None:
    """A run that it is told of has the rows and the parameters of one without it, and no file outside of the writer's own folder."""
    _refuse(subject.plugin)
    with registry.temporary(), temporary_folder() as folder, only_warnings():
        registry.register(NAME)(type(subject.plugin))  # one that a test gives may have no name
        section = registry.section_of(subject.plugin)
        found = {}
        for name, writers in {"alone": {}, "told": {f"writers.{NAME}": section}}.items():
            run = train(override(surroundings().config, QUIET | writers), Path(folder, name))
            rows = [{column: value for column, value in row.items() if column != "seconds"} for row in run.rows]
            found[name] = rows, bits(load_run(Path(folder, name)).params())
        if found["alone"] != found["told"]:
            raise Broken("a run that it is told of has other numbers: a writer may only listen")
        allowed = {NAME, *(["histograms"] if subject.plugin.histograms else [])}
        there = [{file.name for file in Path(folder, name).iterdir()} for name in ("told", "alone")]
        if more := sorted(there[0] - there[1] - allowed):
            raise Broken(f"it leaves {more[0]} in the folder of the run: what it writes belongs into about.folder")


def _refuse(plugin: Writer) -> None:
    if refusal := plugin.refusal():
        raise NotAsked(refusal)


@contextlib.contextmanager
def _alone(subject: Subject) -> Iterator[About]:
    """What the writer is told of a run that nobody trains. Raises NotAsked where it cannot write here, Broken where it prints."""
    _refuse(subject.plugin)
    said = io.StringIO()
    with temporary_folder() as folder, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        own = Path(folder, "run", NAME)
        make_folder(own)
        yield About(own, "run", "sweep", 0, time.time(), _config(), {"optimizer.learning_rate": 0.1}, "accuracy")
    if said.getvalue().strip():
        raise Broken(f"it prints {said.getvalue().strip().splitlines()[0]!r}: a writer tells its own program, and nobody else")


def _later(about: About, step: int) -> About:
    return About(**{**vars(about), "step": step})


def _config() -> Mapping[str, object]:
    return flatten(to_dict(surroundings().config))


def _row(step: int) -> Recorded:
    """Some numbers, and a histogram."""
    one = Histogram(*np.histogram(np.arange(10.0) * (step + 1), 4))
    return Recorded(step, 0.1 * step, {"train/accuracy": step / 4, "test/accuracy": step / 8, "test/loss": 1 / (step + 1)}, {"W": one})
