"""A polynomial of the tokens mod p, written as a formula."""

import ast
from dataclasses import dataclass

from jaxtyping import Array, Int

from framework import field, register
from framework.errors import FieldError
from framework.fields import without
from plugins.mathematics.modular import ResidueTask
from plugins.mathematics.polynomials import evaluate_polynomial, parse_polynomial, variables_of


@register("modular_polynomial")
@dataclass(frozen=True, kw_only=True)
class ModularPolynomial(ResidueTask):
    """c = P(a, b, …) mod p, over all tuples of residues; each variable of the formula is a token, in alphabetical order.

    Examples: a^2+b^2, a^2+a*b+b^2, a^2+a*b+b^2+a, a^3+a*b, a^3+a*b^2+b (Power et al. 2022, arXiv 2201.02177, p = 97);
    (4*a+b^2)^3, a function of a sum, is learnable, with +a*b it is not (Doshi et al. 2024, arXiv 2406.03495). Answers need
    not be equally frequent: compare accuracy with the most frequent one. Any modulus, exact at every step.
    Inputs int32 [n, k], targets int32 [n]. Raises FieldError for a formula that is not understood.
    """

    k: int = without(0)  # the formula says how many tokens there are
    expression: str = field("a^2+b^2", "the polynomial: variables a … z, integers, + - * ^ and parentheses")

    def __post_init__(self) -> None:
        """Also reads the formula."""
        super().__post_init__()
        _ = self._tree

    @property
    def smallest(self) -> tuple[int, ...]:
        """0 for each variable."""
        return (0,) * len(variables_of(self._tree))

    def answers(self, inputs: Int[Array, "n k"]) -> Int[Array, " n"]:
        """P(a, b, …) mod p."""
        return evaluate_polynomial(self._tree, dict(zip(variables_of(self._tree), inputs.T, strict=True)), self.p)

    @property
    def _tree(self) -> ast.expr:
        try:
            return parse_polynomial(self.expression)
        except ValueError as error:
            raise FieldError("expression", self.expression, str(error)) from None
