"""Cayley tables: element x times element y is table[x, y]. Every pair of a table is an example of a task."""

import itertools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from framework import Split

Table = Int[np.ndarray, "m m"]


def table_population(table: Table) -> Split:
    """All m² pairs in lexicographic order, inputs int32 [m², 2], and what the table says of each, int32 [m²]."""
    x, y = np.divmod(np.arange(table.size), len(table))
    return Split(jnp.asarray(np.stack([x, y], axis=1), jnp.int32), jnp.asarray(table.reshape(-1), jnp.int32))


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


def is_latin_square(table: Table) -> bool:
    """Whether every element is once in each row and once in each column."""
    m = np.arange(len(table))
    return bool(np.all(np.sort(table, axis=1) == m) and np.all(np.sort(table, axis=0) == m[:, None]))


def is_associative(table: Table) -> bool:
    """Whether (x y) z = x (y z) for all x, y, z: m³ products, row by row."""
    return all(np.array_equal(table[row], row[table]) for row in table)
