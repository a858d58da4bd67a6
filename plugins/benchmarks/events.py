"""What an event of each probe costs, beside a step of the training that it looks at."""

from typing import Any

from ml_collections import ConfigDict

from framework import Experiment, registry
from framework.config import experiment, select
from framework.errors import UserError
from framework.testing.timing import Program, bench_row, in_turn
from framework.training import Event

NETWORKS: dict[str, dict[str, Any]] = {
    "quadratic": select("quadratic", width="4*p"),
    "mlp": select("mlp", depth=2, width="256"),
    "transformer": select("transformer", d_model=64, d_mlp=256),
}
FIRST_STEPS = 10  # after which a probe looks: not at the parameters that it remembers


def event_rows(network: str, p: int, repeats: int, seconds: float) -> list[dict[str, Any]]:
    """A row for each probe that fits, with its defaults; the reference is a step of AdamW on 60 % of all pairs."""
    made = Experiment.from_config(_config(network, p, fitting_probes(network, p)))
    programs = {"step": _steps(made)} | {name: _events(made, name) for name in made.probes}
    times = in_turn(programs, repeats, seconds)
    setting = {"model": network, "p": p, "points": len(made.splits.train)}
    return [bench_row("probes", {"probe": name} | setting, times[name], "step", times["step"]) for name in made.probes]


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


def _steps(made: Experiment) -> Program:
    state = made.initial_state()

    def run(count: int) -> None:
        nonlocal state
        state, _ = made.advance(state, count)

    return run


def _events(made: Experiment, name: str) -> Program:
    state, _ = made.advance(made.initial_state(), FIRST_STEPS)
    event = Event(FIRST_STEPS, (name,), (), last=False)

    def run(count: int) -> None:
        for _ in range(count):
            made.measure(state, event)

    return run
