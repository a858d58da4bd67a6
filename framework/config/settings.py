"""The sections of a config that are not plugins: how long to train, what to record, when to save, how to compute."""

from dataclasses import dataclass

from framework.fields import Fields, field


@dataclass(frozen=True, kw_only=True)
class General(Fields):
    """Fields at the top of a config."""

    seed: int = field(0, "one integer for the sample, the initialization and everything random", at_least=0, below=2**63)
    steps: int = field(10_000, "number of optimizer steps; may be raised later: the run goes on", at_least=0, below=2**31, harmless=True)
    stop_when: str = field(
        "", 'end where this holds, before the last step: "test/accuracy >= 0.99 and step > 10*fitted"; empty: never', harmless=True
    )
    init_from: str = field("", "start from the network of another run: RUN or RUN@STEP; the optimizer starts fresh")
    fork_of: str = field("", "go on from the whole state of another run, at its step: RUN@STEP")
    plugins: tuple[str, ...] = field((), "modules or files that register plugins", harmless=True)


@dataclass(frozen=True, kw_only=True)
class Events(Fields):
    """When the loop leaves the compiled program to measure."""

    metrics: str = field("log", "when to record losses and accuracies: a schedule, as for a probe; the last step is always recorded")


@dataclass(frozen=True, kw_only=True)
class Checkpoint(Fields):
    """When to save, and what to keep."""

    every_steps: int = field(5_000, "save when the step is a multiple of this; 0: never", at_least=0, harmless=True)
    every_seconds: float = field(30.0, "save when so many seconds have passed since the last save; 0: never", at_least=0, harmless=True)
    keep: int = field(3, "how many of the newest checkpoints are kept, beside those of keep_at", at_least=1, harmless=True)
    keep_at: str = field(
        "last", 'where checkpoints are saved and kept for ever: a schedule, as for a probe; "log": over all of training', harmless=True
    )
    keep_best: str = field(
        "", 'also keep the state where this is greatest, as RUN@best: "test/accuracy", "-test/loss"; empty: none', harmless=True
    )


@dataclass(frozen=True, kw_only=True)
class Numerics(Fields):
    """How numbers are computed."""

    precision: str = field("float32", "precision of parameters and arithmetic", choices=("float32", "float64"))
    matmul: str = field("highest", "precision of matrix products on GPUs", choices=("highest", "high", "default"))
    on_divergence: str = field("stop", "what to do after a NaN or an infinity", choices=("stop", "continue"), harmless=True)
    on_probe_error: str = field(
        "continue", "what to do after a probe has failed while it measured", choices=("continue", "stop"), harmless=True
    )


@dataclass(frozen=True, kw_only=True)
class Mesh(Fields):
    """Over which devices one run is spread; examples × neurons is their number, on all hosts, and 1 × 1 uses one of them."""

    examples: int = field(1, "the examples of a step are divided among so many devices", at_least=1, harmless=True)
    neurons: int = field(1, "the hidden neurons, with their parameters, are divided among so many devices", at_least=1, harmless=True)


@dataclass(frozen=True, kw_only=True)
class Recording(Fields):
    """What is written and shown beside metrics.jsonl."""

    progress: bool = field(True, "show a progress bar on standard error", harmless=True)
    plot: bool = field(True, "draw the curves when the run ends", harmless=True)


SECTIONS: dict[str, type] = {
    "events": Events,
    "checkpoint": Checkpoint,
    "numerics": Numerics,
    "mesh": Mesh,
    "recording": Recording,
}
