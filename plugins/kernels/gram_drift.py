"""How far the quadratic network's tangent kernel moved, from h×h Gram matrices: exact, and no n×n matrix.

Both parts of the kernel are sums over neurons. With F = z^d, D = d z^{d−1} (n×h) and s(x, x') the number of shared summands,

    Θ(x, x') = 1_q Σ_j F_xj F_x'j + s(x, x') Σ_j D_xj D_x'j v_j v_jᵀ,      v_j ∈ R^q the output weights of neuron j.

For features P, Q ∈ {F, D} let E^P_j(x, x') = P_xj P_x'j. Squared Frobenius norms then need only Σ E^P_j E^Q_l over pairs of
points that agree in some summands; for each group of such points that is the entrywise square of the Gram matrix PᵀQ.
A change is written with means and differences, E_t − E_0 = P̄ ΔP' + ΔP P̄', and ΔP has Δz = z_t − z_0 as a factor: nothing
cancels, however close the kernels. Cost O(n h²) for each set of at most two summands.
"""

import functools
from itertools import combinations
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from plugins.kernels.closed_form import QuadraticWeights, directions, preactivations
from plugins.kernels.moved import Moved, moved

CHUNK = 1024  # points whose features are held at once
FEW = 2  # groups of at most this many points are summed pair by pair


class PairSums(NamedTuple):
    """Σ over pairs of points of E^P_j E^Q_l, each [h, h]: of changes ΔE = E_t − E_0 and of means Ē = (E_t + E_0)/2."""

    change_change: Any
    change_mean: Any
    mean_change: Any
    mean_mean: Any

    def at(self, side: float) -> Any:
        """The same of E_t (side ½) or E_0 (side −½) itself, as E = Ē ± ΔE/2."""
        return self.mean_mean + side * (self.change_mean + self.mean_change) + self.change_change / 4


Kind = str  # of features: "F", "D", or "A" = D times the output weights of the point's own output
Two = tuple[QuadraticWeights, QuadraticWeights]  # after, before


def squared_norms(networks: Two, x: Int[np.ndarray, "n m"], degree: int, outputs: str) -> Float[Array, "3"]:
    """(‖Θ_t − Θ_0‖², ‖Θ_t‖², ‖Θ_0‖²), Frobenius, at the points x, in float64. `networks`: at t, at 0.

    With outputs="own" the last column of x names the output of its point, and the first part of the kernel only joins points
    of one output.
    """
    own = outputs == "own"
    summands, base = range(networks[0].W.shape[0]), ((x.shape[1] - 1,) if own else ())
    V = moved(*(jnp.ones((w.V.shape[0], 1), w.V.dtype) if own else directions(w.V, outputs) for w in networks))
    second = "A" if own else "D"

    def sums(left: Kind, right: Kind, columns: tuple[int, ...]) -> PairSums:
        return pair_sums(networks, x, groups_of_equal(x, columns), degree, left, right)

    def total(parts: list[PairSums]) -> PairSums:
        return jax.tree.map(lambda *matrices: sum(matrices), *parts)

    FF = sums("F", "F", base)
    FD = total([sums("F", second, (*base, i)) for i in summands])
    once = [sums(second, second, (i,)) for i in summands]
    both = [sums(second, second, pair) for pair in combinations(summands, 2)]
    DD = total([*once, *both, *both])  # Σ_i 1_i squared is Σ_i 1_i + 2 Σ_{i<i'} 1_i 1_i'
    return _assemble(FF, FD, DD, V)


