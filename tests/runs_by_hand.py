"""Run folders written by hand, as whygrok leaves them: the config, the environment with its sessions, the rows."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LONG_AGO = 1_600_000_000  # seconds since the epoch: files that were settled before an index was written
CONFIG = {
    "seed": 0,
    "steps": 100,
    "stop_when": "",
    "plugins": [],
    "task": {"name": "modular_addition", "p": 11, "train_size": "50%"},
    "model": {"name": "quadratic", "width": "44"},
    "optimizer": {"name": "adamw", "learning_rate": 0.01, "weight_decay": 1.0},
    "penalty": {"name": "none"},
    "probes": {"norms": {"name": "norms", "schedule": "log"}},
    "recording": {"plot": True},
}


def config_with(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The config with dotted fields changed; None takes a field away."""
    config = json.loads(json.dumps(CONFIG))
    for path, value in changes.items():
        *sections, name = path.split(".")
        node = config
        for section in sections:
            node = node.setdefault(section, {})
        node[name] = value
        if value is None:
            del node[name]
    return config


def rows_of(test: Sequence[float], **more: float) -> list[dict[str, Any]]:
    """Rows at steps 0, 10, 20, …: fitted from step 10 on, these test accuracies; other columns in the last row."""
    rows: list[dict[str, Any]] = [
        {"step": 10 * i, "seconds": 0.5 * i, "train/accuracy": 1.0 if i else 0.5, "test/accuracy": value} for i, value in enumerate(test)
    ]
    rows[-1] |= more
    return rows


def write_run(
    folder: Path, changes: Mapping[str, Any] = {}, rows: Sequence[Mapping[str, Any]] = (), reason: str = "complete", **environment: Any
) -> Path:
    """A run folder, settled long ago."""
    folder.mkdir(parents=True, exist_ok=True)
    session = {"start": "2026-01-01T00:00:00.000+00:00", "from_step": 0, "end": None, "at_step": None, "reason": reason}
    if reason != "killed, or still running":
        session |= {"end": "2026-01-01T00:01:00.000+00:00", "at_step": rows[-1]["step"] if rows else 0}
    (folder / "config.json").write_text(json.dumps(config_with(changes)))
    (folder / "environment.json").write_text(json.dumps({"sessions": [session], "headline": "accuracy", **environment}))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    settle(folder)
    return folder


def settle(folder: Path) -> None:
    """Every file of a run was last changed long ago."""
    for file in folder.iterdir():
        if file.is_file():
            os.utime(file, (LONG_AGO, LONG_AGO))


def grokking(folder, reason="complete", name="accuracy", steps=100):
    """A run that fits at step 10 and generalizes at step 60."""
    rows = []
    for step in (0, 1, 2, 5, 10, 20, 50, 60, steps):
        test = 1.0 if step >= 60 else 0.1
        rows.append({"step": step, "seconds": 0.25 * step, f"train/{name}": 1.0 if step >= 10 else 0.5, f"test/{name}": test})
        rows[-1] |= {"train/loss": 10.0 ** -(step / 25), "test/loss": 2.0 - test}
    return write_run(folder, {"steps": steps}, rows, reason, headline=name)


def looked(thing):
    """What is followed by its files, after a look."""
    thing.look()
    return thing


def plain(lines):
    """The text of a screen."""
    return "\n".join(line.plain for line in lines)
