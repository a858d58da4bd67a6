"""Functions on the group of a task by frequency: waves on a cyclic group, matrix entries of representations on another one."""

import abc
from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped

from framework.interfaces import Group
from plugins.mathematics.fourier import power_spectrum
from plugins.mathematics.modular import linear_rule
from plugins.mathematics.points import Questions


@dataclass(frozen=True, eq=False)
class Harmonics(abc.ABC):
    """The frequencies of a group, numbered from 0, which is the constant function."""

    group: Group

    has_phases: ClassVar[bool] = False

    @property
    def size(self) -> int:
        """The number of elements, m."""
        return len(self.group.elements)

    @property
    @abc.abstractmethod
    def count(self) -> int:
        """The number of frequencies, F."""

    @abc.abstractmethod
    def power(self, w: Float[Array, "*batch m"], folded: bool = True) -> Float[Array, "*batch F"]:
        """ΣP = m Σw²; `folded` as in power_spectrum, where the group is cyclic."""

    @abc.abstractmethod
    def project(self, w: Float[Array, "m ..."], kept: Float[Array, " F"]) -> Float[Array, "m ..."]:
        """The part of w, a function of its first axis, at the frequencies with kept[f] = 1."""

    @abc.abstractmethod
    def quotients(self, elements: Int[Array, " n"]) -> Int[Array, "n m"]:
        """[i, c]: the number of x_i c^{−1}."""

    @abc.abstractmethod
    def rule(self, inputs: Shaped[np.ndarray, "n k"], labels: Shaped[np.ndarray, " n"]) -> Int[np.ndarray, " k"] | None:
        """(c_1, …, c_k) with x = Σ c_i x_i for elements of a cyclic group, by tokens and answers of a population; else None."""

    @property
    def places(self) -> Int[np.ndarray, " n"]:
        """Token → the element that it stands for, −1 where there is none."""
        found = np.full(np.max(self.group.elements) + 1, -1, np.int32)
        found[self.group.elements] = np.arange(self.size)
        return found

    def is_plain(self, outputs: int) -> bool:
        """Whether element x is token x, for all outputs."""
        return np.array_equal(self.group.elements, np.arange(outputs))

    def take(self, w: Shaped[Array, "..."], axis: int) -> Shaped[Array, "..."]:
        """Along an axis of tokens or outputs, the entries of the elements, in their order."""
        return w if self.is_plain(w.shape[axis]) else jnp.take(w, self.group.elements, axis=axis)

    def numbers_of(self, tokens: Shaped[Array, "..."], outputs: int) -> Shaped[Array, "..."]:
        """The elements that tokens stand for, −1 where there is none."""
        if self.is_plain(outputs):
            return tokens
        places = jnp.asarray(np.append(self.places, -1))
        return places[jnp.minimum(tokens, len(places) - 1)]

    def of_answers(self, questions: Questions, outputs: int) -> tuple[Int[Array, " n"], Bool[Array, " n"] | None]:
        """(elements of the answers, whether answer and all tokens stand for elements); None where all of them do."""
        labels = self.numbers_of(questions.labels, outputs)
        if self.is_plain(outputs):
            return labels, None
        inside = jnp.all(self.numbers_of(questions.inputs, outputs) >= 0, axis=1) & (labels >= 0)
        return jnp.maximum(labels, 0), inside


@dataclass(frozen=True, eq=False)
class Waves(Harmonics):
    """Of a cyclic group of m elements: f and m − f together, f = 0 … m//2."""

    has_phases: ClassVar[bool] = True

    @property
    def count(self) -> int:
        """m//2 + 1."""
        return self.size // 2 + 1

    def power(self, w: Float[Array, "*batch m"], folded: bool = True) -> Float[Array, "*batch F"]:
        """|ŵ_f|²."""
        return power_spectrum(w, folded)

    def project(self, w: Float[Array, "m ..."], kept: Float[Array, " F"]) -> Float[Array, "m ..."]:
        """By the transform and back."""
        kept = kept.reshape(-1, *[1] * (w.ndim - 1))
        return jnp.fft.irfft(jnp.fft.rfft(w, axis=0) * kept, self.size, axis=0)

    def quotients(self, elements: Int[Array, " n"]) -> Int[Array, "n m"]:
        """x − c mod m."""
        return (elements[:, None] - jnp.arange(self.size)) % self.size

    def rule(self, inputs: Shaped[np.ndarray, "n k"], labels: Shaped[np.ndarray, " n"]) -> Int[np.ndarray, " k"] | None:
        """As linear_rule, on the points whose tokens and answers all stand for elements."""
        places = np.append(self.places, -1)
        x, y = (places[np.minimum(tokens, len(places) - 1)] for tokens in (inputs, labels))
        inside = np.all(x >= 0, axis=1) & (y >= 0)
        return linear_rule(x[inside], y[inside], self.size)


@dataclass(frozen=True, eq=False)
class Coefficients(Harmonics):
    """Of a group with given representations: a frequency is what the entries of the matrices of one of them span."""

    @property
    def count(self) -> int:
        """The number of representations."""
        return len(self.group.representations)

    @property
    def _basis(self) -> tuple[Float[Array, "m m"], Int[np.ndarray, " m"]]:
        """(orthonormal columns, the representation of each)."""
        spans = [span(R) for R in self.group.representations.values()]
        numbers = [np.full(part.shape[1], number) for number, part in enumerate(spans)]
        return jnp.asarray(np.concatenate(spans, axis=1), jnp.result_type(float)), np.concatenate(numbers)

    def power(self, w: Float[Array, "*batch m"], folded: bool = True) -> Float[Array, "*batch F"]:
        """M times the squared length of the part in each span."""
        columns, numbers = self._basis
        squares = self.size * (w @ columns) ** 2
        return squares @ jnp.asarray(numbers[:, None] == np.arange(self.count), squares.dtype)

    def project(self, w: Float[Array, "m ..."], kept: Float[Array, " F"]) -> Float[Array, "m ..."]:
        """The orthogonal projection on the spans that are kept."""
        columns, numbers = self._basis
        return jnp.tensordot((columns * kept[numbers]) @ columns.T, w, axes=1)

    def quotients(self, elements: Int[Array, " n"]) -> Int[Array, "n m"]:
        """X c^{−1}: the y with y c = x."""
        assert self.group.table is not None
        return jnp.asarray(np.argsort(self.group.table, axis=0).astype(np.int32))[elements]

    def rule(self, inputs: Shaped[np.ndarray, "n k"], labels: Shaped[np.ndarray, " n"]) -> None:
        """None: phases are numbers only on a cyclic group."""
        return None


def harmonics_of(group: Group) -> Harmonics:
    """Waves, or where representations are given their coefficients."""
    return Coefficients(group) if group.representations else Waves(group)


def span(R: Float[np.ndarray, "m d d"]) -> Float[np.ndarray, "m r"]:
    """An orthonormal basis of the functions that are linear in the entries of R(x): d² of them where R stays irreducible over ℂ."""
    u, sizes, _ = np.linalg.svd(R.reshape(len(R), -1), full_matrices=False)
    return u[:, sizes > 1e-9 * sizes[0]]
