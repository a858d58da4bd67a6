"""Probes beside other ways to the same numbers, and a run with probes beside one without."""

import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from framework import build
from framework.testing.timing import Program, bench_row, in_turn
from plugins.probes.ntk import ntk_drift

CHEAP = ("norms", "margins", "fourier", "grokking")  # a few milliseconds an event; laziness takes longer to compile


def add_options(parser: ArgumentParser) -> None:
    """Sizes."""
    parser.add_argument("--p", type=int, default=97, help="modulus of the exact drift: all pairs, all p outputs, h = 4p")
    parser.add_argument("--small", type=int, default=7, help="modulus at which the generic path is timed too")
    parser.add_argument("--steps", type=int, default=4000, help="length of the run that is timed with and without probes; 0: not timed")


def measure(options: Namespace) -> list[dict[str, Any]]:
    """ntk_drift against its floor (the Gram products alone) and against Jacobians; the quickstart with cheap probes against none."""
    rows = []
    for p, reference in ((options.p, "floor"), (options.small, "generic")):
        nets, x = _two_networks(p)
        other = _floor(p) if reference == "floor" else _drift(nets, x, closed_form=False)
        times = in_turn({"ours": _drift(nets, x), reference: other}, options.repeats, options.seconds)
        setting = {"probe": "ntk_drift", "p": p, "width": 4 * p, "points": len(x), "outputs": "all"}
        rows.append(bench_row("probes", setting, times["ours"], reference, times[reference]))
    return rows + ([_run_row(options)] if options.steps else [])


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


def _run_row(options: Namespace) -> dict[str, Any]:
    """The command from start to finished picture, as a user waits for it."""
    times: dict[str, list[float]] = {"ours": [], "none": []}
    arguments = {"ours": "quickstart:probes=" + "+".join(CHEAP), "none": "quickstart:probes=none"}
    for _ in range(min(options.repeats, 3)):
        for name, config in arguments.items():
            with tempfile.TemporaryDirectory() as folder:
                command = [sys.executable, "-P", "-m", "whygrok", "run", f"--config={config}", f"--config.steps={options.steps}"]
                start = time.perf_counter()
                subprocess.run([*command, f"--workdir={folder}/run"], check=True, capture_output=True)
                times[name].append(1e3 * (time.perf_counter() - start))
    setting = {"run": "quickstart", "steps": options.steps, "probes": "+".join(CHEAP)}
    return bench_row("probes", setting, times["ours"], "no probes", times["none"])
