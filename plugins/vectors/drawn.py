"""Tasks whose examples are drawn at random."""

import abc
import dataclasses
from dataclasses import dataclass

import numpy as np

from framework import Split, Splits, Task, field, seeds

LARGEST = 2**20  # examples


@dataclass(frozen=True, kw_only=True)
class DrawnTask(Task):
    """A population of `points` examples, drawn with the rule behind them: by the run's seed, unless it has a seed of its own."""

    points: int = field(1_000, "number of examples, those to train on and those to test on together", at_least=2, at_most=LARGEST)
    population_seed: int | None = field(None, "seed of the examples; none: the run's, so that each seed has its own", at_least=0)

    @abc.abstractmethod
    def drawn(self, generator: np.random.Generator) -> Split:
        """The examples. All that is random in them, the rule included, comes from the generator."""

    def population(self) -> Split:
        """The examples of population_seed (0 where it is none)."""
        return self.drawn(seeds.host_generator(self.population_seed or 0, "points"))

    def splits(self, seed: int) -> Splits:
        """The sample for this seed, from the examples of this seed unless population_seed is given."""
        if self.population_seed is None:
            return dataclasses.replace(self, population_seed=seed).splits(seed)
        return super().splits(seed)
