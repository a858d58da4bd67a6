"""What a shell, a notebook or a cluster has set and no command of ours may depend on: put right before anything else is imported."""

import contextlib
import io
import logging
import os
import sys
import warnings


def put_right() -> str | None:
    """Settles standard streams, warnings and matplotlib's back end for this process and its children; a sentence where that cannot be."""
    if sys.flags.optimize > 1:
        return "python -OO (PYTHONOPTIMIZE=2) removes the docstrings from which whygrok explains plugins: use -O, or unset PYTHONOPTIMIZE"
    _open_standard_streams()
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = Forgiving(sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # another kind of stream
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    os.environ["MPLBACKEND"] = "agg"  # commands write files: that of a notebook, or of a window system, may not be there
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # without a home it says at length where it keeps its fonts
    if any(option.partition(":")[0] == "error" for option in sys.warnoptions):
        warnings.simplefilter("default")  # they are shown; were they errors, any new version of a library could end a run
    return None


class Forgiving(io.TextIOWrapper):
    """Standard error, on a disk that may be full or to a reader that may have gone: what cannot be said there ends no run."""

    def __init__(self, before: io.TextIOWrapper):
        """before: the stream of the same descriptor, which it would close if nobody held it."""
        self._before = before
        super().__init__(os.fdopen(before.fileno(), "wb", closefd=False), encoding=before.encoding, line_buffering=True)

    def write(self, text: str) -> int:
        """Writes what it can."""
        with contextlib.suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Writes what it can."""
        with contextlib.suppress(OSError):
            super().flush()


def _open_standard_streams() -> None:
    """A stream that is closed, as in `whygrok list >&-`, goes nowhere; else the next file to be opened would take its place."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w", buffering=1, closefd=False)
