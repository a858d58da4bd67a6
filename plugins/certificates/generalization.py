"""What is proved of the error of a trained network on all inputs, with the constants of the proof."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from framework import Certificate, Certified, Finding, field, register
from plugins.bounds.noise_allowed import excess, first_where, printed_sigma
from plugins.bounds.subject import Subject, refusal, subject_of
from plugins.mathematics.modular import all_tuples
from plugins.networks.written_down import margins

GAMMAS = np.exp2(np.arange(-10, 14))  # γ/‖θ‖_∞³ from which the bound may choose: δ is shared among them
HALF = 0.5  # share of the sample that may have a margin of γ or less
ALL_INPUTS = 3  # the power of p in the union: p outputs at p² pairs
LARGEST = 1e60  # n beyond which nobody looks
FITS = 1e-3  # largest residual, relative to the target, that still counts as interpolation in print


@register("generalization")
@dataclass(frozen=True, kw_only=True)
class Generalization(Certificate):
    """The bounds of Prop. 3.7 (regression) and Thm 4.5, 4.6 (classification) at this network, beside its true error.

    Classification: L_γ + 4 √((KL + log(6n/δ))/(n−1)), KL = ‖θ‖²/(2σ²), σ by (G.7) with a union over all p² inputs, the best γ of a
    grid; θ is the doubled network of the proof, [W; 0] with [V, −V] (mended: see the claim pac_bayes), whose rows of V sum to 0.
    Regression: C R⁶h²/n · (p log³n + log(1/δ)) with R = ‖θ‖_∞ and C = 1, which is not the proof's: that is not given, and larger.
    Both are about samples drawn with replacement; one without says no less.
    Source: Mohamadi et al. 2024.
    """

    delta: float = field(0.05, "δ: the bound may fail for this share of samples", above=0, below=1)

    def refusal(self, run: Any) -> str:
        """Where the network is not the paper's, or the task not addition."""
        return refusal(run)

    def certify(self, run: Any, step: int) -> Certified:
        """The bound, the true error, and the n at which the bound would say something."""
        subject = subject_of(run, step)
        return self._regression(subject) if subject.is_regression else self._classification(subject)

    def _classification(self, subject: Subject) -> Certified:
        p, n, r, q = subject.p, subject.n, subject.r, subject.margins()
        every = np.asarray(all_tuples(p, 2))
        error = float(np.mean(margins(subject.everywhere, every.sum(axis=1) % p) <= 0))
        bound, gamma = self._best(subject, q, n)
        needed = first_below(lambda n: self._best(subject, q, n)[0], 1.0)
        findings = [
            Finding("pairs in the sample, n", n, f"of {subject.of:,}"),
            Finding("‖θ‖_∞", r, f"width {subject.h}"),
            Finding("smallest margin in the sample ÷ ‖θ‖_∞³", float(q.min()) / r**3 if r else None),
            Finding("γ ÷ ‖θ‖_∞³ of the bound", gamma, f"{margin_loss_at(q, gamma * r**3):.3g} of the sample have no more"),
            Finding("bound on the share of wrong answers", bound, verdict(bound, 1.0, "a share is at most 1")),
            Finding("true share of wrong answers, all pairs", error),
            Finding("n from which the bound is below 1", needed, f"with these margins; there are {subject.of:,} pairs"),
            Finding("p from which it is, appendix F, n = p²", _p_of_appendix_f(self.delta), "with γ = 2p‖θ‖_∞³ and h = 8p"),
        ]
        narrow = 2 * subject.h < 8 * np.log(4 * p**ALL_INPUTS)  # Lemma G.11 for the share 1/(2p³) that the union leaves to an output
        said = ["Lemma G.11 asks for a width of 4 log(4p³) or more, which this network has not."] if narrow else []
        return Certified(findings, [*said, _sentence(bound, 1.0, error, needed, n)])

    def _best(self, subject: Subject, q: np.ndarray, n: float | int) -> tuple[float, float]:
        """(bound, γ/r³) for a network that is scaled to ‖θ‖_∞ = 1: the least over the γ that half of the sample's margins exceed."""
        r = subject.r or 1.0
        size = float(np.sum(subject.W**2) + 2 * np.sum(subject.V**2)) / r**2  # of [W; 0] and [V, −V]
        found = []
        losses = [margin_loss_at(q, gamma * r**3) for gamma in GAMMAS]
        for gamma, loss in zip(GAMMAS, losses, strict=True):
            if loss > max(HALF, min(losses)):
                continue
            sigma = printed_sigma(subject.p, float(gamma), 2 * subject.h, ALL_INPUTS)
            found.append((loss + excess(size / (2 * sigma**2), n, self.delta / len(GAMMAS)), float(gamma)))
        return min(found)

    def _regression(self, subject: Subject) -> Certified:
        p, n, zero = subject.p, subject.n, float(subject.p)
        every = np.asarray(all_tuples(p, 2))
        target = zero * (every.sum(axis=1)[:, None] % p == np.arange(p))
        loss = float(np.mean((subject.everywhere - target) ** 2))
        wrong = float(np.mean(np.argmax(subject.everywhere, axis=1) != every.sum(axis=1) % p))
        bound, miss = self._bound(subject, n), subject.miss()
        needed = first_below(lambda n: self._bound(subject, n), zero)
        findings = [
            Finding("triples in the sample, n", n, f"of {subject.of:,}"),
            Finding("‖θ‖_∞", subject.r, f"width {subject.h}"),
            Finding("largest residual in the sample", miss, f"the target is {p}; Prop. 3.7 is about a residual of 0"),
            Finding("bound on the population loss, C = 1", bound, verdict(bound, zero, f"the zero predictor has {p}")),
            Finding("true population loss", loss),
            Finding("least C with which the bound holds", loss / bound if bound else None),
            Finding("bound on wrong answers, 2 · loss ÷ p (E.7)", 2 * loss / p, f"of the true loss; {wrong:.3g} of the answers are wrong"),
            Finding("n from which the bound is below p", needed, f"with C = 1 and this ‖θ‖_∞; there are {subject.of:,} triples"),
        ]
        far = [f"The network does not interpolate its sample (a residual of {miss:.3g}): Prop. 3.7 says nothing of it yet."]
        said = _too_small(bound, loss) if loss > bound else _sentence(bound, zero, loss, needed, n, "With C = 1 the theorem")
        return Certified(findings, far if miss > FITS * p else [said])

    def _bound(self, subject: Subject, n: float | int) -> float:
        return float(subject.r**6 * subject.h**2 / n * (subject.p * np.log(n) ** 3 + np.log(1 / self.delta)))


