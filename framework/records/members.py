"""Members of a sweep that have no run: they would be missing from a table without a word, though they may be the ones that failed."""

import csv
import io
from collections.abc import Container
from pathlib import Path

from framework.errors import StorageError
from framework.storage import read_text, storage

TABLE = "sweep.csv"


def without_a_run(folder: str, there: Container[str]) -> dict[str, str]:
    """Folder → how its member stands, by the table of a sweep, of those that have not made it. there: the folders that are."""
    try:
        rows = [row for row in read_table(Path(folder)) if row["member"] not in there]
    except StorageError as error:
        return {str(Path(folder, TABLE)): str(error)}
    except csv.Error as error:
        return {str(Path(folder, TABLE)): f"is no table: {error}; `whygrok sweep` writes it anew"}
    return {str(Path(folder, row["member"])): f"has no run: {_state(row)}" for row in rows}


def read_table(folder: Path) -> list[dict[str, str]]:
    """The rows of a sweep's table, one per member. Raises StorageError, and csv.Error where it is none."""
    with storage("reading", folder / TABLE):
        text = read_text(folder / TABLE, errors="replace")
    return [row for row in csv.DictReader(io.StringIO(text, newline="")) if row.get("member")]


def _state(row: dict[str, str]) -> str:
    return ": ".join(filter(None, (row.get("state"), row.get("said")))) or "the table does not say how it stands"
