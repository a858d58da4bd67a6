"""How near ‖θ‖_∞ of a trained network is to the least that its sample, or all inputs, need."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from framework import Certificate, Certified, Finding, field, register
from plugins.bounds.box_search import interpolating, repeated_fourier, starts, widest
from plugins.bounds.least_norm import ALONE, least_entry, neuron_on_population, neuron_on_sample
from plugins.bounds.subject import Subject, asks_anything, refusal, subject_of
from plugins.networks.written_down import Layers, all_tuples, largest_entry, margins, outputs

EXACT = 1e-6  # largest residual, relative to the target, of a network that interpolates
STEPS = 500, 3000  # of descent, in classification and in regression
MORE = 1.001  # times as large: no rounding
FITTED = 1e-2  # and of a run's, which training does not bring to 0


@dataclass(frozen=True)
class Found:
    """A network: how large its ‖θ‖_∞ is when it is scaled to its target or to margin 1, and what it answers right of all pairs."""

    size: float
    accuracy: float
    begun: str


@register("least_norm")
@dataclass(frozen=True, kw_only=True)
class LeastNorm(Certificate):
    """The least ‖θ‖_∞ of this width that fits the sample, from above and from below, and that of fitting all inputs.

    Fitting is a residual of 0 in regression, and a margin of 1 in classification, to which θ is scaled. From above: networks that
    are found by descent, from the run's and from a Fourier network, and the network of appendix F itself. From below: what one
    neuron with entries in [−1, 1] can do for a mean of margins (see plugins.bounds.least_norm). Where a network that fits the
    sample is smaller than any that fits all inputs, the premise of Thm 3.6 of Mohamadi et al. 2024 does not single out those that do.
    """

    steps: int = field(0, "steps of descent from each start; 0: 500 in classification, 3,000 in regression", at_least=0)
    learning_rate: float = field(0.1, "of Adam in the box, at first", above=0)
    seed: int = field(0, "seed of the noise on a Fourier network", at_least=0)

    def refusal(self, run: Any) -> str:
        """Where the network is not the paper's, the task not addition, or no right answer in the sample: θ = 0 then fits it."""
        return refusal(run) or ("" if asks_anything(run) else "samples with a right answer in them")

    def certify(self, run: Any, step: int) -> Certified:
        """‖θ‖_∞ of the run, of what is found, of appendix F, and the bounds."""
        subject = subject_of(run, step)
        begun = starts(subject, np.random.default_rng(self.seed))
        on_sample = [found for name, start in begun.items() if (found := self._on_sample(subject, name, start))]
        on_all = (
            [] if subject.is_regression else [found for name, start in list(begun.items())[-1:] if (found := self._on_all(name, start))]
        )
        lowest = least_entry(subject.goal, subject.h, sample_bound(subject))
        lowest_of_all = least_entry(subject.goal, subject.h, neuron_on_population(subject.p))
        fourier, own = size_of_fourier(subject), size_of_run(subject)
        fits, width = "interpolates" if subject.is_regression else "has margin 1 on", f"width {subject.h}"
        found_of_all = [] if subject.is_regression else _of_found(on_all, f"‖θ‖_∞ that {fits} all pairs, found")
        findings = [
            Finding(f"‖θ‖_∞ of the run, step {step}", own, _of_run(subject)),
            *_of_found(on_sample, f"‖θ‖_∞ that {fits} the sample, found"),
            Finding(f"no network that {fits} the sample has less", lowest, width),
            *found_of_all,
            Finding("‖θ‖_∞ of appendix F's frequencies 1 … (p−1)/2", fourier, "" if fourier else f"p is even, or {width} too small"),
            Finding(f"no network that {fits} all pairs has less", lowest_of_all, width),
        ]
        best, of_all = (min((found.size for found in several), default=None) for several in (on_sample, on_all))
        of_all = min((size for size in (of_all, fourier) if size is not None), default=None)
        return Certified(findings, _follows(own if fits_sample(subject) else None, best, lowest, of_all, lowest_of_all))

    def _on_sample(self, subject: Subject, name: str, start: Layers) -> Found | None:
        """What descent from a start finds; None where it does not fit the sample."""
        if not subject.is_regression:
            return _scaled(widest(start, subject.pairs, self.steps or STEPS[0], self.learning_rate), subject.pairs, name)
        W, V = interpolating(start, subject, self.steps or STEPS[1], self.learning_rate)
        return Found(largest_entry(W, V), _accuracy(W, V), name) if subject.miss(W, V) <= EXACT * subject.goal else None

    def _on_all(self, name: str, start: Layers) -> Found | None:
        """The same for margins on all pairs."""
        every = all_tuples(start[1].shape[1], 2)
        return _scaled(widest(start, every, self.steps or STEPS[0], self.learning_rate), every, name)


