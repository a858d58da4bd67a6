"""How far an output of a quadratic network moves when all weights are perturbed: the lemmas of appendix G."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from framework import Claim, Row, field, register

Noise = tuple[Float[np.ndarray, "N h"], Float[np.ndarray, "N h"]]  # (ũ, ṽ), one draw per row
SIGMAS = (0.3, 3.0)  # noise over r: the terms in r²σ or those in σ³ are the large ones


@register("perturbation_bounds")
@dataclass(frozen=True, kw_only=True)
class PerturbationBounds(Claim):
    """With probability ≥ 1 − δ over N(0, σ²) on all weights, an output v·u² moves by at most the bounds of Lemmas G.10 – G.13.

    Mohamadi et al. 2024, appendix G: u = W_a + W_b, |entries of W, v| ≤ r, Σ v_j = 0. Measured: how often a bound is exceeded,
    on the largest weights allowed, ±r, which are the worst case, and on random ones; the share must be ≤ δ.
    """

    width: int = field(64, "h ≥ 8 log(2/δ), even", at_least=2)
    delta: float = field(0.01, "δ", above=0, below=1)
    draws: int = field(10_000, "number of perturbations", at_least=100)

    tags = ("pac-bayes", "appendix G")
    scales = {"laptop": {"width": 256, "draws": 40_000}, "full": {"width": 1024, "draws": 100_000}}
    note = (
        "Lemma G.10 has lost a factor √2 of Proposition G.5: a Gaussian of standard deviation 4r²σ√h exceeds 4r²σ√(h log(2/δ)) with "
        "probability 0.021 at δ = 0.01. The proof of Lemma G.12 takes max Q̃ out of Σ Ṽ_j Q̃_j as if all Ṽ_j had one sign, which fails in "
        "many draws. The bounds in which both are used have room enough, and hold."
    )

    def check(self, seed: int) -> list[Row]:
        """For small and large noise and both kinds of weights, the share of draws beyond each bound."""
        generator, h = np.random.default_rng(seed), self.width
        extreme = 2 * generator.choice((-1.0, 1.0), h), np.repeat((1.0, -1.0), h // 2)
        drawn = generator.uniform(-2, 2, h), generator.uniform(-1, 1, h // 2)
        weights = {"largest weights": extreme, "random weights": (drawn[0], np.concatenate([drawn[1], -drawn[1]]))}
        rows = []
        for sigma in SIGMAS:
            noise = draw_noise(generator, self.draws, h, sigma)
            for name, (u, v) in weights.items():
                worst = name == "largest weights"
                for lemma, (moved, bound) in self._lemmas(u, v, noise, sigma).items():
                    rows.append(self._share(f"σ = {sigma:g} r, {name}: {lemma}", moved, bound, not (worst and lemma == "G.10")))
            rows.append(self._step(f"σ = {sigma:g} r: the step in the proof of G.12", *noise))
        return rows

    def _lemmas(self, u: np.ndarray, v: np.ndarray, noise: Noise, sigma: float) -> dict[str, tuple[np.ndarray, float]]:
        """Lemma → (movement of the output in each draw, bound), at r = 1: the bounds only depend on σ/r."""
        h, (more_u, more_v) = self.width, noise
        log, log_h = np.log(2 / self.delta), np.log(2 * (h + 1) / self.delta)
        first, cubic = 4 * sigma * np.sqrt(h * log), max(sigma, sigma**2, sigma**3)
        return {
            "G.10": (more_v @ u**2, first),
            "G.10 times √2": (more_v @ u**2, np.sqrt(2) * first),
            "G.11": (((u + more_u) ** 2 - u**2) @ v, 16 * np.sqrt(h * log) * max(sigma, sigma**2)),
            "G.12": (np.sum(more_v * more_u**2, axis=1), (2 + 8 * np.sqrt(2) * log_h) * sigma**3 * np.sqrt(h * log_h)),
            "G.13": (np.sum(more_v * (u + more_u) ** 2, axis=1), 32 * np.sqrt(h) * log_h**1.5 * cubic),
        }

    def _share(self, what: str, moved: np.ndarray, bound: float, holds: bool) -> Row:
        error = 3 * float(np.sqrt(self.delta / self.draws))
        return Row(f"{what} exceeded", self.delta, float(np.mean(np.abs(moved) > bound)), error, "<=", expected_to_hold=holds)

    def _step(self, what: str, more_u: np.ndarray, more_v: np.ndarray) -> Row:
        """|Σ Ṽ_j Q̃_j| ≤ max Q̃ |Σ Ṽ_j|, with Q̃ = ũ²."""
        fails = np.abs(np.sum(more_v * more_u**2, axis=1)) > np.max(more_u**2, axis=1) * np.abs(np.sum(more_v, axis=1))
        return Row(f"{what} fails", 0, float(np.mean(fails)), expected_to_hold=False)


def draw_noise(generator: np.random.Generator, draws: int, h: int, sigma: float) -> Noise:
    """(ũ, ṽ): two rows of W added, and V, of N(0, σ²) entries."""
    return generator.normal(0, sigma, (2, draws, h)).sum(axis=0), generator.normal(0, sigma, (draws, h))
