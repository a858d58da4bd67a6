"""Thresholds with several samples each: their exponent with an interval, its local values, and which law of growth predicts them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from framework.pictures.fits import LEVELS
from framework.pictures.panel import Numbers

Samples = Mapping[int, tuple[Numbers, np.ndarray]]  # p → sizes n [m], ascending, and accuracies [seeds, m]
Law = Callable[[float], float]  # how the threshold grows with p, up to a factor

DRAWS = 1000  # the ends of a 95 % interval then move by about a twentieth of its width from one seed of the generator to another
INTERVAL = (2.5, 97.5)  # per cent


@dataclass(frozen=True)
class Thresholds:
    """log n at which the mean accuracy over seeds reaches each level, for each p. Any number of axes of draws stands first.

    reached: [..., levels, p], NaN where a level is passed before the first size or never reached.
    """

    moduli: tuple[int, ...]
    reached: np.ndarray

    @classmethod
    def of(cls, samples: Samples, levels: Numbers = LEVELS) -> "Thresholds":
        """Those of the seeds that there are."""
        found = {p: (n, np.asarray(accuracies, float).mean(axis=0)) for p, (n, accuracies) in samples.items()}
        return cls(tuple(found), np.stack([_crossings(n, mean, levels) for n, mean in found.values()], axis=-1))

    @classmethod
    def drawn(cls, samples: Samples, levels: Numbers = LEVELS, draws: int = DRAWS) -> "Thresholds":
        """Those of seeds drawn with replacement, for each p by itself, [draws, levels, p]; the same for the same samples.

        What varies is the sample and the initialization at the p that were tried, and nothing else: an interval from these draws
        says nothing of other p, of the limit, or of longer training. With five seeds it is too narrow by about a tenth, since
        the variance of a mean over m of them comes out smaller by the factor (m − 1) / m.
        """
        generator = np.random.default_rng(0)
        found = []
        for n, accuracies in samples.values():
            chosen = generator.integers(len(accuracies), size=(draws, len(accuracies)))
            found.append(_crossings(n, np.asarray(accuracies, float)[chosen].mean(axis=1), levels))
        return cls(tuple(samples), np.stack(found, axis=-1))

    def only(self, moduli: Sequence[int]) -> "Thresholds":
        """Those of some p."""
        return Thresholds(tuple(moduli), self.reached[..., [self.moduli.index(p) for p in moduli]])

    def exponent(self) -> np.ndarray:
        """e of n ∝ p^e with one factor per level, by least squares on logarithms, [...]; NaN where no level is reached by two p."""
        x = np.where(np.isfinite(self.reached), np.log(self.moduli), np.nan)
        dx, dy = _centred(x), _centred(self.reached)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.nansum(dx * dy, axis=(-2, -1)) / np.nansum(dx * dx, axis=(-2, -1))

    def local_exponents(self) -> dict[tuple[int, int], float]:
        """The exponent between each two neighbouring p: where these drift with p, one power of p does not fit."""
        ordered = sorted(self.moduli)
        return {pair: float(self.only(pair).exponent()) for pair in zip(ordered, ordered[1:], strict=False)}

    def held_out_error(self, law: Law | None) -> np.ndarray:
        """Root mean square of the error of log n, each p predicted from the others, [...]; NaN where nothing is predicted.

        law: n(p) up to one factor per level, which is fitted; None for a power of p whose exponent is fitted as well.
        """
        if law is not None:
            return _rms(_misses(self.reached - np.log([law(p) for p in self.moduli])))
        missed = []
        for place, gone in enumerate(self.moduli):
            exponent = self.only([p for p in self.moduli if p != gone]).exponent()
            missed.append(_misses(self.reached - exponent[..., None, None] * np.log(self.moduli))[..., place])
        return _rms(np.stack(missed, axis=-1))

    def best_in_draws(self, laws: Mapping[str, Law]) -> dict[str, float]:
        """For each law the share of draws in which it has the least held-out error of them all; 0 for all without an error."""
        errors = np.stack([np.nan_to_num(self.held_out_error(law), nan=np.inf) for law in laws.values()])
        there = np.isfinite(errors).any(axis=0)
        return {name: float(np.mean(there & (errors.argmin(axis=0) == number))) for number, name in enumerate(laws)}


def interval(values: Numbers) -> tuple[float, float]:
    """The ends between which 95 % of the draws lie; NaN where more than a tenth of them have no value."""
    every = np.asarray(values, float)
    there = every[np.isfinite(every)]
    if len(there) < max(1, 0.9 * len(every)):
        return float("nan"), float("nan")
    low, high = np.percentile(there, INTERVAL)
    return float(low), float(high)


def _crossings(n: Numbers, accuracy: np.ndarray, levels: Numbers) -> np.ndarray:
    """`crossing` of many curves [..., m] at several levels, in log n: [..., levels]."""
    places = np.log(np.asarray(n, float))
    found = []
    for level in levels:
        above = accuracy >= level
        after = above.argmax(axis=-1)
        before = np.maximum(after - 1, 0)
        low, high = (np.take_along_axis(accuracy, at[..., None], axis=-1)[..., 0] for at in (before, after))
        with np.errstate(invalid="ignore", divide="ignore"):
            crossed = places[before] + (level - low) / (high - low) * (places[after] - places[before])
        found.append(np.where(above.any(axis=-1) & (after > 0), crossed, np.nan))
    return np.stack(found, axis=-1)


def _centred(values: np.ndarray) -> np.ndarray:
    """Each row less its mean over what is there; NaN stays."""
    there = np.isfinite(values)
    return values - np.where(there, values, 0).sum(axis=-1, keepdims=True) / np.maximum(there.sum(axis=-1, keepdims=True), 1)


def _misses(rest: np.ndarray) -> np.ndarray:
    """How far each entry is from the mean of the others of its row; NaN where there is none."""
    there = np.isfinite(rest)
    others = there.sum(axis=-1, keepdims=True) - 1
    mean = (np.where(there, rest, 0).sum(axis=-1, keepdims=True) - rest) / np.where(others > 0, others, np.nan)
    return rest - mean


def _rms(missed: np.ndarray) -> np.ndarray:
    """Over the last two axes, of what is there; NaN where there is nothing."""
    count = np.isfinite(missed).sum(axis=(-2, -1))
    return np.sqrt(np.nansum(missed**2, axis=(-2, -1)) / np.where(count > 0, count, np.nan))
