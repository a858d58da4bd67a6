"""The commands that are interrupted: a run, a sweep, a batch of members, a figure, all tiny; and what must be the same afterwards."""

import csv
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from framework.config import select, to_dict
from tests.faults.prepared import LIMIT_SECONDS, Instant, Running
from tests.helpers import QUIET, assert_same_run, tiny

SWEEP = """
import json
from framework.config import from_dict, product

def get_config(arg=""):
    return from_dict(json.loads('''{config}'''))

def get_sweep(config, arg=""):
    return product({{"seed": [0, 1, 2]}})
"""
FIGURE = """
from configs.paper.fig4 import get_config as full
from framework.config import override, product

def get_config(arg=""):
    return override(full(arg), {"steps": 2_000, "events.metrics": "log 4", "checkpoint.every_steps": 200})

def get_sweep(config):
    return product({"optimizer.learning_rate": [10.0, 1.0]})
"""
MADE = {"loud": select("noise", std=0.1, schedule="at 5"), "small": select("scale", factor=0.9, schedule="at 9")}


@dataclass(frozen=True)
class Work:
    """A command, by what it is called with before --workdir, and where its runs lie in that folder."""

    name: str
    words: Callable[[Path], list[str]]  # of the folder of config files
    runs: str = "."
    figure: bool = False

    def start(self, given: Path, folder: Path, instant: Instant | None = None) -> Running:
        """Begins, or goes on, in a folder."""
        figure = str(given / "figure.py") if self.figure else ""
        return Running([*self.words(given), f"--workdir={folder}"], folder, instant, figure)

    def finish(self, given: Path, folder: Path) -> None:
        """Goes on to the end: another may still hold a lock. Raises AssertionError where it does not come to it."""
        patience = time.monotonic() + LIMIT_SECONDS
        while True:
            running = self.start(given, folder)
            running.error.write_text("")
            code, said = running.ended(), running.said()
            if code == 0:
                return
            busy = code == 2 and ("is being written" in said or "writes it" in said or "writes it" in table_of(folder))
            assert busy and time.monotonic() < patience, f"ended with {code}: {said[-600:]}"
            time.sleep(0.2)

    def assert_same(self, folder: Path, whole: Path) -> None:
        """Every run has the bits of the uninterrupted one, every table and figure its content."""
        runs = sorted(file.parent for file in (whole / self.runs).rglob("config.json"))
        assert runs
        for run in runs:
            assert_same_run(folder / run.relative_to(whole), run)
            assert curves(folder / run.relative_to(whole)) == curves(run)
        assert _table(folder / self.runs) == _table(whole / self.runs)
        for file in whole.glob("fig4/*.*"):
            assert (folder / "fig4" / file.name).read_bytes() == file.read_bytes(), file.name


def _sweep(given: Path, engine: str) -> list[str]:
    return ["sweep", f"--config={given / 'sweep.py'}", f"--engine={engine}", "--jobs=2"]


WORKS = {
    "run": Work("run", lambda given: ["run", f"--config={given / 'run.json'}"]),
    "sweep": Work("sweep", lambda given: _sweep(given, "processes")),
    "batch": Work("batch", lambda given: _sweep(given, "batch:size=2")),
    "reproduce": Work("reproduce", lambda given: ["reproduce", "fig4", "--jobs=2"], "fig4/runs", figure=True),
}
SHORT = {  # for what is tried hundreds of times in one process
    "run": Work("run", lambda given: ["run", f"--config={given / 'short.json'}"]),
    "batch": Work("batch", lambda given: ["sweep", f"--config={given / 'short.py'}", "--engine=batch:size=2"]),
}


def prepare(given: Path) -> None:
    """Writes the config files."""
    given.mkdir(parents=True, exist_ok=True)
    checkpoint = {"every_steps": 2, "every_seconds": 0.0, "keep": 2}
    one = tiny(12, checkpoint=checkpoint, interventions=MADE, recording=QUIET | {"tensorboard": True, "plot": True})
    (given / "run.json").write_text(json.dumps(to_dict(one)))
    several = tiny(12, checkpoint=checkpoint, interventions=MADE)
    (given / "sweep.py").write_text(SWEEP.format(config=json.dumps(to_dict(several))))
    (given / "figure.py").write_text(FIGURE)
    short = tiny(6, recording=QUIET | {"tensorboard": True})
    (given / "short.json").write_text(json.dumps(to_dict(short)))
    (given / "short.py").write_text(SWEEP.format(config=json.dumps(to_dict(short))))


def curves(run: Path) -> dict[str, bytes]:
    """The numbers of the pictures of a run, without the seconds."""
    return {file.name: file.read_bytes() for file in sorted(run.glob("figures/*.csv"))}


def table_of(folder: Path) -> str:
    """The text of the table of a sweep."""
    file = folder / "sweep.csv"
    return file.read_text() if file.exists() else ""


def _table(folder: Path) -> list[dict[str, str]]:
    """How the members stand, without what was said on the way."""
    if not (folder / "sweep.csv").exists():
        return []
    with open(folder / "sweep.csv", newline="") as file:
        return [{name: row[name] for name in row if name not in ("said", "exit_code", "log")} for row in csv.DictReader(file)]
