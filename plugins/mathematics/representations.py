"""The irreducible representations of the symmetric groups, as real orthogonal matrices."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from plugins.mathematics.groups import permutations

Representation = Float[np.ndarray, "_ _ _"]  # [n!, d, d]; each has its own d


def irreducible(n: int) -> list[Representation]:
    """One array [n!, d, d] for each partition of n, the trivial one first; permutations as in `plugins.mathematics.groups`.

    Young's orthogonal form: standard tableaux are the basis, and the exchange of i and i + 1, which lie r diagonals apart,
    keeps 1/r of a tableau and moves √(1 − 1/r²) of it to the one with i and i + 1 exchanged (James and Kerber 1981).
    """
    return [_of_all(n, list(_tableaux(shape, n))) for shape in _partitions(n, n)]


def _of_all(n: int, tableaux: list[tuple[int, ...]]) -> Representation:
    exchanges, found = [_exchange(i, tableaux) for i in range(n - 1)], []
    for permutation in permutations(n).tolist():
        matrix = np.eye(len(tableaux))
        for _ in range(n):  # bubble sort: x s_i … s_j = 1 gives x = s_j … s_i
            for i in range(n - 1):
                if permutation[i] > permutation[i + 1]:
                    permutation[i], permutation[i + 1] = permutation[i + 1], permutation[i]
                    matrix = exchanges[i] @ matrix
        found.append(matrix)
    return np.array(found)


def _exchange(i: int, tableaux: list[tuple[int, ...]]) -> Float[np.ndarray, "d d"]:
    """A tableau is the row of each of its numbers; a number's column is how many before it are in its row."""
    matrix = np.zeros((len(tableaux),) * 2)
    for column, rows in enumerate(tableaux):
        diagonals = [rows[:j].count(rows[j]) - rows[j] for j in (i, i + 1)]
        kept = 1 / (diagonals[1] - diagonals[0])
        matrix[column, column] = kept
        moved = (*rows[:i], rows[i + 1], rows[i], *rows[i + 2 :])
        if abs(kept) < 1:
            matrix[tableaux.index(moved), column] = np.sqrt(1 - kept**2)
    return matrix


def _partitions(n: int, largest: int) -> Iterator[tuple[int, ...]]:
    if n == 0:
        yield ()
    for first in range(min(n, largest), 0, -1):
        for rest in _partitions(n - first, first):
            yield (first, *rest)


def _tableaux(shape: tuple[int, ...], n: int) -> Iterator[tuple[int, ...]]:
    """Numbers are taken away from the largest on, from rows that end at a corner."""
    if n == 0:
        yield ()
        return
    for row, length in enumerate(shape):
        if length > (shape[row + 1] if row + 1 < len(shape) else 0):
            left = (*shape[:row], length - 1, *shape[row + 1 :])
            for before in _tableaux(left, n - 1):
                yield (*before, row)
