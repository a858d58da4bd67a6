"""What a certificate is about: a quadratic network of two summands at one step of a run, and the sample that it was trained on."""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from plugins.networks.quadratic import QuadraticNetwork
from plugins.networks.written_down import Blocks, Layers, Matrix, Tuples, all_tuples, largest_entry, margins, outputs
from plugins.tasks.modular_addition_regression import CountedTuples

SCOPE = (
    "quadratic networks (model quadratic: degree 2, scaling standard, not shared) on sums of two residues, without wrong labels (tasks "
    "modular_addition and modular_addition_regression, k = 2)"
)


@dataclass(frozen=True)
class Subject:
    """W [2, p, h] and V [h, p] in float64, and the sample: distinct pairs, and how often each answer was drawn with them.

    In classification every answer of a pair counts once, its target being 1 or 0; in regression it is p or 0.
    """

    W: Blocks
    V: Matrix
    pairs: Tuples
    drawn: Int[np.ndarray, "m p"]
    is_regression: bool

    @property
    def p(self) -> int:
        """The modulus."""
        return self.V.shape[1]

    @property
    def h(self) -> int:
        """The width."""
        return self.V.shape[0]

    @property
    def n(self) -> int:
        """Examples in the sample: triples, repeats included, or pairs."""
        return int(self.drawn.sum()) if self.is_regression else len(self.pairs)

    @property
    def of(self) -> int:
        """Examples in the population."""
        return self.p**3 if self.is_regression else self.p**2

    @property
    def goal(self) -> float:
        """The target of a right answer."""
        return float(self.p) if self.is_regression else 1.0

    @property
    def labels(self) -> Int[np.ndarray, " m"]:
        """The right answer of each pair."""
        return self.pairs.sum(axis=1) % self.p

    @property
    def right(self) -> Bool[np.ndarray, "m p"]:
        """Where the right answers are."""
        return self.labels[:, None] == np.arange(self.p)

    @property
    def r(self) -> float:
        """‖θ‖_∞."""
        return largest_entry(self.W, self.V)

    @functools.cached_property
    def everywhere(self) -> Matrix:
        """The outputs for all p² pairs."""
        return outputs(self.W, self.V, all_tuples(self.p, 2))

    @functools.cached_property
    def here(self) -> Matrix:
        """The outputs for the pairs of the sample."""
        return outputs(self.W, self.V, self.pairs)

    @property
    def asked(self) -> Bool[np.ndarray, " m"]:
        """Pairs whose right answer is in the sample: in classification, all of them."""
        return np.any(self.right & (self.drawn > 0), axis=1)

    def margins(self) -> Float[np.ndarray, " m"]:
        """f_y − max f_c of each pair of the sample."""
        return margins(self.here, self.labels)

    def miss(self, W: Blocks | None = None, V: Matrix | None = None) -> float:
        """The largest |f_c − target| over the examples of the sample, of these layers or of the run's."""
        found = self.here if W is None or V is None else outputs(W, V, self.pairs)
        return float(np.abs(found - self.goal * self.right)[self.drawn > 0].max())


def refusal(run: Any) -> str:
    """What there would have to be, where the run has no quadratic network of two summands that learns their sum."""
    experiment = run.experiment
    network = experiment.module(experiment.initial_state())
    fits = (
        isinstance(network, QuadraticNetwork) and network.W.shape[0] == 2 == network.degree and not network.summands and network.scale == 1
    )
    return "" if fits and _is_addition(experiment) else SCOPE


def _is_addition(experiment: Any) -> bool:
    """Whether every example says that the sum mod p of the two tokens is right."""
    train, sizes = experiment.splits.train, experiment.task.sizes
    if isinstance(train, CountedTuples):
        return True
    inputs, targets = np.asarray(train.inputs), np.asarray(train.targets)
    is_labels = np.issubdtype(targets.dtype, np.integer) and sizes.outputs == sizes.values and len(inputs) > 0
    is_noisy = getattr(experiment.task, "label_noise", 0) > 0
    return bool(is_labels and not is_noisy and np.all(inputs.sum(axis=1) % sizes.values == targets))


def subject_of(run: Any, step: int) -> Subject:
    """The network at a saved step of a run that is not refused."""
    train = run.experiment.splits.train
    W, V = layers_of(run.params(step))
    if isinstance(train, CountedTuples):
        return Subject(W, V, np.asarray(train.summands), np.asarray(train.counts), True)
    pairs = np.unique(np.asarray(train.inputs), axis=0)
    return Subject(W, V, pairs, np.ones((len(pairs), V.shape[1]), np.int32), False)


def asks_anything(run: Any) -> bool:
    """Whether some right answer is in the sample, as in classification it always is."""
    _, _, asked = run.experiment.splits.train.questions
    return bool(np.any(np.asarray(asked)))


def layers_of(params: Any) -> Layers:
    """(W, V) in float64."""
    return np.asarray(params["W"], np.float64), np.asarray(params["V"], np.float64)


def start_of(run: Any) -> Layers | None:
    """θ_0 of a run, of a fork that of the run that it came from; None where it began at another's network and its step 0 is not saved."""
    if 0 in run.steps:
        return layers_of(run.params(0))
    general = run.experiment.general
    if general.fork_of:
        return start_of(run.origin[0]) if run.origin else None
    return None if general.init_from else layers_of(run.experiment.initial_state().params)