def margin_loss_at(q: np.ndarray, gamma: float | int) -> float:
    """L_γ of the sample: the share of margins ≤ γ."""
    return float(np.mean(q <= gamma))


def verdict(bound: float | int, limit: float | int, why: str) -> str:
    """Whether a bound says anything."""
    return f"vacuous: {why}" if bound >= limit else f"not vacuous: {why}"


def first_below(bound: Callable[[float], float], limit: float | int) -> float | None:
    """The n ≥ 2 from which a bound that falls with n is below a limit, by bisection; None beyond 1e60."""
    low, high = 20.0, LARGEST  # log³n/n falls from e³ on
    if bound(high) >= limit:
        return None
    return first_where(lambda n: bound(n) < limit, low, high)


def _too_small(bound: float | int, truth: float) -> str:
    needed = f"C of at least {truth / bound:.3g}" if bound else "more than any C"
    return f"C = 1 is too small here: the bound is then {bound:.3g}, and the truth, {truth:.3g}, takes {needed}."


def _sentence(bound: float | int, limit: float | int, truth: float, needed: float | None, n: int, what: str = "The theorem") -> str:
    if bound < limit:
        return f"{what} says something here: at most {bound:.3g}, and the truth is {truth:.3g}."
    more = "no n would do" if needed is None else f"it would take {needed / n:.2g} times as many examples"
    return f"{what} says nothing here, where the truth is {truth:.3g}; {more}."


def _p_of_appendix_f(delta: float) -> float:
    """The p from which the bound for the network of appendix F at n = p² is below 1, by the grid of `first_below`."""
    found = first_below(lambda p: excess(6 * p**2 / printed_sigma(p, 2 * p, 8 * p, ALL_INPUTS) ** 2, p**2, delta), 1.0)
    assert found is not None
    return found
