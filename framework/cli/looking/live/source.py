"""What is watched: a run, a sweep, or a folder in which nothing is yet."""

import math
import os
from pathlib import Path

from rich.text import Text

from framework.cli.looking.live import of_run, of_sweep
from framework.cli.looking.live.words import broken, printable
from framework.errors import UserError, did_you_mean
from framework.records import CONFIG, TABLE
from framework.records.live import MISSING, LiveRun, LiveSweep
from framework.storage import is_folder

LOOKALIKES = 200  # folders beside it among which one that may be meant is looked for


class Source:
    """A folder and what turns out to be in it; that is decided by the first look that finds something."""

    def __init__(self, folder: Path):
        """Raises UserError where that is a file."""
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder} is a file, not a folder with a run or a sweep")
        self._folder = folder
        self._run, self._sweep = LiveRun(folder), LiveSweep(folder)
        self.is_run = self.is_sweep = self._was_there = False

    def look(self, seconds: float = math.inf) -> None:
        """Reads what has changed. seconds: for how long it may search for runs, and then read new ones; the next look goes on."""
        if not self.is_sweep:
            self.is_run = self.is_run or os.path.lexists(self._folder / CONFIG)
        if self.is_run:
            self._run.look()
            return
        if not os.path.isdir(self._folder):  # nor is it known any more what was there
            self._sweep, self.is_sweep = LiveSweep(self._folder), False
        else:
            self._sweep.look(seconds)
            self.is_sweep = bool(self._sweep.members) or os.path.lexists(self._folder / TABLE)
            self._was_there |= self.is_sweep

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come: everything has finished, or has failed."""
        return self._run.state in ("finished", "failed") if self.is_run else self._sweep.is_over

    @property
    def why_nothing(self) -> str:
        """In a sentence, that there is neither a run nor a sweep; empty where there is one."""
        if self.is_run or self.is_sweep:
            return f"{self._folder} does not exist any more" if self.is_run and self._run.state == MISSING else ""
        if os.path.isdir(self._folder):
            searching = ", as far as it has been searched: the folder is large" if self._sweep.is_partial else ""
            return f"no run is in or below {self._folder} yet{searching}"
        if self._was_there:
            return f"{self._folder} does not exist any more"
        return f"{self._folder} does not exist yet.{did_you_mean(self._folder.name, self._beside())}".removesuffix(".")

    def screen(self, width: int, height: int, ascii_only: bool) -> list[Text]:
        """Lines of at most so many characters, at most so many."""
        if why := self.why_nothing:
            return [*broken(why, width), *broken("Waiting for it: it is shown as soon as somebody trains there.", width, "dim")][:height]
        if self.is_run:
            return of_run.screen(self._run, width, height, ascii_only)
        return of_sweep.screen(self._sweep, width, height, ascii_only)

    def line(self, width: int) -> str:
        """How it stands, in one line."""
        if why := self.why_nothing:
            return printable(why)
        shown, view = (self._run, of_run) if self.is_run else (self._sweep, of_sweep)
        parts = [*view.title(shown, width), *view.progress(shown, width, True)[:1]]  # type: ignore[attr-defined]
        return "  ".join(part.plain for part in parts)

    def _beside(self) -> list[str]:
        try:
            with os.scandir(self._folder.parent) as entries:
                return [entry.name for entry, _ in zip(entries, range(LOOKALIKES), strict=False) if is_folder(entry)]
        except OSError:
            return []
