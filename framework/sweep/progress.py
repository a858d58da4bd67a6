"""How far a sweep is: a bar on a terminal and in a notebook, and lines at growing intervals in a log file."""

import time

from tqdm import tqdm

from framework.records.live import Pauses
from framework.run import StandardError
from framework.sweep.standings import FAILED, FINISHED, QUEUED, RUNNING, STOPPED, WAITING, Standings

BAR = "{percentage:3.0f}%|{bar}| {remaining} left{postfix}, {rate_fmt}"  # what a narrow screen has no room for comes last


class SweepProgress:
    """Shows on standard error how many members are done, run and have failed, and the time left: `run_sweep(…, show=SweepProgress())`."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._start: tuple[float, int] | None = None  # when it began, and how many steps were done then
        self._is_closed = False

    def __call__(self, standings: Standings) -> None:
        """Shows how the members stand now."""
        if self._start is None and not standings.counts[RUNNING] + standings.counts[QUEUED]:
            return  # what is said before the first member starts stands above the bar
        if self._start is None:
            self._begin(standings)
        if self._bar is not None:
            self._bar.total = standings.steps_done + standings.steps_left
            self._bar.set_postfix_str(counted(standings), refresh=False)
            self._bar.n = standings.steps_done
            self._bar.refresh()
        elif self._pauses.is_over(time.monotonic()):
            print(self._line(standings), file=StandardError(), flush=True)
        if not any(standings.counts[state] for state in (WAITING, QUEUED, RUNNING)):
            self.close()

    def clear(self) -> None:
        """Makes room for a line above the bar, which the next call shows again."""
        if self._bar is not None and not self._is_closed:
            self._bar.clear()

    def close(self) -> None:
        """Leaves the bar as it is."""
        if self._bar is not None and not self._is_closed:
            self._bar.close()
        self._is_closed = True

    def _begin(self, standings: Standings) -> None:
        self._start = time.monotonic(), standings.steps_done
        self._pauses = Pauses(self._start[0])
        screen = StandardError()
        if screen.can_write_over:
            shape = {"total": standings.steps, "initial": standings.steps_done, "unit": "step", "bar_format": BAR}
            self._bar = tqdm(**shape, smoothing=0, dynamic_ncols=True, file=screen)

    def _line(self, standings: Standings) -> str:
        assert self._start is not None
        seconds, made = time.monotonic() - self._start[0], standings.steps_done - self._start[1]
        rate = made / seconds if seconds else 0.0
        left = f", {tqdm.format_interval(standings.steps_left / rate)} left" if rate and standings.steps_left else ""
        share = f" ({standings.steps_done / standings.steps:.0%})" if standings.steps else ""
        return f"{counted(standings)}; step {standings.steps_done:,} of {standings.steps:,}{share}, {rate:.3g} steps/s{left}"


def counted(standings: Standings) -> str:
    """'12 of 30 finished, 4 running, 1 failed'."""
    others = [f"{standings.counts[state]} {state}" for state in (RUNNING, FAILED, QUEUED, STOPPED) if standings.counts[state]]
    return ", ".join([f"{standings.counts[FINISHED]} of {len(standings)} finished", *others])
