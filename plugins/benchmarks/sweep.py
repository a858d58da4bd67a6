"""A sweep of short runs, the whole command, beside the same training and evaluation in PyTorch."""

import importlib.util
import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framework import Benchmark, field, register
from framework.storage import temporary_folder, write_new
from framework.sweep import WHYGROK
from framework.testing.timing import bench_row, timed_command

RATES = (1e-3, 3e-3)
CONFIG = """
from framework.config import experiment, product, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_addition", p={p}, train_size="50%"),
        model=select("quadratic", width={width}, init_scale=4.0),
        optimizer=select("adamw", b2=0.98, weight_decay=1.0),
        steps={steps},
    )


def get_sweep(config):
    return product({{"seed": range({members}), "optimizer.learning_rate": {rates}}})[:{members}]
"""


@register("sweep")
@dataclass(frozen=True, kw_only=True)
class Sweep(Benchmark):
    """Milliseconds per run of `whygrok sweep`, from its start to its table, beside a PyTorch script for the same runs.

    Members differ in seed and learning rate; they are like the quickstart, but small. The script trains them one after
    another in one process, measures loss and accuracy of both splits at the same log-spaced steps, and writes no files.
    The first command of each size, which fills the cache of compiled programs, is not timed. Processor time is counted over
    all processes of a command. Source: whygrok.
    """

    members: tuple[int, ...] = field((16, 64), "how many runs the sweep has", at_least=1)
    p: int = field(11, "modulus", at_least=2)
    width: int = field(64, "neurons", at_least=1)
    steps: int = field(2000, "steps of each run", at_least=1)
    jobs: int = field(2, "how many runs at once", at_least=1)

    def measure(self, repeats: int, seconds: float) -> list[dict[str, Any]]:
        """Two rows per number of members: time, and processor time; at most three repeats, each as long as it takes."""
        return [row for members in self.members for row in self._rows(members, min(repeats, 3))]

    def _rows(self, members: int, repeats: int) -> list[dict[str, Any]]:
        there = importlib.util.find_spec("torch") is not None
        ours, theirs = [], []
        for repeat in range(repeats + 1):
            with temporary_folder() as folder:
                took = timed_command(self._sweep(members, Path(folder)))
                ours += [took] if repeat else []
                theirs += [timed_command(self._script(members, Path(folder)))] if repeat and there else []
        setting = {"members": members, "p": self.p, "width": self.width, "steps": self.steps, "jobs": self.jobs}
        rows = []
        for place, time in enumerate(("from start to finish", "of the processor")):
            pair = [[1e3 * took[place] / members for took in all_of_them] for all_of_them in (ours, theirs)]
            rows.append(bench_row("sweep", setting | {"time per run": time}, pair[0], "torch", pair[1]))
        return rows

    def _sweep(self, members: int, folder: Path) -> list[str]:
        config = CONFIG.format(p=self.p, width=self.width, steps=self.steps, members=members, rates=RATES)
        write_new(folder / "members.py", config)
        return [*WHYGROK, "sweep", f"--config={folder / 'members.py'}", f"--workdir={folder / 'runs'}", f"--jobs={self.jobs}"]

    def _script(self, members: int, folder: Path) -> list[str]:
        call = f"\n\ntorch_runs({members}, {self.p}, {self.width}, {self.steps}, {RATES})\n"
        write_new(folder / "script.py", "from __future__ import annotations\n\n\n" + inspect.getsource(torch_runs) + call)
        return [sys.executable, str(folder / "script.py")]


def torch_runs(members: int, p: int, width: int, steps: int, rates: tuple[float, ...]) -> None:
    """The same runs in PyTorch: what a script without a framework would do. It is run from its source, in a process of its own."""
    import torch
    from torch.nn.functional import cross_entropy, embedding

    torch.set_num_threads(1)  # products this small are slower on two
    measured = {0, steps} | {round(10 ** (i / 20)) for i in range(20 * len(str(steps)))}
    pairs = torch.cartesian_prod(torch.arange(p), torch.arange(p))
    sums = pairs.sum(1) % p

    def outputs(W: Any, V: Any, inputs: Any) -> Any:
        return (embedding(inputs[:, 0], W[0]) + embedding(inputs[:, 1], W[1])).square() @ V

    def measure(W: Any, V: Any, splits: Any) -> list[float]:
        with torch.no_grad():
            logits = [(outputs(W, V, pairs[split]), sums[split]) for split in splits]
            return [f(z, y).item() for z, y in logits for f in (cross_entropy, lambda z, y: (z.argmax(1) == y).float().mean())]

    for member in range(members):
        torch.manual_seed(member // len(rates))
        splits = torch.randperm(p * p).tensor_split([p * p // 2])
        inputs, labels = pairs[splits[0]], sums[splits[0]]
        W, V = (torch.empty(shape).uniform_(-0.5, 0.5).requires_grad_() for shape in ((2, p, width), (width, p)))
        update = torch.optim.AdamW([W, V], lr=rates[member % len(rates)], betas=(0.9, 0.98), weight_decay=1.0)
        rows = [measure(W, V, splits)]
        for step in range(1, steps + 1):
            update.zero_grad()
            cross_entropy(outputs(W, V, inputs), labels).backward()
            update.step()
            if step in measured:
                rows.append(measure(W, V, splits))
