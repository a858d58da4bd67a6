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
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(json.loads(line.decode()))
        except ValueError:
            if number == len(lines) and not tail:
                return rows, True
            raise StorageError(f"{path}, line {number} is not JSON: {line[:80]!r}") from None
        if not isinstance(rows[-1], dict):
            raise StorageError(f"{path}, line {number} is no row: {line[:80]!r}")
    with contextlib.suppress(ValueError):
        rows += [json.loads(tail)] if tail else []  # only its newline is missing
    return rows, bool(tail)


def sound_lines(path: Path) -> list[str]:
    """The lines of metrics.jsonl before the first that holds no row."""
    lines: list[str] = []
    for line in path.read_bytes().split(b"\n"):
        try:
            if not isinstance(json.loads(line)["step"], int):
                break
        except (ValueError, KeyError, TypeError):
            break
        lines.append(line.decode())
    return lines
