"""How small the largest weight of a network that adds can be, and what follows from it for generalization."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from framework import Claim, Panel, Row, field, register
from framework.errors import FieldError
from plugins.claims.construction.fourier_construction import halved_network, regression_loss
from plugins.networks.mean_margins import balanced_weights, bound_of_neurons
from plugins.networks.written_down import fourier_network, largest_entry


@register("small_norms")
@dataclass(frozen=True, kw_only=True)
class SmallNorms(Claim):
    """Theorem 3.6 takes R = O(min ‖θ‖_∞), and by Prop. 3.8 that is O((p/h)^(1/3)), so that R⁶h² ≤ 256 p² (Mohamadi et al. 2024).

    Derived here: 3.8 is right up to a constant. Loss 0 on the population needs ‖θ‖_∞³ ≥ (p−1)/(√2 h) for odd p, as the margin p is at
    most γ* ‖θ‖_{2,3}³ and each of h neurons has at most √(3p) ‖θ‖_∞; the 4p − 3 neurons of Remark F.1 have 1/2.

    Theorem 3.6 does not share what is wrong with 3.7: where no positive example is sampled, f = 0 has R = 0 and relative loss 1, and
    its bound with constant 1 is at least p² log(1/δ)/(np) ≥ 1 for each δ up to the chance (1 − 1/p)^n of such a sample; that of
    3.7 goes to 0 with R. With constant 1 it is below the loss of f = 0 for n ≤ p³ triples only from p = e^(−3 W_{−1}(−1/9)) on,
    since p > log³ p³ is needed, and the constant is not given: smaller p say nothing on its conclusion.
    """

    p: int = field(7, "modulus, odd", at_least=3)
    copies: int = field(30, "how often neurons are repeated, at most", at_least=1)

    tags = ("construction", "generalization")
    scales = {"laptop": {"p": 23}, "full": {"p": 97}}

    def __post_init__(self) -> None:
        """Also checks that p is odd."""
        super().__post_init__()
        if self.p % 2 == 0:
            raise FieldError("p", self.p, f"must be odd, as frequencies are pairs ±f here; the next odd number is {self.p + 1}")

    def check(self, seed: int) -> list[Row]:
        """The premise of 3.6, 3.8 from below and from above, and its bound where no positive example is sampled."""
        return [*self._premise(), *self._no_positives()]

    def _premise(self) -> list[Row]:
        p = self.p
        widths = np.arange(8 * p, 8 * p * (self.copies + 1))
        by_3_8 = (widths // (8 * p)) ** (-1 / 3)
        W, V = halved_network(p)
        scale = 2 ** (-1 / 3)
        largest, width = largest_entry(scale * W, scale * V), V.shape[0]
        whole = width_times_cube(*(x / 4 ** (1 / 3) for x in fourier_network(p)))
        floor = least_width_times_cube(p)
        return [
            Row("R⁶h²/p² at R = ⌊h/8p⌋^(−1/3), largest over h", (16 - 1 / p) ** 2, float((by_3_8**6 * widths**2).max()) / p**2, 1e-9),
            Row("the same, beside 256", 256, float((by_3_8**6 * widths**2).max()) / p**2, relation="<="),
            Row("regression loss of 4p − 3 neurons", 0, regression_loss(scale * W, scale * V), 1e-9 * p),
            Row("least h‖θ‖_∞³ at loss 0, from the bound on a neuron", (p - 1) / math.sqrt(2), floor, 1e-9 * p),
            Row("h‖θ‖_∞³ of 4p − 3 neurons, beside that", floor, width * largest**3, relation=">="),
            Row("‖θ‖_∞ of 4p − 3 neurons / least at that width, below 3/2", 1.5, (width * largest**3 / floor) ** (1 / 3), relation="<="),
            Row("h‖θ‖_∞³ of appendix F, scaled", 2 * p, whole, 1e-9 * p),
        ]

    def _no_positives(self) -> list[Row]:
        p, sizes = self.p, np.unique(np.geomspace(1, self.p**3, 200).astype(int))
        chances = -sizes * math.log1p(-1 / p)  # log(1/δ) at δ = the chance that n triples have no positive example among them
        bounds = relative_bound(p, sizes, chances)
        of_3_7 = 0.01**6 * (8 * p) ** 2 / p**2 * bounds  # h = 8p: 3.7 has R⁶h² where 3.6 has p²
        return [
            Row("3.6 with constant 1, smallest over n", 1, float(bounds.min()), relation=">="),
            Row("3.7 with constant 1 and R = 0.01, smallest over n", 1, float(of_3_7.min()), relation=">=", expected_to_hold=False),
            Row("p from which 3.6 with constant 1 says something", exactly_from(), first_modulus(), 1),
        ]

    def charts(self, seed: int) -> list[Panel]:
        """Widths against the smallest known and the smallest possible ‖θ‖_∞."""
        p = self.p
        h = np.unique(np.geomspace(8 * p, 8 * p * self.copies, 60).astype(int))
        lines = {"⌊h/8p⌋^(−1/3), Prop. 3.8": (h // (8 * p)) ** (-1 / 3), "least possible": (least_width_times_cube(p) / h) ** (1 / 3)}
        found = {"4p − 3 neurons, repeated": (2 * (h // (4 * p - 3))) ** (-1 / 3)}
        return [Panel.of_lines(f"‖θ‖_∞ of networks without regression loss, p = {p}", "width h", "‖θ‖_∞", h, found, lines, log="xy")]


def width_times_cube(W: np.ndarray, V: np.ndarray) -> float:
    """h ‖θ‖_∞³, which repeating neurons leaves as it is."""
    return V.shape[0] * largest_entry(W, V) ** 3


def least_width_times_cube(p: int) -> float:
    """What h ‖θ‖_∞³ is at least for margin p: p / (γ* (3p)^(3/2)), γ* from the bound on a single neuron."""
    return p / (bound_of_neurons(balanced_weights(p, 2), p, 2) * (3 * p) ** 1.5)


def relative_bound(p: int, n: Any, log_of_1_over_delta: Any) -> Any:
    """(p²/n) (log³ n + log(1/δ)/p): the bound of Theorem 3.6 on the loss, divided by that of f = 0, with constant 1."""
    return p**2 / n * (np.log(n) ** 3 + log_of_1_over_delta / p)


def first_modulus() -> int:
    """The smallest p > 10 where (p²/n) log³ n < 1 at n = p³."""
    low, high = 10, 10**9
    while high - low > 1:
        p = (low + high) // 2
        low, high = (low, p) if relative_bound(p, float(p) ** 3, 0.0) < 1 else (p, high)
    return high


def exactly_from() -> float:
    """e^(−3 W_{−1}(−1/9)), the larger solution of p = 27 log³ p."""
    from scipy.special import lambertw  # here: at the top it would cost every command that lists plugins half a second

    return math.exp(-3 * float(lambertw(-1 / 9, -1).real))
