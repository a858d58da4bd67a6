"""Training does not see which residue is which: permuted data give the permuted network, at every step."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from framework import Claim, Optimizer, Row, field, register
from framework.registry import build
from plugins.networks.trajectories import cross_entropy, initial, square_loss, trajectories
from plugins.networks.written_down import Tuples, all_tuples, outputs

Params = dict[str, np.ndarray]
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "gd": {"learning_rate": 0.1},
    "normalized_gd": {"learning_rate": 0.1},
    "adam": {"learning_rate": 0.05},
    "adamw": {"learning_rate": 0.05},
}
TOLERANCE = 1e-8  # of outputs, relative: rounding, as sums over residues are taken in another order
MOVES = 1e-2  # how far training must move the outputs, relative, for its equivariance to mean anything


class Case(NamedTuple):
    """A θ'_0, the permutations of its data, and whether training should be equivariant."""

    name: str
    start: Params
    permutations: list[np.ndarray]
    holds: bool = True


@register("training_equivariance")
@dataclass(frozen=True, kw_only=True)
class TrainingEquivariance(Claim):
    """Permute values and answers by σ_1, …, σ_k, σ in the data and in θ_0: f(θ'_t; σ(a))_{σ(c)} = f(θ_t; a)_c at every step t.

    Thm 3.3 (regression), Prop. 4.2 (classification) and Cor. C.7 (Adam) of Mohamadi et al. 2024; here also k = 3. θ'_0 has
    the rows W_i[σ_i(a)] = W_i[a] and V[σ(c)] = V[c]; as θ_0's entries are independent and alike, it is as likely as θ_0.
    Controls: noise drawn by coordinate, which is equivariant in distribution only, the same θ_0 for both, and one block
    W for all summands, which is equivariant where σ_1 = … = σ_k and not beyond.
    """

    p: int = field(5, "modulus", at_least=3)
    width: int = field(6, "h", at_least=1)
    steps: int = field(20, "number of steps that are compared", at_least=1)

    tags = ("equivariance", "training")
    scales = {"laptop": {"p": 11, "width": 44, "steps": 100}, "full": {"p": 23, "width": 92, "steps": 200}}

    def check(self, seed: int) -> list[Row]:
        """The largest deviation of outputs over all inputs and steps, as a share of the largest output."""
        generator = np.random.default_rng(seed)
        sigma = draw_unlike(generator, self.p, 4)
        two, three, alike = [sigma[0], sigma[1], sigma[3]], sigma, [sigma[0], sigma[0], sigma[3]]
        made = {name: build("optimizer", name, **fields) for name, fields in OPTIMIZERS.items()}
        noisy = build("optimizer", "noisy", inner=made["gd"], noise_std=0.01)
        some = {name: made[name] for name in ("gd", "adam")}
        start, shared, third = (initial(generator, self.p, k, self.width) for k in (2, 2, 3))
        shared["W"] = shared["W"][:1]
        right, unmoved = Case("", permuted_parameters(start, two), two), Case(", θ'_0 = θ_0", start, two, holds=False)
        one, other = (permuted_parameters(shared, permutations) for permutations in (alike, two))
        return [
            *self._rows("classification", made | {"gd with noise": noisy}, start, [right, unmoved]),
            *self._rows("regression", made, start, [right, unmoved], regression=True),
            *self._rows("k = 3", some, third, [Case("", permuted_parameters(third, three), three)]),
            *self._rows("one W", {"gd": made["gd"]}, shared, [Case(", one σ", one, alike), Case(", two σ", other, two, holds=False)]),
        ]

    def _rows(self, what: str, optimizers: dict[str, Optimizer], start: Params, cases: list[Case], regression: bool = False) -> list[Row]:
        """Training from `start` on a sample, beside each case's θ'_0 on the sample permuted."""
        k = len(cases[0].permutations) - 1
        inputs = all_tuples(self.p, k)
        points = all_tuples(self.p, k + 1)[::3]
        if not regression:
            points = np.concatenate([inputs, inputs.sum(axis=1, keepdims=True) % self.p], axis=1)[::2]
        targets = np.where(points[:, :-1].sum(axis=1) % self.p == points[:, -1], float(self.p), 0.0)
        samples = [points, *(permuted_points(points, case.permutations) for case in cases)]
        objective = square_loss if regression else cross_entropy
        data = [(x, targets) if regression else (x[:, :-1], x[:, -1]) for x in samples]
        starts = [start, *(case.start for case in cases)]
        found = trajectories(objective, tuple(optimizers.values()), starts, data, self.steps, seed=0)
        rows = []
        for name, (path, *others) in zip(optimizers, found, strict=True):
            for case, moved in zip(cases, others, strict=True):
                holds = case.holds and name != "gd with noise"
                miss = relative_deviation(path, moved, inputs, case.permutations)
                rows.append(Row(f"{what}{case.name}, {name}", 0, miss, TOLERANCE, expected_to_hold=holds))
        least = float(np.min([change_of_outputs(path, inputs) for path, *_ in found]))
        return [*rows, Row(f"{what}: change of the outputs by training, least over optimizers", MOVES, least, 0, ">=")]


