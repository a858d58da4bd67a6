"""How a sweep is shown: a bar and a line per member while it runs, a table and an exit code at its end."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from framework.cli.answers import answer
from framework.cli.tables import cell, on_screen
from framework.errors import UserError, WhygrokError
from framework.records import TABLE, differing, names_by_difference
from framework.sweep import ELSEWHERE, EXPLAINED, FAILED, FINISHED, QUEUED, RUNNING, STOPPED, WAITING, Standing, Standings, SweepProgress

log = logging.getLogger("whygrok")

ENDED = {FINISHED, FAILED, STOPPED, ELSEWHERE}


def exit_code(standings: Sequence[Standing]) -> int:
    """0 when all are finished; the code with which all failed members ended, if it is the same and explains itself; else 1."""
    codes = {standing.exit_code for standing in standings if standing.state == FAILED}
    codes |= {UserError.exit_code for standing in standings if standing.state == ELSEWHERE}
    codes |= {WhygrokError.exit_code for standing in standings if standing.state == WAITING and standing.said}
    explained = len(codes) == 1 and codes <= set(EXPLAINED)
    return (codes.pop() or 1 if explained else 1) if codes else 0


def report(standings: Iterable[Standing], workdir: str) -> None:
    """Prints one line per member, then why members failed and where their logs are, then where the table is."""
    standings = list(standings)
    if not standings:
        return
    changes = [standing.changes for standing in standings]
    names = names_by_difference(changes, differing(changes)) or [standing.member for standing in standings]
    rows = [["member", "state", "step", "train", "test", "fitted", "grokked"]]
    for name, standing in zip(names, standings, strict=True):
        numbers = [standing.step, standing.train, standing.test, standing.fitted, standing.grokked]
        rows.append([name, standing.state, *map(cell, numbers)])
    answer("\n".join(on_screen(rows)))
    for standing in standings:
        if standing.said and standing.state not in (QUEUED, RUNNING):
            answer(f"{standing.member} {standing.state}: {standing.said}" + (f" ({Path(workdir) / standing.log})" if standing.log else ""))
    headlines = {standing.headline.replace("_", " ") for standing in standings}
    answer(f"train and test: {' or '.join(sorted(headlines))}; all columns: {Path(workdir) / TABLE}")


class Screen:
    """Shows on standard error a line for every member that ends, and below how far the sweep is."""

    def __init__(self) -> None:
        self.standings: Standings | None = None
        self._progress = SweepProgress()

    def __call__(self, standings: Standings) -> None:
        """Shows how the members stand now."""
        self.standings = standings
        for standing in standings.news:
            if standing.state in ENDED:
                self._say(standing)
        self._progress(standings)

    def close(self) -> None:
        """Leaves the bar on the screen as it is."""
        self._progress.close()

    def _say(self, standing: Standing) -> None:
        self._progress.clear()
        done = f": {standing.said}" if standing.said else "" if standing.test is None else f", test {standing.test:.4g}"
        done += "" if standing.grokked is None else f", grokked at step {standing.grokked:,}"
        log.info("%s %s%s", standing.member, standing.state, done)
