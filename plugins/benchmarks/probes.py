"""Probes beside other ways to the same numbers and beside a step, and a run with probes beside one without."""

import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from ml_collections import ConfigDict

from framework import Benchmark, Experiment, build, field, register, registry
from framework.config import experiment, select
from framework.errors import UserError
from framework.storage import temporary_folder
from framework.testing.timing import Program, bench_row, in_turn, seconds_of
from framework.training import Event
from plugins.benchmarks.step import steps_of
from plugins.probes.ntk import ntk_drift

CHEAP = ("norms", "margins", "fourier", "grokking")  # a few milliseconds per event; laziness takes longer to compile
NETWORKS: dict[str, dict[str, Any]] = {
    "quadratic": select("quadratic", width="4*p"),
    "mlp": select("mlp", depth=2, width="256"),
    "transformer": select("transformer", d_model=64, d_mlp=256),
}
LONG_SECONDS = 1.0  # an event that takes longer is timed once: its spread is small, and there are many
FIRST_STEPS = 10  # after which a probe looks: not at the parameters that it remembers


@register("probes")
@dataclass(frozen=True, kw_only=True)
class Probes(Benchmark):
    """An event of every probe beside a step; `ntk_drift` against its floor and a generic path; the quickstart with cheap probes.

    The floor is the Gram products alone. Networks: quadratic with h = 4p, mlp with two hidden layers of 256, transformer with
    vectors of 64; 60 % of all pairs, the defaults of each probe. Source: whygrok.
    """

    networks: tuple[str, ...] = field(tuple(NETWORKS), "at which every probe is timed beside a step", choices=tuple(NETWORKS))
    modulus: int = field(31, "of the task that these networks learn", at_least=5)
    p: int = field(97, "modulus of the exact drift: all pairs, all p outputs, h = 4p", at_least=2)
    small: int = field(7, "modulus at which the generic path is timed too", at_least=2)
    steps: int = field(4000, "length of the run that is timed with and without probes; 0: none is", at_least=0)

    def measure(self, repeats: int, seconds: float) -> list[dict[str, Any]]:
        """One row per network and probe, one per reference of the drift, and one for the run."""
        rows = [row for network in self.networks for row in event_rows(network, self.modulus, repeats, seconds)]
        for p, reference in ((self.p, "floor"), (self.small, "generic")):
            nets, x = _two_networks(p)
            other = _floor(p) if reference == "floor" else _drift(nets, x, closed_form=False)
            times = in_turn({"ours": _drift(nets, x), reference: other}, repeats, seconds)
            setting = {"probe": "ntk_drift", "p": p, "width": 4 * p, "points": len(x), "outputs": "all"}
            rows.append(bench_row("probes", setting, times["ours"], reference, times[reference]))
        return rows + ([_run_row(self.steps, repeats)] if self.steps else [])


def event_rows(network: str, p: int, repeats: int, seconds: float) -> list[dict[str, Any]]:
    """A row for each probe that fits, with its defaults; the reference is a step of AdamW on 60 % of all pairs."""
    made = Experiment.from_config(_config(network, p, fitting_probes(network, p)))
    setting, step = {"model": network, "p": p, "points": len(made.splits.train)}, steps_of(made)
    rows = []
    for name in made.probes:
        event = _events(made, name)
        event(1)  # compiles
        times = in_turn({"event": event, "step": step}, repeats if seconds_of(event, 1) < LONG_SECONDS else 1, seconds)
        rows.append(bench_row("probes", {"probe": name} | setting, times["event"], "step", times["step"]))
    return rows


def fitting_probes(network: str, p: int) -> list[str]:
    """The probes that look at such a network and task: the others say why they do not."""
    found = []
    for entry in registry.entries("probe"):
        made = Experiment.from_config(_config(network, p, [entry.name]))
        try:
            made.notices()
            made.initial_state()
        except UserError:
            continue
        found.append(entry.name)
    return found


def _config(network: str, p: int, probes: list[str]) -> ConfigDict:
    return experiment(
        task=select("modular_addition", p=p, train_size="60%"),
        model=NETWORKS[network],
        optimizer=select("adamw", learning_rate=1e-3),
        probes={name: select(name) for name in probes},
    )


def _events(made: Experiment, name: str) -> Program:
    state, _ = made.advance(made.initial_state(), FIRST_STEPS)
    event = Event(FIRST_STEPS, (name,), (), last=False)

    def run(count: int) -> None:
        for _ in range(count):
            made.measure(state, event)

    return run


def _two_networks(p: int) -> tuple[tuple[nnx.Module, nnx.Module], np.ndarray]:
    task = build("task", "modular_addition", p=p)
    model = build("model", "quadratic", width="4*p")
    new, old = (model.build(task, rngs=nnx.Rngs(seed)) for seed in (0, 1))
    return (new, old), np.asarray(task.population().inputs)


def _drift(nets: tuple[nnx.Module, nnx.Module], x: np.ndarray, closed_form: bool = True) -> Program:
    def run(count: int) -> None:
        for _ in range(count):
            ntk_drift(*nets, x, outputs="all", closed_form=closed_form)

    return run


def _floor(p: int) -> Program:
    """Five products [2h, p²] [p², 2h] in float64: F with F, F with D and D with D for two groupings, changes and means together."""

    def run(count: int) -> None:
        with jax.enable_x64(True):
            halves = jnp.ones((p * p, 8 * p), jnp.float64)
            for _ in range(5 * count):
                jax.block_until_ready(_product(halves))

    return run


@jax.jit
def _product(halves: Any) -> Any:
    return halves.T @ halves


def _run_row(steps: int, repeats: int) -> dict[str, Any]:
    """The command from start to finished picture, as a user waits for it."""
    times: dict[str, list[float]] = {"ours": [], "none": []}
    arguments = {"ours": "quickstart:probes=" + "+".join(CHEAP), "none": "quickstart:probes=none"}
    for _ in range(min(repeats, 3)):
        for name, config in arguments.items():
            with temporary_folder() as folder:
                command = [sys.executable, "-P", "-m", "whygrok", "run", f"--config={config}", f"--config.steps={steps}"]
                start = time.perf_counter()
                subprocess.run([*command, f"--workdir={folder}/run"], check=True, capture_output=True)
                times[name].append(1e3 * (time.perf_counter() - start))
    setting = {"run": "quickstart", "steps": steps, "probes": "+".join(CHEAP)}
    return bench_row("probes", setting, times["ours"], "no probes", times["none"])