def draw_unlike(generator: np.random.Generator, p: int, count: int) -> list[np.ndarray]:
    """Permutations of which no two are the same, and none is the identity: the controls need that, and p = 3 has only six."""
    found = [np.arange(p)]
    while len(found) <= count:
        sigma = generator.permutation(p)
        if not any(np.array_equal(sigma, other) for other in found):
            found.append(sigma)
    return found[1:]


def permuted_points(points: Tuples, permutations: list[np.ndarray]) -> Tuples:
    """(σ_1(a_1), …, σ_k(a_k), σ(c))."""
    return np.stack([sigma[column] for sigma, column in zip(permutations, points.T, strict=True)], axis=1)


def permuted_parameters(params: Params, permutations: list[np.ndarray]) -> Params:
    """W_i[σ_i(a)] = W_i[a], V[:, σ(c)] = V[:, c]. One block for all summands moves by σ_1."""
    *of_blocks, of_outputs = permutations
    moved = {name: np.empty_like(leaf) for name, leaf in params.items()}
    for i, block in enumerate(params["W"]):
        moved["W"][i, of_blocks[i]] = block
    moved["V"][:, of_outputs] = params["V"]
    return moved


def change_of_outputs(path: Params, inputs: Tuples) -> float:
    """max |f(θ_T; a)_c − f(θ_0; a)_c| over inputs and outputs, divided by the largest |f(θ_0)|: what does not move is equivariant too."""
    blocks = [0] * inputs.shape[1] if path["W"].shape[1] == 1 else list(range(inputs.shape[1]))
    first, last = (outputs(path["W"][t][blocks], path["V"][t], inputs) for t in (0, -1))
    return float(np.abs(last - first).max() / np.abs(first).max())


def relative_deviation(path: Params, moved: Params, inputs: Tuples, permutations: list[np.ndarray]) -> float:
    """max |f(θ'_t; σ(a))_{σ(c)} − f(θ_t; a)_c| over steps, inputs and outputs, divided by the largest |f|."""
    *of_blocks, of_outputs = permutations
    after = permuted_points(inputs, of_blocks)
    blocks = [0] * inputs.shape[1] if path["W"].shape[1] == 1 else list(range(inputs.shape[1]))
    deviations, sizes = [], []
    for t in range(len(path["V"])):
        before = outputs(path["W"][t][blocks], path["V"][t], inputs)
        there = outputs(moved["W"][t][blocks], moved["V"][t], after)[:, of_outputs]
        deviations.append(np.abs(there - before).max())
        sizes.append(np.abs(before).max())
    return float(np.max(deviations) / np.max(sizes))  # NumPy's maximum of a NaN is NaN; Python's max would pass it over
