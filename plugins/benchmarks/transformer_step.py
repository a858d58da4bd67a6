"""A training step of the transformer beside PyTorch, eager and compiled."""

import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from framework import Benchmark, Experiment, field, register
from framework.config import experiment, select
from framework.testing.timing import bench_row, in_turn
from plugins.benchmarks.step import on_gpu, steps_of, torch_steps


@register("transformer_step")
@dataclass(frozen=True, kw_only=True)
class TransformerStep(Benchmark):
    """A step of the transformer of one block, n = 2·p^(5/3), against PyTorch with scaled_dot_product_attention.

    "torch": eager; "torch compiled": by torch.compile, which needs a C++ compiler on a CPU. Both have the same parameters and
    only compute the last token's query, as ours does. Source: whygrok.
    """

    p: tuple[int, ...] = field((47, 97), "moduli", at_least=2)
    optimizer: tuple[str, ...] = field(("adamw",), "optimizers")
    d_model: int = field(128, "entries of a token's vector", at_least=4)
    compiled: bool = field(True, "torch.compile is timed too")

    def measure(self, repeats: int, seconds: float) -> list[dict[str, Any]]:
        """One row per modulus, optimizer and reference."""
        return [row for p in self.p for optimizer in self.optimizer for row in self._rows(p, optimizer, repeats, seconds)]

    def _rows(self, p: int, optimizer: str, repeats: int, seconds: float) -> list[dict[str, Any]]:
        config = experiment(
            task=select("modular_addition", p=p, train_size="2*p^(5/3)"),
            model=select("transformer", d_model=self.d_model, d_mlp=4 * self.d_model),
            optimizer=select(optimizer, learning_rate=1e-3),
        )
        made = Experiment.from_config(config)
        programs = {"ours": steps_of(made)}
        if importlib.util.find_spec("torch"):
            for name in ("torch", "torch compiled")[: 1 + self.compiled]:
                parameters, loss = torch_loss(made, compiled=name == "torch compiled")
                programs[name] = torch_steps(loss, parameters, optimizer, 1e-3)
        times = in_turn(programs, repeats, seconds)
        setting = {"p": p, "optimizer": optimizer, "d_model": self.d_model, "train_size": len(made.splits.train)}
        return [bench_row("transformer_step", setting, times["ours"], name, times.get(name, [])) for name in ("torch", "torch compiled")]


def torch_loss(made: Experiment, compiled: bool = False) -> tuple[list[Any], Callable[[], Any]]:
    """(parameters, the mean loss of the training split) in PyTorch, of the transformer with its defaults, as initialized."""
    import torch

    params = made.initial_state().params
    named = {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(params)}
    device = "cuda" if on_gpu() else "cpu"
    own = {name: torch.tensor(np.asarray(leaf), requires_grad=True, device=device) for name, leaf in named.items()}
    module: Any = made.network.module(params, made.initial_state().variables)
    tokens = torch.tensor(np.asarray(module.sequence(made.splits.train.inputs)), dtype=torch.long, device=device)
    labels = torch.tensor(np.asarray(made.splits.train.targets), dtype=torch.long, device=device)

    def loss() -> Any:
        return torch.nn.functional.cross_entropy(torch_logits(own, tokens), labels)

    return list(own.values()), torch.compile(loss) if compiled else loss


def torch_logits(own: dict[str, Any], tokens: Any) -> Any:
    """The logits [n, p] at the last token, from parameters by the names that ours have."""
    import torch

    def of(name: str) -> Any:
        [found] = [value for key, value in own.items() if key == name or key.endswith("." + name)]
        return found

    x = torch.nn.functional.embedding(tokens, of("tokens.embedding")) + of("places.embedding")
    last = x[:, -1:]
    query = torch.einsum("ntd,dhe->nhte", last, of("query.kernel"))
    key, value = (torch.einsum("ntd,dhe->nhte", x, of(f"{name}.kernel")) for name in ("key", "value"))
    mixed = torch.nn.functional.scaled_dot_product_attention(query, key, value, scale=1 / math.sqrt(query.shape[-1]))
    last = last + torch.einsum("nhte,hed->ntd", mixed, of("out.kernel"))
    last = last + torch.relu(last @ of("up.kernel")) @ of("down.kernel")
    return last[:, 0] @ of("unembed.kernel")
