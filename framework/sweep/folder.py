"""The folder of a sweep: one run directory per member, how each member stands, and a table of this."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from framework.config import Member, to_dict
from framework.errors import FieldError, StorageError, UserError, one_of, quoted, sentence
from framework.records import TABLE
from framework.records.live import Followed
from framework.run import RunDirectory, check_steps, complete_steps, is_complete
from framework.storage import check_links, holder, make_folder, read_json, write_atomically, write_json
from framework.sweep.standings import ELSEWHERE, FINISHED, RUNNING, STATES, WAITING, Standing, Standings
from framework.training import Experiment

INSTEAD = "Use a new --workdir for this sweep, or rename that folder."
TABLE_SECONDS = 1.0  # how old the table may be while members are trained

Show = Callable[[Standings], None]


class SweepFolder:
    """The members of one sweep and their run directories. Making one writes nothing, and fails unless every member may start or go on."""

    def __init__(self, members: Sequence[Member], workdir: str | Path, show: Show, table: str | None = TABLE):
        """table: the name of the file that says how the members stand; None for a part of a sweep, which has none."""
        self.path = RunDirectory.at(workdir).path
        if RunDirectory(self.path).is_run:
            raise UserError(f"{self.path} holds a run: a sweep needs a folder of its own, in which each member has one")
        self._show, self._table = show, table
        self._experiments = {member.name: _checked(member) for member in members}
        self._refuse_others()
        steps = {name: experiment.general.steps for name, experiment in self._experiments.items()}
        fields = list(dict.fromkeys(name for member in members for name in member.changes))
        self.standings = Standings(Standing(member.name, _ran_with(member, fields), steps[member.name]) for member in members)
        self._followed: dict[str, Followed] = {}  # the members that are running
        self._written = 0.0  # when the table was written
        for name in self._experiments:
            self.standings.put(self._stands(name, FINISHED if self.is_finished(name) else WAITING))
        self.standings.news.clear()

    def directory(self, name: str) -> RunDirectory:
        """The run directory of a member."""
        return RunDirectory(self.path / name)

    def experiment(self, name: str) -> Experiment:
        """What a member trains."""
        return self._experiments[name]

    def config(self, name: str) -> Path:
        """The file from which a member's process takes its config."""
        return self.path / "configs" / f"{name}.json"

    def log(self, name: str) -> Path:
        """Where a member's process writes what it says."""
        return self.path / "logs" / f"{name}.log"

    @property
    def strangers(self) -> list[str]:
        """Run directories in this folder that belong to no current member, such as members since removed."""
        if not self.path.is_dir():
            return []
        return sorted(path.name for path in self.path.iterdir() if RunDirectory(path).is_run and path.name not in self._experiments)

    def create(self) -> None:
        """Makes the folders, and writes the config of every member."""
        check_links([self.path / "configs", self.path / "logs"])
        for folder in (self.path, self.path / "configs", self.path / "logs"):
            make_folder(folder)
        for name, experiment in self._experiments.items():
            plain = to_dict(experiment.config)
            if not _holds(self.config(name), plain):
                write_json(self.config(name), plain, durable=False)
        self.write_table()
        self._tell()

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
        """Notes how a member stands now; sweep.csv says so within a second."""
        if name not in self._experiments or state not in STATES:  # engines are anybody's code
            whose = f"the states of a member are {one_of(STATES)}" if name in self._experiments else "the sweep has no such member"
            raise UserError(f"an engine marks the member {quoted(name)} as {quoted(state)}: {whose}")
        self._followed.pop(name, None)
        standing = self._stands(name, state)
        self.standings.put(replace(standing, said=said or standing.said, exit_code=exit_code))
        self._tell()

    def refresh(self) -> None:
        """Shows how far the running members are."""
        for name in self._followed:
            self.standings.put(self._stands(name, RUNNING))
        self._tell()

    def write_table(self) -> None:
        """Writes sweep.csv."""
        if self._table:
            write_atomically(self.path / self._table, self.standings.as_csv())
        self._written = time.monotonic()

    def in_state(self, state: str) -> list[str]:
        """Names of the members in a state."""
        return self.standings.in_state(state)

    def let_go(self) -> list[str]:
        """Members that ran elsewhere, no longer do, and are not finished."""
        for name in self.in_state(ELSEWHERE):
            if not holder(self.directory(name).lock):
                self.mark(name, FINISHED if self.is_finished(name) else WAITING)
        return self.in_state(WAITING)

    def _saved(self, name: str) -> int:
        return max(complete_steps(self.directory(name).checkpoints), default=-1)

    def _stands(self, name: str, state: str) -> Standing:
        experiment = self._experiments[name]
        headline = experiment.task.headline
        followed = self._followed.get(name) or Followed(self.directory(name).metrics, headline)
        if state == RUNNING:
            self._followed[name] = followed
        reached = followed.look()
        return replace(
            self.standings.of(name),
            state=state,
            step=self._saved(name) if state == FINISHED else reached.step,
            headline=headline,
            train=reached.train,
            test=reached.test,
            fitted=reached.fitted,
            grokked=reached.grokked,
            said="; ".join(reached.mishaps) if state == FINISHED else "",
            log=str(self.log(name).relative_to(self.path)) if self.log(name).is_file() else "",
        )

    def _tell(self) -> None:
        """Shows how the members stand, and writes the table unless that was done a moment ago."""
        if time.monotonic() - self._written > TABLE_SECONDS:
            self.write_table()
        self._show(self.standings)
        self.standings.news.clear()

    def _refuse_others(self) -> None:
        refused = list[tuple[str, UserError]]()
        for name, experiment in self._experiments.items():
            try:
                check_links([self.path / name])
                directory = RunDirectory.at(self.path / name)
                directory.check_whole()
                directory.check_same_run(experiment.config, INSTEAD)
                check_steps(experiment, directory)
            except UserError as error:
                refused.append((name, error))
        if refused:
            (name, first), others = refused[0], len(refused) - 1
            more = f"Also refused: {others} of the other {len(self._experiments) - 1} members." if others else ""
            raise UserError(f"member {name}: {sentence(first)}", then="\n".join(filter(None, (first.then, more))))


def _checked(member: Member) -> Experiment:
    try:
        return Experiment.from_config(member.config)
    except (UserError, FieldError) as error:
        raise UserError(f"member {member.name}: {error}") from None


def _ran_with(member: Member, fields: Iterable[str]) -> dict[str, Any]:
    """Field → what the sweep sets it to, or else the value that the config has; fields that a member has not are left out."""
    plain = to_dict(member.config)
    there = {name: node for name in fields if (node := _at(plain, name)) is not None}
    return {name: member.changes.get(name, there.get(name)) for name in fields if name in member.changes or name in there}


def _at(plain: Any, path: str) -> Any:
    for part in path.split("."):
        plain = plain.get(part) if isinstance(plain, Mapping) else None
    return plain


def _holds(file: Path, plain: Mapping[str, Any]) -> bool:
    try:
        return bool(read_json(file) == plain)
    except (OSError, ValueError):
        return False
