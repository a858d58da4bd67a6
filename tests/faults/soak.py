"""Everything on, for long, in one process: memory, descriptors, threads and what a round adds to files stay flat after the warm-up."""

import os
import shutil
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from framework import registry, run_sweep, train
from framework.config import members, select
from tests.faults.results import EQUAL, LOST, Case
from tests.helpers import QUIET, arrays, leaves, rows, tiny

FAULT = "everything on, a round"
STEPS = 100  # of a round
PROBES = ("fourier", "grokking", "kernel_regression", "laziness", "margins", "norms", "ntk_drift", "ntk_spectrum", "sharpness", "weights")
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Sample:
    """What the process holds, and what a round has added to files, after it."""

    memory: int  # bytes
    descriptors: int
    threads: int
    checkpoints: int  # bytes
    rows: int  # bytes that the round added
    events: int  # bytes that the round added to TensorBoard's files
    left: int  # files that lie where none should


def everything(steps: int, names: tuple[str, ...] = PROBES):
    """The long run: all probes and both interventions at a fast cadence, a checkpoint at every tenth step."""
    made = {"noise": select("noise", std=0.01, schedule="every 20"), "scale": select("scale", factor=0.99, schedule="every 25")}
    return tiny(
        steps,
        probes={name: select(name, schedule="every 20") for name in names},
        interventions=made,
        events={"metrics": "every 5"},
        checkpoint={"every_steps": 10, "every_seconds": 0.0, "keep": 3},
        recording=QUIET | {"tensorboard": True},
        plugins=(),
    )


def soak(where: str, base: str, minutes: float, names: tuple[str, ...] = PROBES) -> list[Case]:
    """Rounds until the time is over: the long run goes on, and a sweep is trained from its beginning and compared with the first."""
    folder, until = Path(base) / "soak" / str(os.getpid()), time.monotonic() + 60 * minutes
    folder.mkdir(parents=True)
    samples: list[Sample] = []
    first: object = None
    while time.monotonic() < until or len(samples) < 4:
        with registry.temporary():
            train(everything(STEPS * (len(samples) + 1), names), folder / "long")
            several = members(tiny(12, probes={"norms": select("norms")}, plugins=()), [{"seed": 0}, {"seed": 1}])
            run_sweep(several, folder / "sweep", engine="batch")
        found = [(rows(run), arrays(run), leaves(run)) for run in sorted((folder / "sweep").glob("seed=*"))]
        first = first or found
        shutil.rmtree(folder / "sweep")
        samples.append(sample(folder, samples))
        if found != first:
            return [Case(FAULT, where, 0, len(samples)).ended(LOST, f"round {len(samples)} of the sweep has other bits")]
    wrong = grown(samples)
    shutil.rmtree(folder)
    said = f"{minutes:g} minutes; at the end {asdict(samples[-1])}"
    return [Case(FAULT, where, 0, len(samples), said).ended(LOST if wrong else EQUAL, wrong)]


def sample(folder: Path, before: list[Sample]) -> Sample:
    """As it is now."""
    long = folder / "long"
    written = (long / "metrics.jsonl").stat().st_size, _size(long / "tensorboard")
    return Sample(
        int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"),
        len(os.listdir("/proc/self/fd")),
        threading.active_count(),
        _size(long / "checkpoints"),
        written[0] - sum(one.rows for one in before),
        written[1] - sum(one.events for one in before),
        len([*folder.rglob("*tmp*"), *folder.rglob("LOCK")]),
    )


def grown(samples: list[Sample]) -> str:
    """What has grown since the warm-up, the first half, in words; nothing where all is flat."""
    warm, late = samples[1 : len(samples) // 2 + 1], samples[len(samples) // 2 + 1 :]

    def most(name: str, some: list[Sample]) -> int:
        return max(getattr(one, name) for one in some)

    allowed = {name: most(name, warm) for name in asdict(warm[0])}
    allowed["memory"] = int(1.05 * allowed["memory"]) + 16 * MEGABYTE  # the allocator's to give back
    allowed |= {name: int(1.1 * allowed[name]) for name in ("rows", "events")}  # steps and times of more digits
    allowed["checkpoints"] = int(1.2 * allowed["checkpoints"])  # Orbax packs a state into 9.3 to 11 kB; one state more is a third more
    grew = [f"{name}: {most(name, warm):,} → {most(name, late):,}" for name in allowed if most(name, late) > allowed[name]]
    return "; ".join(grew)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
