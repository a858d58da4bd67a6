"""The irreducible representations of symmetric, alternating and dihedral groups, as real orthogonal matrices."""

import functools
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from plugins.mathematics.groups import permutations

Representation = Float[np.ndarray, "_ _ _"]  # [m, d, d] for m elements; each has its own d


def irreducible(n: int) -> list[Representation]:
    """One array [n!, d, d] for each partition of n, the trivial one first; permutations as in `plugins.mathematics.groups`.

    Young's orthogonal form: standard tableaux are the basis, and the exchange of i and i + 1, which lie r diagonals apart,
    keeps 1/r of a tableau and moves √(1 − 1/r²) of it to the one with i and i + 1 exchanged (James and Kerber 1981).
    """
    return [_of_all(n, list(_tableaux(shape, n))) for shape in _partitions(n, n)]


@functools.lru_cache(maxsize=8)
def symmetric(n: int) -> dict[str, Representation]:
    """Those of `irreducible` by their partitions, from "(3)" to "(1,1,1)"."""
    return {_named(shape): R for shape, R in zip(_partitions(n, n), irreducible(n), strict=True)}


@functools.lru_cache(maxsize=8)
def alternating(n: int) -> dict[str, Representation]:
    """Those of A_n that are irreducible over ℝ, one for a partition and its conjugate; one that is its own conjugate may split in two.

    Where it does not, the halves are complex conjugates of each other, as for (2,1) of A_3 and (2,2) of A_4.
    """
    found: dict[str, Representation] = {}
    whole = symmetric(n)
    even = whole[_named((1,) * n)][:, 0, 0] > 0
    for shape in _partitions(n, n):
        conjugate = tuple(sum(row > i for row in shape) for i in range(shape[0]))
        parts = [whole[_named(shape)][even]] if shape >= conjugate else []
        if shape == conjugate:
            parts = _halves(*parts)
        found |= {_named(shape) + sign: R for sign, R in zip("+-" if len(parts) == 2 else [""], parts, strict=False)}
    return found


def dihedral(n: int) -> dict[str, Representation]:
    """Of the symmetries of the n-gon, elements as in `dihedral_table`: r^i ↦ rotation by 2πfi/n, s ↦ diag(1, −1) in "Ef".

    A1 is trivial, A2 is −1 at reflections; for even n, B1 and B2 are (−1)^i at r^i, and (−1)^i or −(−1)^i at r^i s.
    """
    i, flip = np.arange(2 * n) % n, np.arange(2 * n) >= n
    signs = {"A1": np.ones(2 * n), "A2": np.where(flip, -1.0, 1.0)}
    signs |= {"B1": (-1.0) ** i, "B2": (-1.0) ** (i + flip)} if n % 2 == 0 else {}
    found = {name: values[:, None, None] for name, values in signs.items()}
    for f in range(1, (n + 1) // 2):
        c, s = np.cos(2 * np.pi * f * i / n), np.sin(2 * np.pi * f * i / n)
        second = np.where(flip, -1, 1)
        found[f"E{f}"] = np.stack([np.stack([c, -s * second], axis=1), np.stack([s, c * second], axis=1)], axis=1)
    return found


def _halves(R: Representation) -> list[Representation]:
    """Its irreducible parts over ℝ: spaces on which a symmetric matrix that commutes with all R(x) is constant."""
    matrix = np.random.default_rng(0).normal(size=R.shape[1:])
    sizes, vectors = np.linalg.eigh(np.einsum("xij,jk,xlk->il", R, matrix + matrix.T, R) / len(R))
    cuts = np.flatnonzero(np.diff(sizes) > 1e-9 * np.max(np.abs(sizes))) + 1
    return [part.T @ R @ part for part in np.split(vectors, cuts, axis=1)]


def _named(shape: tuple[int, ...]) -> str:
    return f"({','.join(map(str, shape))})"


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
