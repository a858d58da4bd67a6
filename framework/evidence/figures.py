"""The files of a figure: its picture, the data that are drawn, and its verdicts."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from framework.config import to_dict
from framework.interfaces import Picture, Verdict, number
from framework.pictures import WIDTHS, as_csv, as_pdf, draw, new_figure, plain_style, rendered
from framework.run import Run
from framework.storage import make_folder, write_atomically, write_json


@plain_style()
def write_picture(picture: Picture, runs: Sequence[Run], folder: Path, name: str) -> list[Path]:
    """Writes NAME.png, NAME.pdf for a paper (two columns wide), NAME.csv with the data that are drawn, and verdict.json; returns the files.

    On one machine, equal runs give equal bytes in all four. The pictures hold the configs of the runs.
    """
    make_folder(folder)
    figure = new_figure()
    draw(figure, picture.rows)
    configs = json.dumps([to_dict(run.config) for run in runs])
    files = [folder / f"{name}.{ending}" for ending in ("png", "pdf", "csv")]
    write_atomically(files[0], rendered(figure, "png", configs))
    write_atomically(files[1], as_pdf(figure, WIDTHS["double"], configs))  # which changes the figure
    write_atomically(files[2], as_csv([panel for row in picture.rows for panel in row]))
    write_json(folder / "verdict.json", as_json(picture.verdicts, name))
    return [*files, folder / "verdict.json"]


def as_json(verdicts: Sequence[Verdict], figure: str) -> list[dict[str, Any]]:
    """One object per verdict of a figure; numbers that JSON does not have are null."""
    return [
        {
            "figure": figure,
            "claim": verdict.claim,
            "measured": {key: number(value) for key, value in verdict.measured.items()},
            "expected": verdict.expected,
            "seen": bool(verdict.seen),
        }
        for verdict in verdicts
    ]