def sampled_wrong(subject: Subject) -> Bool[np.ndarray, "m p"]:
    """The wrong answers that are in the sample, of pairs whose right answer is."""
    return (subject.drawn > 0) & ~subject.right & subject.asked[:, None]


def sample_bound(subject: Subject) -> float:
    """B of the sample: in regression also what a single output says."""
    B = neuron_on_sample(subject.labels, sampled_wrong(subject))
    return min(B, ALONE) if subject.is_regression else B


def size_of_run(subject: Subject) -> float | None:
    """‖θ‖_∞ as it stands in regression, at margin 1 in classification; None where a pair of the sample is answered wrong."""
    if subject.is_regression:
        return subject.r
    least = float(subject.margins().min())
    return subject.r / least ** (1 / 3) if least > 0 else None


def fits_sample(subject: Subject) -> bool:
    """Whether the run's own network answers its sample, nearly on target in regression."""
    return subject.miss() <= FITTED * subject.goal if subject.is_regression else float(subject.margins().min()) > 0


def size_of_fourier(subject: Subject) -> float | None:
    """‖θ‖_∞ of appendix F's network at this width that fits all pairs."""
    fourier = repeated_fourier(subject.p, subject.h, constant=subject.is_regression)
    if fourier is None:
        return None
    every = all_tuples(subject.p, 2)
    least = float(margins(outputs(*fourier, every), every.sum(axis=1) % subject.p).min())
    return largest_entry(*fourier) * (subject.goal / least) ** (1 / 3)


def _scaled(layers: Layers, pairs: np.ndarray, name: str) -> Found | None:
    """Scaled to margin 1 on these pairs; None where one is answered wrong."""
    least = float(margins(outputs(*layers, pairs), pairs.sum(axis=1) % layers[1].shape[1]).min())
    return Found(largest_entry(*layers) / least ** (1 / 3), _accuracy(*layers), name) if least > 0 else None


def _accuracy(W: np.ndarray, V: np.ndarray) -> float:
    every = all_tuples(V.shape[1], 2)
    return float(np.mean(np.argmax(outputs(W, V, every), axis=1) == every.sum(axis=1) % V.shape[1]))


def _of_run(subject: Subject) -> str:
    if subject.is_regression:
        return f"it misses its targets by up to {subject.miss():.2g}" if subject.miss() > FITTED * subject.p else ""
    return f"at margin 1; {subject.r:.4g} as it stands" if size_of_run(subject) else "a pair of its sample is answered wrong"


def _of_found(found: list[Found], what: str) -> list[Finding]:
    if not found:
        return [Finding(what, None, "none was found in so many steps")]
    return [Finding(what, one.size, f"begun at {one.begun}; {one.accuracy:.3g} of all pairs are answered right") for one in found]


def _follows(own: float | None, found: float | None, lowest: float, of_all: float | None, lowest_of_all: float) -> list[str]:
    """What the numbers decide, and what they leave open."""
    said, best = [], min((size for size in (own, found, of_all) if size is not None), default=None)
    if best is None:
        return ["No network that fits the sample was found: a larger `steps` may."]
    said.append(f"The least ‖θ‖_∞ on the sample is known to a factor of {best / lowest:.3g}.")
    if own is not None and own > MORE * best:
        said.append(f"The run's is {own / best:.3g} times one that was found: it is not at the least.")
    if found is not None and MORE * found < lowest_of_all:  # where both are the same, rounding decides nothing
        said.append(
            "Some network fits the sample with less than any network needs that fits all pairs: the least ‖θ‖_∞ does not single out "
            "those, at this width and sample."
        )
    elif found is not None and of_all is not None:
        said.append(
            f"Fitting all pairs takes at most {of_all / found:.3g} times what was found for the sample. Whether it takes more at all is "
            f"not decided: what it takes is between {lowest_of_all:.3g} and {of_all:.3g}."
        )
    return said
