"""A share of a sweep: members that a process elsewhere trains. One file says which they are, another what became of them.

Both lie in the sweep's folder, so that whoever sees that folder, on any host, can look.
"""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framework.config import Member, load_config
from framework.errors import Damage, one_of
from framework.sessions import StopRequest
from framework.storage import MOST_BYTES, append_to, open_file, parse_json, read_json, storage, write_json
from framework.sweep.choice import Choice, choose_engine, usable_engine
from framework.sweep.folder import SweepFolder
from framework.sweep.run import train_members
from framework.sweep.standings import WAITING, Standings


@dataclass(frozen=True)
class Noted:
    """What a share's process noted last of a member: its state, the sentence with which it ended, and its exit code."""

    state: str
    said: str = ""
    exit_code: int | None = None


class Share:
    """The members of a share, and what is noted of them; each look reads only what has been written since the one before."""

    def __init__(self, file: Path):
        try:
            with storage("reading", file):
                told = read_json(file)
            missing = {"sweep", "members", "engine", "jobs"} - told.keys()
        except (ValueError, AttributeError):
            told, missing = {}, {"what a share holds"}
        if missing:
            remedy = f"Rename the folder {file.parent}; its members are trained anew"
            raise Damage(f"{file} lacks {one_of(sorted(missing))}", file.parent, remedy)
        self.sweep = Path(told["sweep"])
        self.members: dict[str, Mapping[str, Any]] = told["members"]  # name → what the sweep changes for it
        self.engine, self.jobs = told["engine"], int(told["jobs"])
        self.notes = file.with_suffix(".jsonl")
        self.noted: dict[str, Noted] = {}
        self.has_begun = False
        self.ended: str | None = None  # '', or the signal that ended the process; None while it runs, or if it was killed
        self._read = 0

    def look(self) -> bool:
        """Reads what is new; whether anything was. The file is opened anew: on NFS this is when its end is asked for."""
        try:
            with open_file(self.notes) as file:
                file.seek(self._read)
                whole, newline, _ = file.read(MOST_BYTES).rpartition(b"\n")
        except FileNotFoundError:
            return False
        self._read += len(whole) + len(newline)
        for line in whole.splitlines():
            with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError):  # the members' own files say how they stand
                self._take(parse_json(line))
        return bool(newline)

    def note(self, **what: Any) -> None:
        """Appends a line, and closes the file, so that other hosts see it."""
        with storage("writing", self.notes), append_to(self.notes) as file:
            file.write(f"{json.dumps(what)}\n".encode())

    def _take(self, line: dict[str, Any]) -> None:
        if "member" in line:
            self.noted[line["member"]] = Noted(line["state"], line["said"], line["exit_code"])
        elif "ended" in line:
            self.ended = line["ended"]
        else:  # the process begins, for the first time or again
            self.has_begun, self.ended, self.noted = True, None, {}


def write_share(file: Path, sweep: SweepFolder, names: list[str], engine: str, jobs: int) -> None:
    """Writes which members a process is to train. engine: as after --engine=; '' leaves the choice to that process."""
    changes = {name: dict(sweep.standings.of(name).changes) for name in names}
    write_json(file, {"sweep": str(sweep.path), "members": changes, "engine": engine, "jobs": jobs})


def train_share(file: Path) -> None:
    """Trains the members of a share, and notes what becomes of them; after a signal they save and end.

    Members that another process writes are waited for: after the failure of a host its locks are silent for some minutes
    before they are taken over. Raises UserError for members that could not start, StorageError.
    """
    share = Share(file)
    share.note(begun=True)

    def note(standings: Standings) -> None:
        for standing in standings.news:
            if standing.state != WAITING:
                share.note(member=standing.member, state=standing.state, said=standing.said, exit_code=standing.exit_code)

    members = [
        Member(name, dict(changes), load_config(str(share.sweep / "configs" / f"{name}.json"))) for name, changes in share.members.items()
    ]
    choice = Choice(share.engine) if share.engine else choose_engine(members, share.jobs)
    engine = usable_engine(choice.engine, share.jobs)
    with StopRequest() as stop:
        sweep = SweepFolder(members, share.sweep, note, table=None)
        train_members(sweep, engine, share.jobs, stop, wait=True)
        share.note(ended=stop.received or "")
