"""Square tables of the numbers 0 … m−1: tasks that ask for their entries, laws that they obey, files that hold them."""

import abc
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from framework import Sizes, Split, Task
from framework.storage import read_json, read_npy, read_text

Table = Int[np.ndarray, "m m"]
LARGEST = 11_585  # rows: 2^27 pairs
SUFFIXES = (".csv", ".txt", ".npy", ".json")


@dataclass(frozen=True, kw_only=True)
class TableTask(Task):
    """Two elements in, the entry of a table out: all m² pairs in lexicographic order, inputs int32 [m², 2]."""

    @property
    @abc.abstractmethod
    def table(self) -> Table:
        """[x, y]: the answer, int32 [m, m]."""

    @property
    def elements(self) -> int:
        """m, which some tables know before they are made."""
        return len(self.table)

    @property
    def sizes(self) -> Sizes:
        """Two tokens, m values, m outputs."""
        return Sizes(tokens=2, values=self.elements, outputs=self.elements)

    def population(self) -> Split:
        """All pairs of elements in lexicographic order."""
        table = self.table
        x, y = np.divmod(np.arange(table.size), len(table))
        return Split(jnp.asarray(np.stack([x, y], axis=1), jnp.int32), jnp.asarray(table.reshape(-1), jnp.int32))


def is_latin_square(table: Table) -> bool:
    """Whether every element occurs once in each row and once in each column."""
    m = np.arange(len(table))
    return bool(np.all(np.sort(table, axis=1) == m) and np.all(np.sort(table, axis=0) == m[:, None]))


def is_associative(table: Table) -> bool:
    """Whether (x y) z = x (y z) for all x, y, z: m³ products, row by row."""
    return all(np.array_equal(table[row], row[table]) for row in table)


def read_table(path: Path) -> Table:
    """The table of a .csv or .txt file (commas or blanks between numbers, # begins a comment), .npy or .json file.

    Raises ValueError with a sentence naming row, column and value, counted from 0, where it is not a table with entries
    0 … m−1; OSError where the file cannot be read.
    """
    rows = _rows(path)
    m = len(rows)
    if not 1 <= m <= LARGEST:
        raise ValueError(f"has {m:,} rows; there must be between 1 and {LARGEST:,}")
    for i, row in enumerate(rows):
        if len(row) != m:
            raise ValueError(f"row {i} has {len(row)} entries; the table has {m} rows, so that each must have {m}")
    return np.array([[_entry(value, i, j, m) for j, value in enumerate(row)] for i, row in enumerate(rows)], np.int32)


def _rows(path: Path) -> list[list]:
    if path.suffix == ".npy":
        array = read_npy(path)
        if np.ndim(array) != 2:
            raise ValueError(f"holds an array with {np.ndim(array)} axes; a table has 2")
        return array.tolist()
    if path.suffix == ".json":
        rows = read_json(path)
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise ValueError("holds no list of rows, such as [[0, 1], [1, 0]]")
        return rows
    if path.suffix in (".csv", ".txt"):
        lines = [line.partition("#")[0].replace(",", " ").split() for line in read_text(path).splitlines()]
        return [line for line in lines if line]
    raise ValueError(f"must end in one of {', '.join(SUFFIXES)}")


def _entry(value: object, row: int, column: int, m: int) -> int:
    try:
        number = int(value) if not isinstance(value, bool) else -1  # type: ignore[call-overload]
        fits = 0 <= number < m and (isinstance(value, str) or number == value)
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        raise ValueError(f"row {row}, column {column} holds {value!r}; with {m} rows, entries are 0 … {m - 1}")
    return number
