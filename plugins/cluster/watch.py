"""What becomes of submitted members: the queue says what still waits or runs, notes say what was done, the run folders decide."""

import logging
import time
from dataclasses import dataclass

from framework.sessions import StopRequest
from framework.sweep import ELSEWHERE, FAILED, FINISHED, QUEUED, RUNNING, STOPPED, WAITING, Share, SweepFolder
from plugins.cluster import queue
from plugins.cluster.submission import Submission, submissions

log = logging.getLogger("whygrok")

FIRST_LOOK, LONGEST_WAIT = 2.0, 30.0  # seconds between two looks at the queue, which grow by half
# For how many looks, and how many seconds, the queue does not show a task until it has ended: one that is queued again hides for a while.
GONE, GONE_SECONDS = 2, 15.0
NOTES_SECONDS = 1.0  # between two looks at the notes
POLL_SECONDS = 0.1  # how often signals are looked for


@dataclass
class Followed:
    """A task of an array: its share, its job as the queue showed it last, and its members of which more may be heard."""

    submission: Submission
    number: int
    share: Share
    job: queue.Job | None
    open: list[str]
    missing: int = 0  # looks in a row in which the queue did not show it
    gone_at: float = 0.0  # since when

    @property
    def said(self) -> str:
        """'job 17_3'."""
        return f"job {self.job.id}" if self.job else f"task {self.number} of {self.submission.name}"

    @property
    def is_shown(self) -> bool:
        """Whether the queue shows it."""
        return self.job is not None and self.missing == 0


class Watch:
    """Follows the tasks of a sweep until what became of every member is known, and marks it."""

    def __init__(self, sweep: SweepFolder, patience: int):
        """patience: seconds for which the files of an ended job are waited for, before a member is called failed."""
        self._sweep, self._patience = sweep, patience
        self._tasks: list[Followed] = []
        self._unfinished = WAITING  # the state of members that were stopped
        self._due, self._pause, self._has_warned = 0.0, FIRST_LOOK, False

    @property
    def jobs(self) -> list[str]:
        """The numbers of the arrays that have not ended, as scancel takes them."""
        return sorted({task.job.id.partition("_")[0] for task in self._tasks if task.open and task.job})

    def follow(self, submission: Submission, jobs: list[str] | None = None) -> None:
        """Follows a submission. jobs: the number of each task where it was submitted a moment ago."""
        unfinished = {standing.member for standing in self._sweep.standings if standing.state != FINISHED}
        for number, share in enumerate(submission.shares):
            job = queue.Job(jobs[number], "PENDING", "") if jobs else None
            members = [name for name in share.members if name in unfinished]
            self._tasks.append(Followed(submission, number, share, job, members))
        self._update()

    def take_up(self, stop: StopRequest) -> None:
        """Finds what is submitted and not collected. What has ended is settled: who failed is marked, who was stopped waits again."""
        for submission in submissions(self._sweep):
            self.follow(submission)
        while any(task.open and not task.is_shown for task in self._tasks) and not stop.received:
            self._look()
            self._update()
            if any(task.open and not task.is_shown for task in self._tasks):
                _sleep(NOTES_SECONDS, stop)
        self._update()

    def until_over(self, stop: StopRequest) -> None:
        """Watches until all is known, or until a signal comes."""
        self._unfinished = STOPPED
        while self.jobs and not stop.received:
            if time.monotonic() >= self._due:
                self._look()
                self._due, self._pause = time.monotonic() + self._pause, min(1.5 * self._pause, LONGEST_WAIT)
            self._update()
            self._sweep.refresh()
            if self.jobs:
                _sleep(NOTES_SECONDS, stop)

    def _look(self) -> None:
        """One look at the queue for all that have not ended."""
        shown = queue.look({task.submission.name for task in self._tasks if task.open})
        if shown is None:
            if not self._has_warned:
                log.warning("the queue gives no answer (squeue); it is asked again and again")
            self._has_warned = True
            return
        for task in self._tasks:
            job = shown.get((task.submission.name, task.number))
            if job:
                if job.is_held and not (task.job and task.job.is_held):
                    log.warning("%s: `scontrol release %s` lets it go on, once what holds it is mended", job.words, job.id)
                task.job, task.missing = job, 0
            elif task.share.has_begun or not task.submission.is_new:
                task.gone_at = task.gone_at if task.missing else time.monotonic()
                task.missing += 1

    def _update(self) -> None:
        """Marks what the notes and the folders say of every task; a submission of which all is known is collected."""
        for task in [task for task in self._tasks if task.open]:
            if task.share.look():
                self._due, self._pause = min(self._due, time.monotonic() + FIRST_LOOK), FIRST_LOOK
            if task.share.ended == "" or (task.missing >= GONE and time.monotonic() - task.gone_at >= GONE_SECONDS):
                self._settle(task)
            else:
                self._show(task)
        over = {id(task.submission): task.submission for task in self._tasks}
        for task in self._tasks:
            if task.open:
                over.pop(id(task.submission), None)
        for submission in over.values():
            submission.collect()
        self._tasks = [task for task in self._tasks if id(task.submission) not in over]

    def _show(self, task: Followed) -> None:
        """Marks the members of a task that has not ended."""
        for name in list(task.open):
            noted = task.share.noted.get(name)
            state = noted.state if noted else QUEUED
            if state == FINISHED and self._sweep.is_finished(name):
                task.open.remove(name)
                self._sweep.mark(name, FINISHED)
            elif state == FAILED and noted:
                self._mark(name, FAILED, noted.said, noted.exit_code)
            elif task.is_shown:
                is_running = state in (RUNNING, FINISHED) and task.job and task.job.is_running
                self._mark(name, RUNNING if is_running else QUEUED, task.said)

    def _settle(self, task: Followed) -> None:
        """Marks the members of a task that has ended, once it is known what became of them."""
        waits = time.monotonic() - task.gone_at < self._patience or not task.missing
        for name in list(task.open):
            if ended := self._ended(task, name, waits):
                task.open.remove(name)
                self._mark(name, *ended)

    def _ended(self, task: Followed, name: str, waits: bool) -> tuple[str, str, int | None] | None:
        """(state, sentence, exit code) of a member whose task has ended; None while its files may still come, if that is waited for."""
        noted, ended = task.share.noted.get(name), task.share.ended
        if self._sweep.is_finished(name):
            return FINISHED, "", None
        if noted and noted.state in (FAILED, ELSEWHERE):
            return noted.state, noted.said, noted.exit_code
        if ended:
            return self._unfinished, f"{task.said} was ended by {ended}", None
        if waits:
            return None
        if noted and noted.state == FINISHED:
            return FAILED, f"{task.said} has finished it, and its files do not show here", None
        if not task.submission.has_started(task.number):
            return self._unfinished, f"{task.said} was cancelled before it began", None
        return FAILED, f"{task.said} ended: {task.submission.last_words(task.number)}", None

    def _mark(self, name: str, state: str, said: str, exit_code: int | None = None) -> None:
        if self._sweep.standings.of(name).state != state:
            self._sweep.mark(name, state, "" if state == WAITING else said, exit_code)


def _sleep(seconds: float, stop: StopRequest) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not stop.received:
        time.sleep(POLL_SECONDS)
