"""How a sweep is shown: a bar and a line per member while it runs, a table and an exit code at its end."""

import logging
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from tqdm import tqdm

from framework.cli.tables import aligned
from framework.config.members import LONGEST
from framework.errors import UserError
from framework.sweep import ELSEWHERE, EXPLAINED, FAILED, FINISHED, QUEUED, RUNNING, STOPPED, Standing, Standings

log = logging.getLogger("whygrok")

NUMBERS_WIDTH = 52  # characters for the columns after the member's name
ENDED = {FINISHED, FAILED, STOPPED, ELSEWHERE}


def exit_code(standings: Sequence[Standing]) -> int:
    """0 when all are finished; the code with which all failed members ended, if it is the same and explains itself; else 1."""
    codes = {standing.exit_code for standing in standings if standing.state == FAILED}
    codes |= {UserError.exit_code for standing in standings if standing.state == ELSEWHERE}
    explained = len(codes) == 1 and codes <= set(EXPLAINED)
    return (codes.pop() or 1 if explained else 1) if codes else 0


def report(standings: Iterable[Standing], workdir: str) -> None:
    """Prints one line per member, then why members failed and where their logs are, then where the table is."""
    standings = list(standings)
    if not standings:
        return
    room = shutil.get_terminal_size().columns - NUMBERS_WIDTH if sys.stdout.isatty() else LONGEST
    rows = [["member", "state", "step", "train", "test", "fitted", "grokked"]]
    for standing in standings:
        numbers = [standing.step, standing.train, standing.test, standing.fitted, standing.grokked]
        rows.append([_short(standing.member, max(room, 20)), standing.state, *map(_number, numbers)])
    print("\n".join(aligned(rows)))
    for standing in standings:
        if standing.said and standing.state not in (QUEUED, RUNNING):
            print(f"{standing.member} {standing.state}: {standing.said}" + (f" ({Path(workdir) / standing.log})" if standing.log else ""))
    headlines = {standing.headline.replace("_", " ") for standing in standings}
    print(f"train and test: {' or '.join(sorted(headlines))}; all columns: {Path(workdir) / 'sweep.csv'}")


def _number(value: int | float | None) -> str:
    return "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _short(name: str, room: int) -> str:
    """The name, with its middle left out where it is too long."""
    return name if len(name) <= room else f"{name[: room // 2 - 1]}…{name[-(room - room // 2) :]}"


class Screen:
    """Shows on standard error a line for every member that ends and, on a terminal, a bar of all steps below."""

    def __init__(self) -> None:
        self.standings: Standings | None = None
        self._bar: tqdm | None = None

    def __call__(self, standings: Standings) -> None:
        """Shows how the members stand now."""
        if self.standings is None and sys.stderr.isatty():
            self._bar = tqdm(total=standings.steps, initial=standings.steps_done, unit="step", dynamic_ncols=True)
        self.standings = standings
        for standing in standings.news:
            if standing.state in ENDED:
                self._say(standing)
        if self._bar is not None:
            said = [f"{standings.counts[state]} {state}" for state in (FINISHED, QUEUED, RUNNING, FAILED) if standings.counts[state]]
            self._bar.set_postfix_str(", ".join(said), refresh=False)
            self._bar.update(standings.steps_done - self._bar.n)
            self._bar.refresh()

    def close(self) -> None:
        """Leaves the bar on the screen as it is."""
        if self._bar is not None:
            self._bar.close()

    def _say(self, standing: Standing) -> None:
        if self._bar is not None:
            self._bar.clear()
        done = f": {standing.said}" if standing.said else "" if standing.test is None else f", test {standing.test:.4g}"
        done += "" if standing.grokked is None else f", grokked at step {standing.grokked:,}"
        log.info("%s %s%s", standing.member, standing.state, done)
