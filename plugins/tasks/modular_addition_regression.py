"""Modular addition as regression: is c the sum? One number for every (k+1)-tuple."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from framework import Group, Loss, Split, Splits, register, seeds
from framework import field as config_field
from framework.errors import FieldError
from framework.fields import evaluate, part, without
from framework.interfaces.tasks import sampling
from framework.numbers import share
from plugins.losses.square import Square
from plugins.mathematics.modular import LARGEST, ResidueTask, all_tuples, decode, in_words

DENSE_LIMIT = 2**23  # (k+1)-tuples up to which the whole population is evaluated


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class CountedTuples:
    """A sample of (k+1)-tuples (a_1, …, a_k, c) as counts on a grid, never as rows.

    summands int32 [m, k]: the distinct (a_1, …, a_k); counts int32 [m, p]: how often each c was drawn with them.
    """

    summands: Int[Array, "m k"]
    counts: Int[Array, "m p"]
    size: int = field(metadata={"static": True})  # n, the tuples in the sample, repeats included

    def __len__(self) -> int:
        return self.size

    @property
    def p(self) -> int:
        """The modulus."""
        return self.counts.shape[1]

    @property
    def sums(self) -> Int[Array, " m"]:
        """Σ a_i mod p."""
        return jnp.sum(self.summands, axis=1, dtype=jnp.int32) % self.p

    @property
    def inputs(self) -> Int[np.ndarray, "n k_plus_1"]:
        """The sample as rows (a_1, …, a_k, c), int32: made when asked for, on the host. Training does not ask."""
        row, c = self._rows
        return np.concatenate([np.asarray(self.summands)[row], c[:, None]], axis=1).astype(np.int32)

    @property
    def targets(self) -> Float[np.ndarray, " n"]:
        """p · 1[Σ a_i ≡ c] for each row of `inputs`."""
        row, c = self._rows
        return np.where(np.asarray(self.sums)[row] == c, float(self.p), 0.0)

    @property
    def questions(self) -> tuple[Int[Array, "m k"], Int[Array, " m"], Bool[Array, " m"]]:
        """(summands, sums, whether the true tuple is in the sample): what pair_accuracy is counted over."""
        return self.summands, self.sums, self._true_counts > 0

    @property
    def _true_counts(self) -> Int[Array, " m"]:
        return jnp.take_along_axis(self.counts, self.sums[:, None], axis=1)[:, 0]

    @cached_property
    def _rows(self) -> tuple[np.ndarray, np.ndarray]:
        row, c = np.nonzero(np.asarray(self.counts))
        repeats = np.asarray(self.counts)[row, c]
        return np.repeat(row, repeats), np.repeat(c, repeats)


@register("modular_addition_regression")
@dataclass(frozen=True, kw_only=True)
class ModularAdditionRegression(ResidueTask):
    """g(θ; (a_1, …, a_k, c)) = f_c(θ; a) should be p · 1[Σ a_i ≡ c], square loss (Mohamadi et al. 2024, regression).

    The population is all p^(k+1) tuples; the zero predictor has loss exactly p on it. `accuracy` is of single tuples
    (g > p/2), `pair_accuracy` of arg max_c f_c over the (a_1, …, a_k) whose true tuple is in the split.
    Beyond 2^23 tuples, test and population are uniform samples of `evaluation_size` tuples.
    """

    train_size: str = config_field("2*p^2.25", "training tuples: a number, a share of the population, or a formula", expression=True)
    loss: Loss = part(Square(), "loss of one tuple: the square")
    p: int = config_field(47, "modulus", at_least=2, at_most=LARGEST)
    temperature: float = without(1.0)
    random_labels: float = without(0.0)
    label_noise: float = without(0.0)
    batch_size: str = without("100%")
    batch_order: str = without("epochs")
    evaluation_size: str = config_field("2^17", "tuples in test and population where all are too many", expression=True)

    headline = "pair_accuracy"

    @property
    def population_size(self) -> int:
        """p^(k+1)."""
        return self.p ** (self.k + 1)

    def population(self) -> Split:
        """All (k+1)-tuples as rows, in lexicographic order. Raises FieldError beyond 2^27."""
        inputs = all_tuples(self.p, self.k + 1)
        return Split(inputs, jnp.where(self.answers(inputs[:, :-1]) == inputs[:, -1], float(self.p), 0.0))

    def answers(self, inputs: Int[Array, "n k"]) -> Int[Array, " n"]:
        """Σ a_i mod p, the c that is right."""
        return jnp.sum(inputs, axis=1, dtype=jnp.int32) % self.p

    def group(self) -> Group:
        """The residues under addition."""
        return Group(np.arange(self.p), quotient=in_words((1,) * self.k))

    def splits(self, seed: int) -> Splits:
        """The sample of this seed; the rest and the whole, or samples of them where they are too large."""
        count = sampling.sample_size(self, self.population_size)
        generator = seeds.host_generator(seed, "data")
        drawn = np.sort(generator.choice(self.population_size, count, replace=self.replacement))
        if self.population_size <= DENSE_LIMIT:
            return self._dense(drawn)
        size = evaluate(self.evaluation_size, {"p": self.p, "k": self.k, "N": self.population_size}, whole=self.population_size)
        others = generator.integers(0, self.population_size, size)
        return Splits(self._counted(drawn), self._counted(others[~np.isin(others, drawn)]), self._counted(others))

    def notices(self, experiment: Any) -> list[str]:
        """Refuses any other loss: tuples are counted, not held one by one."""
        if self.loss != Square():
            raise FieldError("loss", self.loss, "must be square, without class weights: tuples are counted, not held one by one")
        return super().notices(experiment)

    def mean_loss(self, network: Any, split: CountedTuples) -> Float[Array, ""]:
        """Mean of (f_c − p·1[Σ a_i ≡ c])² over the sample: outputs once for each (a_1, …, a_k), then counts as a mask."""
        return self._mean_square(network(split.summands), split)

    def metrics(self, network: Any, splits: Splits) -> dict[str, Any]:
        """Loss, accuracy and pair_accuracy of each split; test and population share their outputs when all are there."""
        whole = network(splits.population.summands)
        values: dict[str, Any] = {}
        for name, split in splits:
            if split.size:
                shared = name == "population" or (name == "test" and self.population_size <= DENSE_LIMIT)
                outputs = whole if shared else network(split.summands)
                values |= {f"{name}/{quantity}": value for quantity, value in self._judge(outputs, split).items()}
        return values

    def _judge(self, outputs: Float[Array, "m p"], split: CountedTuples) -> dict[str, Any]:
        hit = split.sums[:, None] == jnp.arange(self.p)
        right = jnp.sum(jnp.where((outputs > self.p / 2) == hit, split.counts, 0))
        there = jnp.sum(jnp.where(hit, split.counts, 0), axis=1) > 0
        solved = there & (jnp.argmax(outputs, axis=1) == split.sums)
        values = {"loss": self._mean_square(outputs, split), "accuracy": share(right, split.size)}
        # 0/0 where no true tuple was drawn: NaN, recorded as null.
        return values | {"pair_accuracy": share(jnp.sum(solved), jnp.sum(there))}

    def _mean_square(self, outputs: Float[Array, "m p"], split: CountedTuples) -> Float[Array, ""]:
        targets = self.p * jax.nn.one_hot(split.sums, self.p, dtype=outputs.dtype)
        return jnp.sum(split.counts * (outputs - targets) ** 2) / split.size

    def _dense(self, drawn: np.ndarray) -> Splits:
        summands = all_tuples(self.p, self.k)
        train = np.bincount(drawn, minlength=self.population_size)
        counts = {"test": (train == 0).astype(np.int32), "population": np.ones_like(train, np.int32)}
        wholes = [CountedTuples(summands, jnp.asarray(c.reshape(-1, self.p)), int(c.sum())) for c in counts.values()]
        return Splits(self._counted(drawn), *wholes)

    def _counted(self, numbers: np.ndarray) -> CountedTuples:
        """A sample given by tuple numbers, as counts over the distinct summands that occur in it."""
        prefixes, row = np.unique(numbers // self.p, return_inverse=True)
        counts = np.zeros((len(prefixes), self.p), np.int32)
        np.add.at(counts, (row, numbers % self.p), 1)
        return CountedTuples(jnp.asarray(decode(prefixes, self.p, self.k)), jnp.asarray(counts), len(numbers))
