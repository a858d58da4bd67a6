"""Members of a sweep that have no run: they would be missing from a table without a word, though they may be the ones that failed."""

import csv
from collections.abc import Container
from pathlib import Path

from framework.errors import StorageError
from framework.storage import storage

TABLE = "sweep.csv"


def without_a_run(folder: str, there: Container[str]) -> dict[str, str]:
    """Folder → how its member stands, by the table of a sweep, of those that have not made it. there: the folders that are."""
    try:
        with storage("reading", Path(folder, TABLE)), open(Path(folder, TABLE), newline="", encoding="utf-8", errors="replace") as file:
            rows = [row for row in csv.DictReader(file) if row.get("member") and row["member"] not in there]
    except StorageError as error:
        return {str(Path(folder, TABLE)): str(error)}
    return {str(Path(folder, row["member"])): f"has no run: {_state(row)}" for row in rows}


def _state(row: dict[str, str]) -> str:
    return ": ".join(filter(None, (row.get("state"), row.get("said"))))
