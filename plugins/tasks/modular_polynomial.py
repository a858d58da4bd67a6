"""A polynomial of the tokens mod p, written as a formula."""

import ast
from dataclasses import dataclass

from framework import Sizes, Split, Task, field, register
from framework.errors import FieldError
from plugins.tasks.polynomials import evaluate_polynomial, parse_polynomial, variables_of
from plugins.tasks.residues import LARGEST
from plugins.tasks.tuples import all_tuples


@register("modular_polynomial")
@dataclass(frozen=True, kw_only=True)
class ModularPolynomial(Task):
    """c = P(a, b, …) mod p, over all tuples of residues; each variable of the formula is a token, in alphabetical order.

    Examples: a^2+b^2, a^2+a*b+b^2, a^2+a*b+b^2+a, a^3+a*b, a^3+a*b^2+b (Power et al. 2022, arXiv 2201.02177, p = 97);
    (4*a+b^2)^3, a function of a sum, is learnable, with +a*b it is not (Doshi et al. 2024, arXiv 2406.03495). Answers need
    not be equally frequent: compare accuracy with the most frequent one. Any modulus, exact at every step.
    Inputs int32 [n, k], targets int32 [n]. Raises FieldError for a formula that is not understood.
    """

    p: int = field(97, "modulus", at_least=2, at_most=LARGEST)
    expression: str = field("a^2+b^2", "the polynomial: variables a … z, integers, + - * ^ and parentheses")

    def __post_init__(self) -> None:
        """Also reads the formula."""
        super().__post_init__()
        _ = self._tree

    @property
    def sizes(self) -> Sizes:
        """A token for each variable, p values, p outputs."""
        return Sizes(tokens=len(variables_of(self._tree)), values=self.p, outputs=self.p)

    def population(self) -> Split:
        """All p^k tuples in lexicographic order. Raises FieldError beyond 2^27 of them."""
        names = variables_of(self._tree)
        inputs = all_tuples(self.p, len(names))
        return Split(inputs, evaluate_polynomial(self._tree, dict(zip(names, inputs.T, strict=True)), self.p))

    @property
    def _tree(self) -> ast.expr:
        try:
            return parse_polynomial(self.expression)
        except ValueError as error:
            raise FieldError("expression", self.expression, str(error)) from None
