"""What the files of a run are called, how a session says that it ended, and the rows of metrics.jsonl."""

import math
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from framework.errors import Damage
from framework.storage import IN_THE_WAY, parse_json, read_each_line, read_json

CONFIG, ENVIRONMENT, METRICS, LOCK = "config.json", "environment.json", "metrics.jsonl", "LOCK"

COMPLETE = "complete"  # why a session ended that reached the last step
STOPPED = "stop_when: "  # so begins the reason of one that ended before, because stop_when held
KILLED = "killed, or still running"  # the reason until a session says another

NONFINITE, FAILURES = "nonfinite", "failed"  # in a row: column → which number JSON cannot hold; probe → why it has no columns here
NOTES = (NONFINITE, FAILURES)  # what in a row is no column

NONE = type(None)
# What readers of environment.json rely on: the kinds of its facts, and of what it says of each session.
FACTS = {"bits_depend_on": (dict, NONE), "headline": (str, NONE), "examples": (dict, NONE), "data": (str, NONE)}
OF_A_SESSION: dict[str, tuple[type, ...]] = {"reason": (str,), "at_step": (int, NONE), "seconds": (dict, NONE)}
MOST_STEPS = 2**63
MOST_SECONDS = 1e12  # 30,000 years

NOT_JSON = object()
LINE_BREAK = b"\n"
NUMBERS = {int, float, bool, NONE}  # the types of what a row holds, its notes aside


def read_lines(path: Path) -> tuple[list[dict[str, Any]], bool]:
    """(rows of metrics.jsonl, whether its last line was torn by a crash). Raises Damage for any other bad line, OSError."""
    if not os.path.lexists(path):
        return [], False
    rows: list[dict[str, Any]] = []
    torn = False
    try:
        for line, last in read_each_line(path):
            row = _parsed(line)
            torn = not line.endswith(b"\n")
            if _follows(row, rows):
                rows.append(row)
            elif last and (torn or row is NOT_JSON):
                return rows, True
            else:
                why = "not JSON" if row is NOT_JSON else "no row"
                raise Damage(f"{path}, line {len(rows) + 1} is {why}: {line.rstrip(LINE_BREAK)[:80]!r}", path.parent)
    except OSError as error:
        if error.errno not in IN_THE_WAY and not path.is_symlink():
            raise
        why = IN_THE_WAY.get(error.errno or 0, "a symbolic link that leads nowhere is in its place")
        raise Damage(f"{path}: {why}", path.parent) from None
    return rows, torn


def sound_lines(path: Path) -> list[str]:
    """The lines of metrics.jsonl before the first that holds no row."""
    rows, lines = list[dict[str, Any]](), list[str]()
    for line, _ in read_each_line(path):
        row = _parsed(line)
        if not _follows(row, rows):
            break
        rows = [row]
        lines.append(line.rstrip(LINE_BREAK).decode("utf-8-sig"))
    return lines


def read_environment(path: Path) -> dict[str, Any]:
    """What environment.json says: nothing where there is none. Raises OSError, and ValueError where a session could not have written it."""
    if not os.path.lexists(path):
        return {"sessions": []}
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("sessions"), list):
        raise ValueError("it holds no sessions")
    for name, kinds in FACTS.items():
        if not isinstance(content.get(name), kinds):
            raise ValueError(f"{name} is {content[name]!r:.40}")
    for number, session in enumerate(content["sessions"], 1):
        if wrong := _wrong_in(session):
            raise ValueError(f"of session {number}, {wrong}")
    return content


def _wrong_in(session: Any) -> str:
    """What of a session no session writes; nothing where all is sound."""
    if not isinstance(session, dict):
        return f"nothing is said but {session!r:.40}"
    try:
        datetime.fromisoformat(session["start"]).timestamp()
    except (LookupError, TypeError, ValueError, OverflowError):
        return "the start is no date"
    for name, kinds in OF_A_SESSION.items():
        if not isinstance(session.get(name), kinds) or isinstance(session.get(name), bool):
            return f"{name} is {session.get(name)!r:.40}"
    spent = (session.get("seconds") or {}).values()
    return "" if all(type(one) in (int, float) and abs(one) < MOST_SECONDS for one in spent) else "seconds are no numbers of a session"


def _follows(row: Any, rows: list[dict[str, Any]]) -> bool:
    """Whether this is a row, of a later step than those before it."""
    return is_row(row) and not (rows and row["step"] <= rows[-1]["step"])


def is_row(row: Any) -> bool:
    """Whether this is what is recorded at an event: a step, numbers that are finite, and words in `nonfinite` and `failed`."""
    if not isinstance(row, dict) or type(row.get("step")) is not int or not 0 <= row["step"] < MOST_STEPS:
        return False
    numbers, notes = [value for name, value in row.items() if name not in NOTES], [row[name] for name in NOTES if name in row]
    if not {*map(type, numbers)} <= NUMBERS or not all(isinstance(note, dict) and {*map(type, note.values())} <= {str} for note in notes):
        return False
    try:
        return type(row.get("seconds", 0.0)) in (int, float) and all(map(math.isfinite, [value for value in numbers if value is not None]))
    except OverflowError:  # an integer that is greater than any float
        return False


def _parsed(line: bytes) -> Any:
    """What a line of JSON holds; NOT_JSON where it is none."""
    try:
        return parse_json(line)
    except ValueError:
        return NOT_JSON
