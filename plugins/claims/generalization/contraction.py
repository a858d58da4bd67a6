"""What a function that is put behind a class of others does to its Rademacher complexity."""

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from framework import Claim, Row, field, register

Values = Float[np.ndarray, "members n"]


@register("contraction")
@dataclass(frozen=True, kw_only=True)
class Contraction(Claim):
    """R_n(g ∘ H) ≤ L R_n(H) for an L-Lipschitz g (Lemma E.3, Mohamadi et al. 2024), exactly, over all 2^n signs.

    g is the cube on [−3r, 3r], which is 27r²-Lipschitz there, as the proof of Lemma E.2 uses it. H is a random class, and
    one whose values are all near 3r, where the slope is 27r² and the bound is nearly an equality.
    """

    points: int = field(10, "n; 2^n signs are tried", at_least=2, at_most=16)
    members: int = field(20, "number of functions in a class", at_least=2)
    r: float = field(0.8, "largest weight", above=0)

    tags = ("generalization", "appendix E")
    scales = {"laptop": {"points": 14, "members": 50}, "full": {"points": 16, "members": 100}}

    def check(self, seed: int) -> list[Row]:
        """The quotient of both sides, in two classes; the control has a third of the Lipschitz constant."""
        generator, most, near = np.random.default_rng(seed), 3 * self.r, 1e-3
        spread = generator.uniform(-most, most, (self.members, self.points))
        edge = most * (1 - near * generator.uniform(0, 1, (self.members, self.points)))
        steepest = 27 * self.r**2
        quotient = {name: complexity(H**3) / complexity(H) for name, H in {"random": spread, "near 3r": edge}.items()}
        return [
            Row("random class: R(g ∘ H) ÷ R(H), beside L = 27 r²", steepest, quotient["random"], 1e-9 * steepest, "<="),
            Row("class near 3r: the same", steepest, quotient["near 3r"], 1e-9 * steepest, "<="),
            Row("class near 3r: the same, an equality but for 0.2 %", steepest, quotient["near 3r"], 2 * near * steepest),
            Row("class near 3r: beside 9 r², the mean slope", steepest / 3, quotient["near 3r"], 0, "<=", expected_to_hold=False),
        ]


def complexity(values: Values) -> float:
    """E over all signs of max_members (1/n) Σ σ_i h(x_i)."""
    n = values.shape[1]
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=n)))
    return float((signs @ values.T).max(axis=1).mean() / n)
