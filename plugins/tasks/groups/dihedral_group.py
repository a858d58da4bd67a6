"""Multiplication of the symmetries of a regular polygon."""

from dataclasses import dataclass

import numpy as np

from framework import Group, field, register
from plugins.mathematics.groups import dihedral_table
from plugins.mathematics.representations import dihedral
from plugins.mathematics.tables import Table, TableTask


@register("dihedral_group")
@dataclass(frozen=True, kw_only=True)
class DihedralGroup(TableTask):
    """x y in the dihedral group of the n-gon, 2n elements (Chughtai et al. 2023, arXiv 2302.03025, with n = 59).

    Element i < n is the rotation r^i, element n + i the reflection r^i s; r^n = s² = 1 and s r = r^{−1} s.
    Inputs int32 [4n², 2], targets int32 [4n²].
    """

    n: int = field(59, "number of corners: half the number of elements", at_least=1, at_most=5_000)

    @property
    def elements(self) -> int:
        """2n."""
        return 2 * self.n

    @property
    def table(self) -> Table:
        """Rotations first."""
        return dihedral_table(self.n)

    def group(self) -> Group:
        """Its representations A1, A2, for even n B1, B2, and E1 … of dimension 2."""
        return Group(np.arange(self.elements), self.table, dihedral(self.n), "a b c⁻¹")
