"""Models that are wrong, each in one way. `BROKEN`: the plugin, the promise that it does not keep, words of the sentence."""

import itertools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from framework import Model, field

_called = itertools.count(1)  # what a plugin may not do: remember outside of its state


class Table(nnx.Module):
    """Σ_i E[i, a_i]: a sound network to be broken."""

    def __init__(self, sizes, rngs, dtype=None, outputs=None):
        shape = (sizes.tokens, sizes.values, outputs or sizes.outputs)
        self.E = nnx.Param(jax.random.normal(rngs.params(), shape, dtype or jnp.result_type(float)))

    def __call__(self, inputs):
        return jnp.sum(self.E[jnp.arange(inputs.shape[1]), inputs], axis=1)


class _Unlearnable(nnx.Module):
    def __init__(self, sizes, rngs):
        self.outputs = sizes.outputs

    def __call__(self, inputs):
        return jnp.zeros((len(inputs), self.outputs))


class _Narrow(Table):
    def __init__(self, sizes, rngs):
        super().__init__(sizes, rngs, outputs=3)


class _Single(Table):
    def __init__(self, sizes, rngs):
        super().__init__(sizes, rngs, jnp.float32)


class _Global(Table):
    def __init__(self, sizes, rngs):
        super().__init__(sizes, rngs)
        self.E[...] = jnp.asarray(np.random.normal(size=self.E.shape), self.E.dtype)


class _Mixing(Table):
    def __call__(self, inputs):
        outputs = super().__call__(inputs)
        return outputs - jnp.mean(outputs, axis=0)


class _Counting(Table):
    def __init__(self, sizes, rngs):
        super().__init__(sizes, rngs)
        self.calls = nnx.BatchStat(jnp.zeros(()))

    def __call__(self, inputs):
        self.calls[...] = self.calls[...] + 1
        return super().__call__(inputs)


class _Blocked(Table):
    def __call__(self, inputs):
        return jax.lax.stop_gradient(super().__call__(inputs))


class _Remembering(Table):
    def __call__(self, inputs):
        return super().__call__(inputs) * (1 + next(_called))


NETWORKS = {
    "sound": Table,
    "without parameters": _Unlearnable,
    "too few outputs": _Narrow,
    "always float32": _Single,
    "drawn by NumPy": _Global,
    "mixing the batch": _Mixing,
    "counting evaluations": _Counting,
    "blocking gradients": _Blocked,
    "remembering traces": _Remembering,
}


@dataclass(frozen=True, kw_only=True)
class Tables(Model):
    """A network of the table above (1801)."""

    network: str = field("sound", "which", choices=tuple(NETWORKS))
    degree: int | None = field(None, "what it says its degree of homogeneity is")

    def build(self, task, *, rngs):
        return NETWORKS[self.network](task.sizes, rngs)

    def homogeneity(self, task):
        return self.degree


BROKEN = [
    (Tables(network="without parameters"), "it builds a module", "has no parameters"),
    (Tables(network="too few outputs"), "its outputs fit the task", "outputs are float32[25, 3]; this task needs float32[25, 5]"),
    (Tables(network="drawn by NumPy"), "it follows from the seed", "two builds from one seed have different parameters"),
    (Tables(network="always float32"), "it computes in float64", "parameters and outputs are float32"),
    (Tables(network="mixing the batch"), "each example is answered alone", "no mixing over the batch"),
    (Tables(network="counting evaluations"), "evaluating changes nothing", "a variable of the network changes"),
    (Tables(degree=2), "its degree is what it says", "homogeneity says L = 2, but doubling all parameters multiplies outputs by 2^1.00"),
    (Tables(network="blocking gradients"), "its gradient is finite", "the gradient is 0 for every parameter"),
    (Tables(network="remembering traces"), "a run resumes", "differs at step 4 in"),
]
