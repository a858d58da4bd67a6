"""What the files of a run are called, how a session says that it ended, and the rows of metrics.jsonl."""

import contextlib
import json
from pathlib import Path
from typing import Any

from framework.errors import StorageError

CONFIG, ENVIRONMENT, METRICS, LOCK = "config.json", "environment.json", "metrics.jsonl", "LOCK"

COMPLETE = "complete"  # why a session ended that reached the last step
STOPPED = "stop_when: "  # so begins the reason of one that ended before, because stop_when held
KILLED = "killed, or still running"  # the reason until a session says another


def read_lines(path: Path) -> tuple[list[dict[str, Any]], bool]:
    """(rows of metrics.jsonl, whether its last line was torn by a crash). Raises StorageError for any other bad line."""
    if path.is_dir():
        raise StorageError(f"{path} is a folder, in the place of a file")
    if not path.is_file():
        return [], False
    *lines, tail = path.read_bytes().split(b"\n")
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line.decode())
        except (ValueError, RecursionError):
            if number == len(lines) and not tail:
                return rows, True
            raise StorageError(f"{path}, line {number} is not JSON: {line[:80]!r}") from None
        if not _follows(rows, row):
            raise StorageError(f"{path}, line {number} is no row: {line[:80]!r}")
        rows.append(row)
    with contextlib.suppress(ValueError):
        if tail and _follows(rows, row := json.loads(tail)):
            rows.append(row)  # only its newline is missing
    return rows, bool(tail)


def sound_lines(path: Path) -> list[str]:
    """The lines of metrics.jsonl before the first that holds no row."""
    lines: list[str] = []
    rows: list[dict[str, Any]] = []
    for line in path.read_bytes().split(b"\n"):
        try:
            row = json.loads(line.decode())
        except (ValueError, RecursionError):
            break
        if not _follows(rows, row):
            break
        rows.append(row)
        lines.append(line.decode())
    return lines


def _follows(rows: list[dict[str, Any]], row: Any) -> bool:
    """Whether it is a row of a later step than those before it."""
    step = row.get("step") if isinstance(row, dict) else None
    return isinstance(step, int) and not isinstance(step, bool) and (not rows or step > rows[-1]["step"])
