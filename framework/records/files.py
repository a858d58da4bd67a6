"""What the files of a run are called, how a session says that it ended, and the rows of metrics.jsonl."""

import json
from pathlib import Path
from typing import Any

from framework.errors import StorageError

CONFIG, ENVIRONMENT, METRICS, LOCK = "config.json", "environment.json", "metrics.jsonl", "LOCK"

COMPLETE = "complete"  # why a session ended that reached the last step
STOPPED = "stop_when: "  # so begins the reason of one that ended before, because stop_when held
KILLED = "killed, or still running"  # the reason until a session says another

NONFINITE, FAILURES = "nonfinite", "failed"  # in a row: column → which number JSON cannot hold; probe → why it has no columns here
NOTES = (NONFINITE, FAILURES)  # what in a row is no column

NOT_JSON = object()


def read_lines(path: Path) -> tuple[list[dict[str, Any]], bool]:
    """(rows of metrics.jsonl, whether its last line was torn by a crash). Raises StorageError for any other bad line."""
    if path.is_dir():
        raise StorageError(f"{path} is a folder, in the place of a file")
    if not path.is_file():
        return [], False
    *lines, tail = path.read_bytes().split(b"\n")
    rows = _rows([*lines, tail])
    if len(rows) < len(lines):
        line = lines[len(rows)]
        is_json = _parsed(line) is not NOT_JSON
        if not is_json and len(rows) == len(lines) - 1 and not tail:
            return rows, True
        raise StorageError(f"{path}, line {len(rows) + 1} is {'no row' if is_json else 'not JSON'}: {line[:80]!r}")
    return rows, bool(tail)


def sound_lines(path: Path) -> list[str]:
    """The lines of metrics.jsonl before the first that holds no row."""
    lines = path.read_bytes().split(b"\n")
    return [line.decode() for line in lines[: len(_rows(lines))]]


def _rows(lines: list[bytes]) -> list[dict[str, Any]]:
    """The rows before the first line that holds none, or not one of a later step than those before it."""
    rows: list[dict[str, Any]] = []
    for line in lines:
        row = _parsed(line)
        step = row.get("step") if isinstance(row, dict) else None
        if not isinstance(row, dict) or not isinstance(step, int) or isinstance(step, bool) or (rows and step <= rows[-1]["step"]):
            break
        rows.append(row)
    return rows


def _parsed(line: bytes) -> Any:
    """What a line of JSON holds; NOT_JSON where it is none."""
    try:
        return json.loads(line.decode())
    except (ValueError, RecursionError):
        return NOT_JSON
