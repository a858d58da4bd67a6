"""The progress bar: step, rate, time left, and the accuracies of the last row."""

import sys
from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

_SHOWN = {"train": ("train/pair_accuracy", "train/accuracy"), "test": ("test/pair_accuracy", "test/accuracy")}


class Progress:
    """A bar on standard error."""

    def __init__(self, steps: int):
        self._steps = steps
        self._bar: Any = None

    def start(self, step: int, rows: Sequence[dict[str, Any]]) -> None:
        """Shows the bar, beginning at a restored step."""
        # On a terminal the bar moves; in a log file a line every ten seconds is enough.
        interval = 0.2 if sys.stderr.isatty() else 10.0
        self._bar = tqdm(total=self._steps, initial=step, unit="step", dynamic_ncols=True, mininterval=interval, file=sys.stderr)
        for row in rows[-1:]:
            self.row(row)

    def step(self, step: int) -> None:
        """Moves the bar to a step."""
        if self._bar is not None:
            self._bar.update(step - self._bar.n)

    def row(self, row: dict[str, Any]) -> None:
        """Shows the accuracies of a row."""
        if self._bar is not None:
            shown = {name: next((row[c] for c in columns if row.get(c) is not None), None) for name, columns in _SHOWN.items()}
            text = ", ".join(f"{name} {value:.3f}" for name, value in shown.items() if value is not None)
            self._bar.set_postfix_str(text, refresh=False)

    def close(self) -> None:
        """Leaves the bar on the screen as it is."""
        if self._bar is not None:
            self._bar.close()
