"""What `whygrok doctor RUN` says: every file of a run, read whole, and what is set aside on request."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from framework.cli.answers import answer
from framework.cli.tables import aligned
from framework.errors import UserError, WhygrokError


def examine(folders: Sequence[str], repair: bool, as_json: bool) -> int:
    """Prints a line per part of every run in or below the folders; returns 1 where one is damaged, and stays so."""
    from framework.run import RunDirectory  # here: JAX is not imported for --help
    from framework.run.analysis import soundness

    found: list[dict[str, Any]] = []
    for path in [run for folder in folders for run in runs_below(folder)]:
        directory, done, refused = RunDirectory.at(path), list[str](), ""
        try:
            done = soundness.repair(directory) if repair else []
        except WhygrokError as error:  # another process writes it: the others are repaired all the same
            refused = f"not repaired: {error}"
        parts = list(soundness.parts(directory))
        found.append({"run": str(path), "repaired": done, "refused": refused, "parts": [vars(part) for part in parts]})
        if not as_json:
            rows = [[part.state, part.name, part.said] for part in parts]
            answer("\n".join([str(path), *(f"  {line}" for line in [*done, *filter(None, [refused]), *aligned(rows)])]))
    if as_json:
        answer(json.dumps(found, indent=2))
    wrong = (soundness.DAMAGED, soundness.UNREAD)
    damaged = [one["run"] for one in found if one["refused"] or any(part["state"] in wrong for part in one["parts"])]
    if damaged and not as_json:
        again = "--repair sets aside what is BAD; the same `whygrok run` then goes on from what is sound"
        answer(f"not sound: {len(damaged)} of {len(found)} runs. {again}")
    return 1 if damaged else 0


def runs_below(folder: str) -> list[Path]:
    """The runs in a folder: itself, or all below it. Raises UserError where there is none."""
    from framework.records import CONFIG  # here: NumPy is not imported for --help

    root = Path(folder)
    if not root.exists():
        raise UserError(f"there is no folder {folder}")
    found = [root] if (root / CONFIG).is_file() else sorted(file.parent for file in root.rglob(CONFIG) if _is_ours(file))
    if not found:
        raise UserError(f"{folder} is not a run and holds none: no {CONFIG} there or below")
    return found


def _is_ours(file: Path) -> bool:
    """Whether a config.json is that of a run, also where it is damaged beside rows or states: other programs use this name too."""
    from framework.storage import read_json

    try:
        content = read_json(file)
        return isinstance(content, dict) and {"task", "model", "optimizer"} <= content.keys()
    except (OSError, ValueError):
        return (file.parent / "checkpoints").is_dir()