def groups_of_equal(x: Int[np.ndarray, "n m"], columns: tuple[int, ...]) -> Int[np.ndarray, "G s"]:
    """The points in groups that agree in these columns, as indices; rows are filled up with −1."""
    if not columns:
        return np.arange(len(x), dtype=np.int32)[None]
    _, group, counts = np.unique(x[:, list(columns)], axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(group.ravel(), kind="stable")
    groups = np.full((len(counts), counts.max()), -1, np.int32)
    groups[np.repeat(np.arange(len(counts)), counts), np.concatenate([np.arange(count) for count in counts])] = order
    return groups


def pair_sums(networks: Two, x: Any, groups: Int[np.ndarray, "G s"], degree: int, left: Kind, right: Kind) -> PairSums:
    """Sums over all ordered pairs of points in the same group."""
    if groups.shape[1] <= FEW:
        pairs = groups[:, np.indices((groups.shape[1],) * 2).reshape(2, -1)].transpose(0, 2, 1).reshape(-1, 2)
        blocks = _filled(pairs[np.all(pairs >= 0, axis=1)], CHUNK)
        return _sums_by_pairs(networks, x, blocks, degree, left, right)
    chunk = min(groups.shape[1], CHUNK)
    filled = _filled(groups.T, chunk).transpose(2, 0, 1)  # [G, chunks, chunk]
    return _sums_by_groups(networks, x, filled, degree, left, right)


@functools.partial(jax.jit, static_argnames=("degree", "left", "right"))
def _sums_by_groups(networks: Two, x: Any, groups: Any, degree: int, left: Kind, right: Kind) -> PairSums:
    h = networks[0].W.shape[2]

    def add(total: PairSums, group: Any) -> tuple[PairSums, None]:
        def add_chunk(grams: PairSums, points: Any) -> tuple[PairSums, None]:
            P = features(networks, x, points, degree, left)
            Q = P if left == right else features(networks, x, points, degree, right)
            return jax.tree.map(jnp.add, grams, grams_of(P, Q)), None

        grams, _ = jax.lax.scan(add_chunk, _nothing(h), group)
        return jax.tree.map(jnp.add, total, sums_of_grams(grams)), None

    return jax.lax.scan(add, _nothing(h), groups)[0]


@functools.partial(jax.jit, static_argnames=("degree", "left", "right"))
def _sums_by_pairs(networks: Two, x: Any, pairs: Any, degree: int, left: Kind, right: Kind) -> PairSums:
    """The same sums from E itself: cheaper where nearly all groups are single points."""

    def add(total: PairSums, chunk: Any) -> tuple[PairSums, None]:
        E, G = (features(networks, x, chunk[:, 0], degree, k) * features(networks, x, chunk[:, 1], degree, k) for k in (left, right))
        return jax.tree.map(jnp.add, total, grams_of(E, E if left == right else G)), None

    return jax.lax.scan(add, _nothing(networks[0].W.shape[2]), pairs)[0]


def grams_of(P: Moved, Q: Moved) -> PairSums:
    """ΔPᵀΔQ, ΔPᵀQ̄, P̄ᵀΔQ and P̄ᵀQ̄ of features [n, h]: one large product is faster than four, and when Q is P, ¾ of it is enough."""
    h = P.new.shape[1]
    if P is Q:
        upper = P.mean.T @ P.halves
        return PairSums(P.change.T @ P.change, upper[:, h:].T, upper[:, h:], upper[:, :h])
    gram = P.halves.T @ Q.halves
    return PairSums(gram[h:, h:], gram[h:, :h], gram[:h, h:], gram[:h, :h])


def sums_of_grams(grams: PairSums) -> PairSums:
    """The sums over the pairs of one group, from its Gram matrices."""
    cc, cm, mc, mm = grams
    return PairSums(
        change_change=2 * (mm * cc + mc * cm),
        change_mean=2 * mm * cm + mc * cc / 2,
        mean_change=2 * mm * mc + cm * cc / 2,
        mean_mean=mm**2 + (mc**2 + cm**2) / 4 + cc**2 / 16,
    )


def features(networks: Two, x: Any, points: Int[Array, " n"], degree: int, kind: Kind) -> Moved:
    """F, D or A at the points with these indices, [n, h]; rows of zeros at index −1."""
    W = moved(networks[0].W, networks[1].W)
    rows = x[points]
    z = W.of(lambda matrix: preactivations(matrix, rows[:, : matrix.shape[0]]))
    # D = d z^{d−1} is the constant d for d = 1: its change is 0, which _power need not be told.
    power = _power(z, degree if kind == "F" else degree - 1)
    if kind != "F":
        power = power.of(lambda matrix: degree * matrix)
    if kind == "A":
        power = power * moved(*(w.V for w in networks)).of(lambda V: V.T[rows[:, -1]])
    return power.of(lambda matrix: jnp.where((points >= 0)[:, None], matrix, 0))


def _power(z: Moved, exponent: int) -> Moved:
    one = jnp.ones_like(z.new)
    result = Moved(one, one, jnp.zeros_like(one))
    for _ in range(exponent):
        result = result * z
    return result


def _assemble(FF: PairSums, FD: PairSums, DD: PairSums, V: Moved) -> Float[Array, "3"]:
    """‖Σ_j (E^F_j 1_q + s E^D_j U_j)‖² for the change, the new and the old kernel, with U_j = v_j v_jᵀ."""
    q = V.new.shape[1]
    rows = V.of(jnp.transpose)
    UU = sums_of_grams(grams_of(rows, rows))  # Σ_cc' U_j U_l, as the rows of V are one group
    u = (V * V).of(lambda square: jnp.sum(square, axis=1))  # trace of U_j
    change = q * jnp.sum(FF.change_change) + 2 * jnp.sum(FD.change_change @ u.mean + FD.change_mean @ u.change)
    change += jnp.sum(DD.change_change * UU.mean_mean + 2 * DD.change_mean * UU.mean_change + DD.mean_mean * UU.change_change)
    sides = [
        q * jnp.sum(FF.at(side)) + 2 * jnp.sum(FD.at(side) @ trace) + jnp.sum(DD.at(side) * UU.at(side))
        for side, trace in ((0.5, u.new), (-0.5, u.old))
    ]
    return jnp.maximum(jnp.stack([change, *sides]), 0)


def _nothing(h: int) -> PairSums:
    return PairSums(*[jnp.zeros((h, h), jnp.float64)] * 4)


def _filled(rows: Int[np.ndarray, "n m"], block: int) -> Int[np.ndarray, "blocks block m"]:
    """The rows in equal blocks, the last one filled up with −1."""
    count = -(-len(rows) // block)
    filled = np.full((count * block, rows.shape[1]), -1, rows.dtype)
    filled[: len(rows)] = rows
    return filled.reshape(count, block, rows.shape[1])
