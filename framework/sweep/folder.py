"""The folder of a sweep: one run directory per member, how each member stands, and a table of this."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from framework.config import Member, to_dict
from framework.errors import FieldError, StorageError, UserError
from framework.reading import last_value, milestones
from framework.run import Run, RunDirectory, check_steps, complete_steps, is_complete, read_lines
from framework.storage import csv_text, holder, storage, write_atomically, write_json
from framework.training import Experiment

WAITING, RUNNING, FINISHED, FAILED, STOPPED = "waiting", "running", "finished", "failed", "stopped"
ELSEWHERE = "elsewhere"  # another process writes that run
INSTEAD = "Use a new --workdir for this sweep, or rename that folder."


@dataclass(frozen=True)
class Standing:
    """How one member stands. train and test: the task's headline metric where it was last measured."""

    member: str
    changes: Mapping[str, Any]
    steps: int  # in the whole run
    state: str = WAITING
    step: int | None = None
    headline: str = "accuracy"
    train: float | None = None
    test: float | None = None
    fitted: int | None = None
    grokked: int | None = None
    exit_code: int | None = None  # the exit code of its process, negative for a signal
    said: str = ""  # the message with which a failed one ended
    log: str = ""  # the file, inside the sweep's folder, that holds the rest


COLUMNS = ("state", "step", "steps", "headline", "train", "test", "fitted", "grokked", "said", "log")

Show = Callable[[Sequence[Standing]], None]


class SweepFolder:
    """The members of one sweep and their run directories. Making one writes nothing, and fails unless every member may start or go on."""

    def __init__(self, members: Sequence[Member], workdir: str | Path, show: Show):
        self.path = RunDirectory.at(workdir).path
        if RunDirectory(self.path).is_run:
            raise UserError(f"{self.path} holds a run: a sweep needs a folder of its own, in which each member has one")
        self._show = show
        self._experiments = {member.name: _checked(member) for member in members}
        self._refuse_others()
        self._standings = {
            member.name: Standing(member.name, member.changes, self._experiments[member.name].general.steps) for member in members
        }
        for name in self._standings:
            self._standings[name] = self._stands(name, FINISHED if self.is_finished(name) else WAITING)

    def directory(self, name: str) -> RunDirectory:
        """The run directory of a member."""
        return RunDirectory(self.path / name)

    def config(self, name: str) -> Path:
        """The file from which a member's process takes its config."""
        return self.path / "configs" / f"{name}.json"

    def log(self, name: str) -> Path:
        """Where a member's process writes what it says."""
        return self.path / "logs" / f"{name}.log"

    @property
    def standings(self) -> list[Standing]:
        """How every member stands, in the order of the sweep."""
        return list(self._standings.values())

    @property
    def strangers(self) -> list[str]:
        """Run directories in this folder that belong to no current member, such as members since removed."""
        if not self.path.is_dir():
            return []
        return sorted(path.name for path in self.path.iterdir() if RunDirectory(path).is_run and path.name not in self._standings)

    def create(self) -> None:
        """Makes the folders, and writes the config of every member."""
        for folder in (self.path, self.path / "configs", self.path / "logs"):
            with storage("making the folder", folder):
                folder.mkdir(parents=True, exist_ok=True)
        for name, experiment in self._experiments.items():
            plain = to_dict(experiment.config)
            if not _holds(self.config(name), plain):
                write_json(self.config(name), plain)
        self._publish()

    def is_finished(self, name: str) -> bool:
        """Whether a member's run has nothing left to do: read from its files."""
        directory, experiment = self.directory(name), self._experiments[name]
        try:
            complete = directory.is_run and is_complete(experiment, self._saved(name), directory)
        except StorageError:  # a damaged file: the run itself says what can be done
            return False
        # If a plugin file has moved since, the run records where it is now.
        return complete and directory.read_config().get("plugins") == list(experiment.config.plugins)

    def mark(self, name: str, state: str, said: str = "", exit_code: int | None = None) -> None:
        """Notes how a member stands now, in the table as well."""
        self._standings[name] = replace(self._stands(name, state), said=said, exit_code=exit_code)
        self._publish()

    def refresh(self) -> None:
        """Shows how far the running members are."""
        for name, standing in self._standings.items():
            if standing.state == RUNNING:
                self._standings[name] = self._stands(name, RUNNING)
        self._show(self.standings)

    def in_state(self, state: str) -> list[str]:
        """Names of the members in a state."""
        return [name for name, standing in self._standings.items() if standing.state == state]

    def let_go(self) -> list[str]:
        """Members that ran elsewhere, no longer do, and are not finished."""
        for name in self.in_state(ELSEWHERE):
            if not holder(self.directory(name).lock):
                self.mark(name, FINISHED if self.is_finished(name) else WAITING)
        return self.in_state(WAITING)

    def _saved(self, name: str) -> int:
        return max(complete_steps(self.directory(name).checkpoints), default=-1)

    def _stands(self, name: str, state: str) -> Standing:
        experiment, path = self._experiments[name], self.directory(name).path
        try:
            rows, _ = read_lines(self.directory(name).metrics)
        except StorageError:
            rows = []
        run, headline = Run(experiment=experiment, rows=rows, path=path), experiment.task.headline
        reached = milestones(run)
        return replace(
            self._standings[name],
            state=state,
            step=self._saved(name) if state == FINISHED else rows[-1]["step"] if rows else None,
            headline=headline,
            train=last_value(run, f"train/{headline}"),
            test=last_value(run, f"test/{headline}"),
            fitted=reached["fitted"],
            grokked=reached["grokked"],
            log=str(self.log(name).relative_to(self.path)) if self.log(name).is_file() else "",
        )

    def _publish(self) -> None:
        write_atomically(self.path / "sweep.csv", as_csv(self.standings))
        self._show(self.standings)

    def _refuse_others(self) -> None:
        refused = []
        for name, experiment in self._experiments.items():
            directory = RunDirectory.at(self.path / name)
            try:
                directory.check_same_run(experiment.config, INSTEAD)
                check_steps(experiment, directory)
            except UserError as error:
                refused.append(f"member {name}: {error}")
        if refused:
            more = f"\nAlso refused: {len(refused) - 1} of the other {len(self._experiments) - 1} members." if len(refused) > 1 else ""
            raise UserError(refused[0] + more)


def as_csv(standings: Sequence[Standing]) -> str:
    """One row per member: its name, the fields that the sweep changes, how it stands."""
    fields = list(dict.fromkeys(name for standing in standings for name in standing.changes))
    rows = [[one.member, *(one.changes.get(name) for name in fields), *(getattr(one, column) for column in COLUMNS)] for one in standings]
    return csv_text(["member", *fields, *COLUMNS], rows)


def _checked(member: Member) -> Experiment:
    try:
        return Experiment.from_config(member.config)
    except (UserError, FieldError) as error:
        raise UserError(f"member {member.name}: {error}") from None


def _holds(file: Path, plain: Mapping[str, Any]) -> bool:
    try:
        return bool(json.loads(file.read_text(encoding="utf-8")) == plain)
    except (OSError, ValueError):
        return False
