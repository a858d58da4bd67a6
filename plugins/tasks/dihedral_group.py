"""Multiplication of the symmetries of a regular polygon."""

from dataclasses import dataclass

from framework import Sizes, Split, Task, field, register
from plugins.tasks.groups import dihedral_table, table_population


@register("dihedral_group")
@dataclass(frozen=True, kw_only=True)
class DihedralGroup(Task):
    """x y in the dihedral group of the n-gon, 2n elements (Chughtai et al. 2023, arXiv 2302.03025, with n = 59).

    Element i < n is the rotation r^i, element n + i the reflection r^i s; r^n = s² = 1 and s r = r^{−1} s.
    Inputs int32 [4n², 2], targets int32 [4n²].
    """

    n: int = field(59, "corners: half the number of elements", at_least=1, at_most=5_000)

    @property
    def sizes(self) -> Sizes:
        """Two tokens, 2n values, 2n outputs."""
        return Sizes(tokens=2, values=2 * self.n, outputs=2 * self.n)

    def population(self) -> Split:
        """All pairs of elements in lexicographic order."""
        return table_population(dihedral_table(self.n))
