"""Reproduces figures: runs the sweep of each, then writes its pictures, data and verdicts from the files of the runs."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framework import registry
from framework.config import Member, from_stored, load_sweep, named_scale, to_dict
from framework.errors import UserError, did_you_mean, one_of
from framework.evidence.figures import write_picture
from framework.interfaces import Figure, Verdict
from framework.run import RunDirectory, load_run
from framework.sweep import FINISHED, Show, Standing, run_sweep

log = logging.getLogger("whygrok")

QUIET = {"recording.plot": "false", "writers.tensorboard.name": "none", "recording.progress": "false"}  # the figure is the picture


@dataclass(frozen=True)
class Reproduced:
    """The outcome of one figure, without files and verdicts if a member is not finished."""

    name: str
    standings: Sequence[Standing]
    files: Sequence[Path] = ()
    verdicts: Sequence[Verdict] = ()


def figures() -> list[str]:
    """Names of the figures that are registered."""
    return [entry.name for entry in registry.entries("figure")]


def check_figures(names: Sequence[str]) -> list[str]:
    """The named figures, each once; "all" means every figure. Raises UserError for an unknown name."""
    for name in names:
        if name not in (*figures(), "all"):
            raise UserError(f"there is no figure {name!r}.{did_you_mean(name, figures())} Figures: {one_of(figures())}, all.")
    return [name for name in figures() if name in names or "all" in names]


def reproduce(
    name: str,
    workdir: str | Path,
    *,
    scale: str = "smoke",
    jobs: int = 1,
    engine: str | None = None,
    show: Show = lambda standings: None,
) -> Reproduced:
    """Runs the unfinished members of a figure's sweep and writes workdir/NAME/NAME.png, .pdf, .csv and verdict.json.

    The runs are in workdir/NAME/runs, one folder per member; finished ones are used as they are, so that the same call after
    an interruption gives the same data and verdicts. If a member fails, nothing is written beside them. Raises
    UserError for a name or scale that does not exist, for a folder with runs of another scale, and as run_sweep does.
    """
    [name] = check_figures([name])
    figure: Figure = registry.build("figure", name)
    folder = Path(workdir) / name
    members = load_sweep(f"{figure.config}:scale={named_scale(scale)}", QUIET)
    refuse_another(folder, members)
    standings = run_sweep(members, folder / "runs", jobs=jobs, engine=engine, wait=True, show=show)
    if any(standing.state != FINISHED for standing in standings):
        return Reproduced(name, standings)
    runs = [load_run(folder / "runs" / member.name) for member in members]
    with registry.at_work(figure):
        picture = figure.picture(runs)
    return Reproduced(name, standings, write_picture(picture, runs, folder, name), picture.verdicts)


def refuse_another(folder: Path, members: Sequence[Member]) -> None:
    """Raises UserError where none of the runs in a figure's folder is a member of this sweep, as with those of another scale.

    Of one name and with other steps counts as another scale. What is damaged says nothing: the sweep repairs or names it.
    """
    configs = {member.name: member.config for member in members}
    others = []
    for file in sorted((folder / "runs").glob("*/config.json")):
        recorded, config = _recorded(RunDirectory.at(file.parent)), configs.get(file.parent.name)
        if recorded is not None and config is not None and recorded == to_dict(config):
            return
        others += [file.parent.name] if recorded is not None else []
    if others:
        raise UserError(f"{folder} holds runs of another scale, such as {others[0]}: use another --workdir for this one")


def _recorded(directory: RunDirectory) -> dict[str, Any] | None:
    """The config of a run, with today's defaults for what it lacks; None where it cannot be read."""
    try:
        return to_dict(from_stored(directory.read_config(), directory.config))
    except UserError:
        return None
