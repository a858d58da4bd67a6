"""What is submitted for a sweep: one folder per job array in SWEEP/slurm, named as the array is, with a file per task."""

import contextlib
import logging
import secrets
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from framework.errors import UserError
from framework.sessions import StopRequest
from framework.storage import Lock, append_to, check_links, make_folder, make_new_folder, read_text, storage
from framework.sweep import Share, SweepFolder, explained, raised, write_share

log = logging.getLogger("whygrok")

PREFIX = "whygrok-"
COLLECTED = "collected"  # the file that says so
POLL_SECONDS = 0.2
JUST_SUBMITTED = 15.0  # seconds until the queue surely shows what was submitted


class Submission:
    """A job array: its name and its shares. It is written before it is submitted, so that a killed command leaves nothing unknown."""

    def __init__(self, folder: Path):
        self.folder, self.name = folder, folder.name
        files = sorted(folder.glob("[0-9]*.json"), key=lambda file: int(file.stem))
        self.shares = [Share(file) for file in files]
        with storage("reading", folder):
            self.since = max((file.stat().st_mtime for file in files), default=0.0)

    @property
    def is_new(self) -> bool:
        """Whether it may have been submitted without the queue showing it yet."""
        return time.time() - self.since < JUST_SUBMITTED

    def collect(self) -> None:
        """Notes that what became of its members has been said."""
        with storage("writing", self.folder):
            append_to(self.folder / COLLECTED).close()

    def has_started(self, number: int) -> bool:
        """Whether a task has ever run: it writes a log when it starts."""
        return bool(self._logs(number, "err"))

    def last_words(self, number: int) -> str:
        """The sentence with which a task ended, from its logs, and where these are."""
        for log in [*self._logs(number, "err"), *self._logs(number, "out")]:
            with storage("reading", log):
                text = read_text(log, errors="replace")
            last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
            if words := explained(text) or raised(text) or last:
                return f"{words} ({log})"
        return f"without a word ({self.folder})"

    def _logs(self, number: int, stream: str) -> list[Path]:
        """Newest first. Those of an array are called JOB_NUMBER_0_log, that of a job alone is JOB_0_log."""
        task = f"_{number}" if len(self.shares) > 1 else ""
        return sorted(self.folder.glob(f"*{task}_0_log.{stream}"), key=lambda file: file.stat().st_mtime, reverse=True)


def submissions(sweep: SweepFolder) -> list[Submission]:
    """All of a sweep that are not collected, oldest first."""
    check_links([sweep.path / "slurm", *(sweep.path / "slurm").glob(f"{PREFIX}*")])
    folders = [folder for folder in (sweep.path / "slurm").glob(f"{PREFIX}*") if not (folder / COLLECTED).exists()]
    return sorted(map(Submission, folders), key=lambda one: one.since)


@contextlib.contextmanager
def alone(sweep: SweepFolder, stop: StopRequest) -> Iterator[None]:
    """Holds the lock of a sweep's submissions, so that two commands do not submit the same members; waits for it, or for a signal."""
    folder = sweep.path / "slurm"
    make_folder(folder)
    with contextlib.ExitStack() as held:
        waits = False
        while not stop.received:
            try:
                held.enter_context(Lock(folder / "LOCK"))
                break
            except UserError as error:
                if not waits:
                    log.info("another command submits: %s", str(error).partition(". Use another")[0])
                waits = True
                time.sleep(POLL_SECONDS)
        yield


def prepared(sweep: SweepFolder, names: Sequence[str], tasks: int, engine: str, jobs: int) -> Submission:
    """Writes the shares of a new one: members are dealt out in turn, at most so many tasks.

    engine, jobs: with which a task trains its share.
    """
    folder = sweep.path / "slurm" / f"{PREFIX}{secrets.token_hex(4)}"
    with storage("making the folder", folder):
        make_new_folder(folder)
    tasks = min(tasks, len(names))
    for number in range(tasks):
        write_share(folder / f"{number}.json", sweep, list(names[number::tasks]), engine, jobs)
    return Submission(folder)
