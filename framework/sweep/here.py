"""Members that are trained in this process: one after another, or several together in one program."""

import contextlib
import logging
import time
import traceback
from collections.abc import Generator, Iterator, Sequence

from framework.config import load_config
from framework.errors import Interrupted, UserError, WhygrokError, named
from framework.run import Run
from framework.sessions import DoesNotFit, Group, Pace, open_session, train
from framework.storage import holder, write_atomically
from framework.sweep.folder import SweepFolder
from framework.sweep.standings import ELSEWHERE, FAILED, FINISHED, RUNNING, STOPPED, WAITING
from framework.sweep.supervise import REFRESH_SECONDS, may_start

log = logging.getLogger("whygrok")


def train_here(sweep: SweepFolder, name: str) -> None:
    """Trains a member in this process and marks how it ended; what its plugins raise ends no other member, and goes to its log."""
    if may_start(sweep, name):
        sweep.mark(name, RUNNING)
        with _marked(sweep, name):
            train(load_config(str(sweep.config(name))), sweep.directory(name).path, draw=False)
            sweep.mark(name, FINISHED)


def train_together(sweep: SweepFolder, names: Sequence[str], group: Group) -> list[str]:
    """Trains members as lanes of one program and marks how each of them ended; gives those that could not be, which wait again.

    names: at most as many as the group has places. One that diverges, or whose plugins raise, ends no other.
    """
    asking, left = dict[int, _Asking](), list[str]()  # by lane
    with contextlib.ExitStack() as opened:  # whatever ends this, no run directory stays locked
        for name in names:
            if not group.is_stopped and may_start(sweep, name):
                sweep.mark(name, RUNNING)
                one = _Asking(sweep, name, group)
                opened.callback(one.close)
                try:
                    if one.go_on(None):
                        asking[len(group.lanes) - 1] = one
                except DoesNotFit as error:
                    sweep.mark(name, WAITING)
                    left.append(name)
                    log.info("%s is trained by itself: %s", name, error)
        try:
            _serve(sweep, asking, group)
        except Exception as error:  # the program is that of all of them
            for one in asking.values():
                one.end(error)
    return left


def _serve(sweep: SweepFolder, asking: "dict[int, _Asking]", group: Group) -> None:
    """Makes the steps that the lanes ask for, until none is left."""
    pace, shown = Pace(), time.monotonic()
    while asking:
        counts, diverged = _advance({lane: one.wanted for lane, one in asking.items()}, group, pace)
        for lane, one in list(asking.items()):
            if not one.go_on((counts[lane], diverged[lane])):
                del asking[lane]
        if time.monotonic() - shown > REFRESH_SECONDS:
            sweep.refresh()
            shown = time.monotonic()


def _advance(wanted: dict[int, int], group: Group, pace: Pace) -> tuple[list[int], list[int]]:
    """(how many steps were made, the first of them that diverged or −1), for each lane."""
    if not any(wanted.values()):  # which says nothing about how long a step takes
        return [0] * len(group.lanes), [-1] * len(group.lanes)
    with pace.chunk(max(wanted.values())) as limit:
        counts = [min(wanted.get(lane, 0), limit) for lane in range(len(group.lanes))]
        return counts, group.advance(counts)


class _Asking:
    """The session of one member, which is served together with others. What it says goes to the member's log."""

    def __init__(self, sweep: SweepFolder, name: str, group: Group):
        self._sweep, self._name = sweep, name
        config = load_config(str(sweep.config(name)))
        self._session: Generator[int, tuple[int, int], Run] = open_session(config, sweep.directory(name).path, group)
        self.wanted = 0  # the number of steps that it asks for, at most

    def go_on(self, made: tuple[int, int] | None) -> bool:
        """Tells it what was made, None at its start; whether it asks for more. If not, it is marked how it ended."""
        with _marked(self._sweep, self._name):
            try:
                with self._speaking():
                    self.wanted = next(self._session) if made is None else self._session.send(made)
                return True
            except StopIteration:
                self._sweep.mark(self._name, FINISHED)
        return False

    def end(self, error: Exception) -> None:
        """Ends it with an error that is not its own."""
        with _marked(self._sweep, self._name), self._speaking():
            self._session.throw(error)

    def close(self) -> None:
        """Leaves it where it is, as the end of the process would, unless it has ended."""
        with self._speaking():
            self._session.close()

    @contextlib.contextmanager
    def _speaking(self) -> Iterator[None]:
        said = _Log(self._sweep.log(self._name), encoding="utf-8", delay=True)
        said.setFormatter(logging.Formatter("whygrok: %(levelname)s: %(message)s"))
        before, log.handlers = log.handlers, [said]
        try:
            yield
        finally:
            log.handlers = before
            with contextlib.suppress(OSError):  # a full disk is told of by what the member saves
                said.close()


class _Log(logging.FileHandler):
    """The log of a member. A disk that is full, or a folder that is gone, ends no member."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes what it can."""
        with contextlib.suppress(OSError):
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Nothing: logging would print pages of traceback."""


@contextlib.contextmanager
def _marked(sweep: SweepFolder, name: str) -> Iterator[None]:
    """Marks a member where what is inside ends it with an error; a plugin's is written to its log."""
    try:
        yield
    except DoesNotFit:
        raise
    except Interrupted:
        sweep.mark(name, STOPPED)
    except WhygrokError as error:
        other = holder(sweep.directory(name).lock) if isinstance(error, UserError) else None  # it was faster to lock
        sweep.mark(name, *((ELSEWHERE, f"{other} writes it") if other else (FAILED, str(error), error.exit_code)))
    except Exception as error:  # a plugin is anybody's code
        write_atomically(sweep.log(name), traceback.format_exc())
        sweep.mark(name, FAILED, named(error), WhygrokError.exit_code)
