"""A training step of the quadratic network beside its floor, a hand-written script, and PyTorch where it is installed."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from framework import Benchmark, Experiment, field, register
from framework.config import experiment, select
from framework.testing.timing import Program, bench_row, in_turn


@register("step")
@dataclass(frozen=True, kw_only=True)
class Step(Benchmark):
    """A training step of the quadratic network, h = 4p, n = 2·p^(5/3), against each reference.

    "floor": the three matrix products alone; "plain": the same step written by hand with textbook cross-entropy; "torch":
    embedding lookups, on a CPU with all threads, on a GPU as a CUDA graph. Source: whygrok.
    """

    p: tuple[int, ...] = field((23, 47, 97), "moduli", at_least=2)
    optimizer: tuple[str, ...] = field(("gd", "adamw"), "optimizers")

    def measure(self, repeats: int, seconds: float) -> list[dict[str, Any]]:
        """One row per modulus, optimizer and reference."""
        return [row for p in self.p for optimizer in self.optimizer for row in _rows(p, optimizer, repeats, seconds)]


def _rows(p: int, optimizer: str, repeats: int, seconds: float) -> list[dict[str, Any]]:
    made = Experiment.from_config(_config(p, optimizer))
    programs = {"ours": steps_of(made), "floor": _floor(made), "plain": _plain(made)}
    if importlib.util.find_spec("torch"):
        programs["torch"] = _torch(made, optimizer)
    times = in_turn(programs, repeats, seconds)
    setting = {"p": p, "optimizer": optimizer, "width": 4 * p, "train_size": len(made.splits.train)}
    return [bench_row("step", setting, times["ours"], name, times[name]) for name in programs if name != "ours"]


def _config(p: int, optimizer: str) -> Any:
    return experiment(
        task=select("modular_addition", p=p, train_size="2*p^(5/3)"),
        model=select("quadratic", width="4*p"),
        # A rate at which nothing diverges: infinities are computed at another speed.
        optimizer=select(optimizer, learning_rate=1e-3),
    )


def steps_of(made: Experiment) -> Program:
    """So many training steps, one after another."""
    state = made.initial_state()

    def run(count: int) -> None:
        nonlocal state
        state, _ = made.advance(state, count)

    return run


def _floor(made: Experiment) -> Program:
    """The products of a step and nothing else: Φ V forward, Φᵀ G and G Vᵀ backward, Φ [n, h], V [h, p], G [n, p]."""
    n, p = len(made.splits.train), made.task.sizes.outputs
    keys = jax.random.split(jax.random.key(0), 2)
    features, V = jax.random.normal(keys[0], (n, 4 * p)), jax.random.normal(keys[1], (4 * p, p))

    @jax.jit
    def run(count: Any, features: Any, V: Any) -> Any:
        def body(_: Any, carry: tuple) -> tuple:
            features, V = carry
            outputs = features @ V
            # Each product feeds the next step, else the compiler would move it out of the loop.
            return 1e-9 * (outputs @ V.T), 1e-9 * (features.T @ outputs)

        return jax.lax.fori_loop(0, count, body, (features, V))

    return lambda count: jax.block_until_ready(run(count, features, V))


def _plain(made: Experiment) -> Program:
    """The same step written out with textbook cross-entropy: what a script without a framework would compile."""
    inputs, labels = made.splits.train.inputs, made.splits.train.targets
    params = made.initial_state().params
    transform = made.optimizer.transform()

    def loss(params: Any, inputs: Any, labels: Any) -> Any:
        z = params["W"][0][inputs[:, 0]] + params["W"][1][inputs[:, 1]]
        logits = z**2 @ params["V"]
        correct = jnp.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
        return jnp.mean(jax.nn.logsumexp(logits, axis=1) - correct)

    @partial(jax.jit, donate_argnums=0)
    def run(carry: Any, count: Any, inputs: Any, labels: Any) -> Any:
        def body(_: Any, carry: Any) -> Any:
            params, opt_state = carry
            updates, opt_state = transform.update(jax.grad(loss)(params, inputs, labels), opt_state, params)
            return optax.apply_updates(params, updates), opt_state

        return jax.lax.fori_loop(0, count, body, carry)

    carry = params, transform.init(params)

    def program(count: int) -> None:
        nonlocal carry
        carry = jax.block_until_ready(run(carry, count, inputs, labels))

    return program


def _torch(made: Experiment, optimizer: str) -> Program:
    """The same step in PyTorch: one gather per summand, cross_entropy, its own optimizer; on a GPU as a CUDA graph."""
    import torch

    device = "cuda" if on_gpu() else "cpu"
    state = made.initial_state()
    W, V = (torch.tensor(np.asarray(state.params[name]), requires_grad=True, device=device) for name in ("W", "V"))
    inputs = torch.tensor(np.asarray(made.splits.train.inputs), dtype=torch.long, device=device)
    labels = torch.tensor(np.asarray(made.splits.train.targets), dtype=torch.long, device=device)

    def loss() -> Any:
        z = torch.nn.functional.embedding(inputs[:, 0], W[0]) + torch.nn.functional.embedding(inputs[:, 1], W[1])
        return torch.nn.functional.cross_entropy(z.square() @ V, labels)

    return torch_steps(loss, [W, V], optimizer, 1e-3)


def on_gpu() -> bool:
    """Both JAX and PyTorch have a GPU, and JAX uses it."""
    import torch

    return jax.default_backend() == "gpu" and torch.cuda.is_available()


def torch_steps(loss: Callable[[], Any], parameters: list[Any], optimizer: str, learning_rate: float) -> Program:
    """So many steps of PyTorch, one after another; on a GPU one captured step is played back."""
    import torch

    classes: dict[str, Any] = {"gd": torch.optim.SGD, "sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    chosen = classes.get(optimizer, torch.optim.SGD)
    captured = {"capturable": True} if on_gpu() and chosen is not torch.optim.SGD else {}
    update = chosen(parameters, lr=learning_rate, **captured)

    def step() -> None:
        update.zero_grad()
        loss().backward()
        update.step()

    def steps(count: int) -> None:
        for _ in range(count):
            step()

    if not on_gpu():
        return steps
    graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    with torch.cuda.stream(stream):  # warms up outside of the stream that is captured
        steps(3)
    torch.cuda.current_stream().wait_stream(stream)
    with torch.cuda.graph(graph):
        step()

    def program(count: int) -> None:
        for _ in range(count):
            graph.replay()
        torch.cuda.synchronize()

    return program
