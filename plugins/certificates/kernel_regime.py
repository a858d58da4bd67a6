"""What training would have come to, had it stayed in the kernel regime."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from framework import Certificate, Certified, Finding, field, register
from framework.reading import fitted_step
from plugins.bounds.subject import Subject, refusal, start_of, subject_of
from plugins.claims.kernels.kernel_lower_bounds import exact_bound, printed_bound
from plugins.kernels.least_squares import Step, Tangent, least_squares, sums
from plugins.networks.written_down import Layers, Matrix, all_tuples, outputs


@register("kernel_regime")
@dataclass(frozen=True, kw_only=True)
class KernelRegime(Certificate):
    """Kernel regression from this run's own θ_0 on all of its sample, beside the lower bound and the trained network.

    Losses are square losses over the population, one-hot targets in classification, divided by the zero predictor's. All rows
    are fitted, in the space of the parameters (see plugins.kernels.least_squares). The bounds are those of Thm 3.4 and 4.3 of Mohamadi
    et al. 2024 as printed, and exactly (see the claim kernel_lower_bounds), for the mean over all ways to name the residues; n pairs
    count as n·p points, and f_0 as one more.
    """

    tolerance: float = field(1e-6, "of the least squares: ‖Jᵀ residual‖ ÷ (‖J‖ ‖residual‖), or ‖residual‖ ÷ ‖y‖", above=0)
    iterations: int = field(3000, "of LSMR at most", at_least=1)

    def refusal(self, run: Any) -> str:
        """Where the network is not the paper's, the task not addition, or θ_0 not known."""
        return refusal(run) or ("" if start_of(run) else "runs whose step 0 is known, and this one began at another run")

    def certify(self, run: Any, step: int) -> Certified:
        """Loss and accuracy of kernel regression, of the bound, and of the network when it fitted its sample and at this step."""
        subject, start = subject_of(run, step), start_of(run)
        assert start is not None
        found, solved = self._regression(subject, start)
        points = subject.n if subject.is_regression else subject.n * subject.p
        exact, loss = exact_bound(subject.p, 3, points + 1), relative_loss(found, subject)
        findings = [
            Finding("rows that are fitted", solved.rows, f"{start[0].size + start[1].size:,} parameters, {solved.iterations} iterations"),
            Finding("residual on the sample, relative", solved.residual, f"slope left {solved.slope:.1g}: 0 where nothing fits better"),
            Finding("loss of kernel regression", loss, "1 is the zero predictor's"),
            Finding("no kernel method has less, on average", exact, f"as printed: {printed_bound(subject.p, 3, points):.4g}"),
            Finding("accuracy of kernel regression, all pairs", accuracy(found, subject)),
            Finding("… and on pairs that were not in the sample", accuracy(found, subject, outside=True)),
            *_of_network(run, subject, step),
        ]
        cut = ["The iterations ended before the fit did: these numbers are near kernel regression's, and not its own."]
        return Certified(findings, [*(cut if solved.iterations >= self.iterations else []), *_follows(findings, loss, exact, subject)])

    def _regression(self, subject: Subject, start: Layers) -> tuple[Matrix, Step]:
        """Outputs on all pairs, and how they were found: a triple that was drawn twice counts twice."""
        tangent = Tangent(*start, subject.pairs, np.sqrt(subject.drawn.astype(np.float64)))
        wanted = subject.goal * subject.right - outputs(*start, subject.pairs)
        solved = least_squares(tangent, wanted, self.tolerance, self.iterations)
        every = all_tuples(subject.p, 2)
        moved = Tangent(*start, every, np.ones((len(every), subject.p))).forward(solved.W, solved.V)
        return sums(start[0], every) ** 2 @ start[1] + moved, solved


def relative_loss(found: Matrix, subject: Subject) -> float:
    """Square loss of outputs on all pairs, divided by that of 0."""
    target = subject.goal * (all_tuples(subject.p, 2).sum(axis=1)[:, None] % subject.p == np.arange(subject.p))
    return float(np.mean((found - target) ** 2) / np.mean(target**2))


def accuracy(found: Matrix, subject: Subject, outside: bool = False) -> float | None:
    """Share of all pairs, or of those whose right answer was not in the sample, that are answered right."""
    every = all_tuples(subject.p, 2)
    asked = np.ones((subject.p, subject.p), bool)
    if outside:
        asked[tuple(subject.pairs[subject.asked].T)] = False
    right = np.argmax(found, axis=1) == every.sum(axis=1) % subject.p
    return float(np.mean(right[asked.ravel()])) if asked.any() else None


def _of_network(run: Any, subject: Subject, step: int) -> list[Finding]:
    """The trained network at its fitting step, as recorded, and at this step."""
    name, fitted = f"test/{run.headline}", fitted_step(run, "accuracy")
    row: dict[str, Any] = next((row for row in run.rows if row["step"] == fitted), {})
    if fitted is None or fitted > step:
        then = [Finding("the network when it fitted its sample", None, f"it has not, by step {step}")]
    else:
        then = [Finding(f"the network at step {fitted}, which fits: {name}", row.get(name))]
    now = [
        Finding(f"the network at step {step}: accuracy, all pairs", accuracy(subject.everywhere, subject)),
        Finding("… and on pairs that were not in the sample", accuracy(subject.everywhere, subject, outside=True)),
    ]
    if subject.is_regression:  # in classification, the outputs are not made for the square loss
        recorded = row.get("population/loss")
        then += [] if recorded is None else [Finding("… and loss", recorded / subject.p)]
        now += [Finding("… and loss", relative_loss(subject.everywhere, subject))]
    return [*then, *now]


def _follows(findings: list[Finding], loss: float, exact: float, subject: Subject) -> list[str]:
    kernel, network = findings[5].value, accuracy(subject.everywhere, subject, outside=True)
    said = (
        [f"Kernel regression from θ_0 has {loss / exact:.2g} times the least loss that a kernel method can have on average."]
        if exact > 0
        else []
    )
    if kernel is None or network is None:
        return said
    more = "more" if network > kernel else "no more"
    return [*said, f"On what it has not seen the trained network knows {more} than its kernel regime: {network:.3g} against {kernel:.3g}."]
