"""What the table of a sweep says of its members: which fields it changes, and which members have no run, which others would not miss."""

import csv
import io
from collections.abc import Container
from pathlib import Path

from framework.errors import StorageError
from framework.storage import read_text, storage

TABLE = "sweep.csv"
STATE = "state"  # the first column that is no field of the config


def without_a_run(folder: str, there: Container[str]) -> dict[str, str]:
    """Folder → how its member stands, by the table of a sweep, of those that have not made it. there: the folders that are."""
    try:
        rows = [row for row in read_table(Path(folder)) if row["member"] not in there]
    except StorageError as error:
        return {str(Path(folder, TABLE)): str(error)}
    except csv.Error as error:
        return {str(Path(folder, TABLE)): f"is no table: {error}; `whygrok sweep` writes it anew"}
    return {str(Path(folder, row["member"])): f"has no run: {_state(row)}" for row in rows}


def fields_of_sweep(folder: Path, member: str) -> list[str] | None:
    """The fields that a sweep changes, by its table; None where the folder holds no sweep with this member."""
    if not Path(folder, "configs", f"{member}.json").is_file():
        return None
    try:
        head = next(csv.reader(io.StringIO(read_text(Path(folder, TABLE), errors="replace"), newline="")), [])
    except (OSError, csv.Error):
        return None
    return head[1 : head.index(STATE)] if head[:1] == ["member"] and STATE in head else None


def read_table(folder: Path) -> list[dict[str, str]]:
    """The rows of a sweep's table, one per member. Raises StorageError, and csv.Error where it is none."""
    with storage("reading", folder / TABLE):
        text = read_text(folder / TABLE, errors="replace")
    return [row for row in csv.DictReader(io.StringIO(text, newline="")) if row.get("member")]


def _state(row: dict[str, str]) -> str:
    return ": ".join(filter(None, (row.get("state"), row.get("said")))) or "the table does not say how it stands"
