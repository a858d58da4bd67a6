"""The Cayley tables of symmetric and dihedral groups: element x times element y is table[x, y]."""

import itertools

import numpy as np
from jaxtyping import Int

from plugins.mathematics.tables import Table


def permutations(n: int, even_only: bool = False) -> Int[np.ndarray, "m n"]:
    """The permutations of 0 … n−1 as rows (x(0), …, x(n−1)) in lexicographic order, the identity first."""
    rows = np.array(list(itertools.permutations(range(n))), np.int8)
    if even_only:
        inversions = sum(rows[:, i] > rows[:, j] for i, j in itertools.combinations(range(n), 2))
        rows = rows[inversions % 2 == 0]
    return rows


def permutation_table(rows: Int[np.ndarray, "m n"]) -> Table:
    """[x, y]: the number of xy, (xy)(i) = x(y(i)), for permutations in lexicographic order that are closed under it."""
    places = rows.shape[1] ** np.arange(rows.shape[1] - 1, -1, -1)
    numbers = rows @ places  # ascending, since the rows are in lexicographic order
    return np.stack([np.searchsorted(numbers, x[rows] @ places) for x in rows]).astype(np.int32)


def dihedral_table(n: int) -> Table:
    """[x, y] for the 2n symmetries of the n-gon: number i is r^i, number n + i is r^i s, with r^n = s² = 1, s r = r^{−1} s."""
    x = np.arange(2 * n)
    turn, flip = x % n, x // n
    turns = (turn[:, None] + np.where(flip[:, None], -1, 1) * turn) % n
    return (turns + n * (flip[:, None] ^ flip)).astype(np.int32)


def conjugation(table: Table, inverse_last: bool) -> Table:
    """[x, y]: x y x^{−1} in a group whose identity is number 0; without inverse_last x y x."""
    last = np.argmin(table, axis=1) if inverse_last else np.arange(len(table))
    return table[table, last[:, None]]
