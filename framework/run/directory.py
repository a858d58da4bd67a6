"""The run directory: names of its files, its config, its environment, and whether this run may write it."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from framework import config as configs
from framework.errors import UserError, quoted
from framework.records import CONFIG, ENVIRONMENT, LOCK, METRICS
from framework.storage import check_links, make_folder, make_new_folder, read_json, real_path, remove, set_aside, storage, write_json

TOLD = 5  # fields of another run that a message names
ARRAYS = re.compile(r"[0-9]{10,18}\.npz")
BACK = "Put it back from a copy, or rename the folder of the run to start over"
USUAL = "tensorboard"  # the writer of a run that names none
INSTEAD = "Use a new --workdir, --fresh to set that run aside, or --init_from=RUN to start from its network."


def _inside(name: str, words: str) -> Any:
    """A property: the path of that name inside the folder."""
    return property(lambda self: self.path / name, doc=words)


@dataclass(frozen=True)
class RunDirectory:
    """A folder that holds one run."""

    path: Path

    @classmethod
    def at(cls, workdir: str | Path) -> "RunDirectory":
        """The directory, made absolute once, here. Raises UserError if the path is a file, a link to itself, or no name."""
        if not isinstance(workdir, str | os.PathLike):
            raise UserError(f"a folder is given by its name, as text or as a Path, and not as {quoted(workdir)}")
        if "\0" in str(workdir):
            raise UserError(f"{quoted(str(workdir))} has a NUL in it, which no name of a folder may have: choose another")
        path = real_path(workdir)
        if any("\ud800" <= character <= "\udfff" for character in str(path)):  # bytes that are no character
            raise UserError(f"{quoted(str(path))} is no UTF-8, without which states cannot be saved and read: choose another name")
        if path.is_symlink():  # whose end no path is
            raise UserError(f"{workdir} is a symbolic link that leads to itself, and to no folder: name another, or remove it")
        if path.exists() and not path.is_dir():
            raise UserError(f"--workdir={workdir} is a file, not a folder")
        return cls(path)

    config = _inside(CONFIG, "The resolved config; `--config=` accepts it.")
    environment = _inside(ENVIRONMENT, "Versions, host, command line, and a record of every session.")
    metrics = _inside(METRICS, "One row per event.")
    arrays = _inside("arrays", "Probe outputs that are arrays, one .npz per event.")
    checkpoints = _inside("checkpoints", "One folder per saved step.")
    histograms = _inside("histograms", "Histograms of parameters, for writers that ask for them, one .npz per event.")
    figures = _inside("figures", "Pictures, and the data behind each.")
    lock = _inside(LOCK, "The file that says who is writing.")

    @property
    def is_run(self) -> bool:
        """Whether a run was started here."""
        return self.config.is_file()

    def check_is_run(self) -> None:
        """Raises UserError where no run was started here, and names one where there are some in the folder."""
        if not self.is_run:
            inside = sorted(file.parent.name for file in self.path.glob(f"*/{CONFIG}"))
            some = f", but holds {len(inside)}: name one of them, such as {self.path / inside[0]}" if inside else f": it has no {CONFIG}"
            raise UserError(f"{self.path} is not a run{some}")

    def create(self) -> None:
        """Makes the folder."""
        make_folder(self.path)

    def folder_of(self, writer: str) -> Path:
        """The folder of a writer, which is called as it is in the config."""
        return self.path / writer

    def check_links(self, writers: Iterable[str] = ()) -> None:
        """Raises UserError where a part of the folder is a symbolic link: whoever sent the folder could have us write elsewhere."""
        folders = (self.arrays, self.checkpoints, self.histograms, self.figures, *map(self.folder_of, {USUAL, *writers}))
        check_links((self.config, self.environment, self.metrics, *folders, self.lock))

    def array_files(self) -> dict[int, Path]:
        """Step → the file with the arrays of that step, ascending; other files in that folder are none of ours."""
        files = (file for file in self.arrays.glob("*.npz") if ARRAYS.fullmatch(file.name))
        return {int(file.stem): file for file in sorted(files, key=lambda file: int(file.stem))}

    def arrays_of(self, step: int) -> Path:
        """The file for the arrays of a step."""
        return self.arrays / f"{step:010d}.npz"

    def remove_left_overs(self) -> None:
        """Removes what a killed process left beside a file that it was about to replace."""
        for folder in (self.path, self.arrays, self.histograms, self.figures):
            for left_over in folder.glob(".*.tmp"):
                if left_over.is_symlink() or left_over.is_file():
                    with storage("removing the left-over", left_over):
                        remove(left_over)

    @property
    def parts_there(self) -> list[str]:
        """The names of what is here of rows and states."""
        here = [part for part in (self.metrics, self.checkpoints) if os.path.lexists(part)]
        return [part.name for part in here if not part.is_dir() or any(part.iterdir())]

    def check_whole(self) -> None:
        """Raises UserError where rows or states lie here without a config.json: nobody could tell whether they are of this run."""
        if (there := self.parts_there) and not self.is_run:
            raise UserError(f"{self.path} holds {' and '.join(there)} of a run, but no {self.config.name} that says of which. {BACK}")

    def set_aside(self) -> Path:
        """Renames a run that is in the way; nothing is deleted. Returns its new name."""
        return set_aside(self.path, "old")

    def read_config(self) -> dict[str, Any]:
        """What config.json holds. Raises UserError when it cannot be read."""
        try:
            plain = read_json(self.config)
        except (OSError, ValueError) as error:
            raise UserError(f"{self.config} cannot be read: {error}. {BACK}") from None
        if not isinstance(plain, dict):
            raise UserError(f"{self.config} holds no config. {BACK}")
        return plain

    def write_config(self, config: ConfigDict) -> None:
        """Writes config.json, unless it says the same already."""
        plain = configs.to_dict(config)
        if not self.is_run or self.read_config() != plain:
            write_json(self.config, plain)

    def new_fields(self, config: ConfigDict) -> dict[str, Any]:
        """Dotted fields, with their values, that config.json here lacks: a plugin or a newer version has added them since."""
        stored = {configs.newer(name, value)[0] for name, value in configs.flatten(self.read_config()).items()}
        now = configs.flatten(configs.to_dict(config))
        return {name: value for name, value in now.items() if name not in stored and not name.startswith("writers.")}

    def check_same_run(self, config: ConfigDict, instead: str = INSTEAD) -> None:
        """Raises UserError naming the fields in which the run that is here differs, harmless ones aside.

        instead: what the message suggests.
        """
        if not self.is_run:
            return
        # Completed first: a field that a newer version added has its default in a run from before it.
        # With the plugin files as given now: one may have moved since.
        stored = self.read_config() | {"plugins": list(config.plugins), "writers": {}}
        then = configs.to_dict(configs.from_stored(stored, self.config, tuple(config.plugins)))
        before, now = configs.flatten(then), configs.flatten(configs.to_dict(config))
        harmless = configs.harmless_fields(config) | configs.harmless_fields(then)
        differing = [f for f in dict.fromkeys([*before, *now]) if before.get(f) != now.get(f) and f not in harmless]
        swapped = tuple(name.removesuffix("name") for name in differing if name.endswith(".name"))  # whose other fields differ for that
        told = [f for f in differing if f.endswith(".name") or not f.startswith(swapped)]
        if told:
            told.sort(key=lambda name: name not in before or name not in now)  # first what both have: that was given
            words = [f"{name}: the run has {_shown(before, name)}, you gave {_shown(now, name)}" for name in told[:TOLD]]
            more = f"; and {len(told) - TOLD} more" if len(told) > TOLD else ""
            raise UserError(f"{self.path} holds another run: {'; '.join(words)}{more}", then=instead)


def new_workdir(stem: str, root: Path | None = None) -> Path:
    """Makes and returns runs/STEM-1, -2, …: the first that no other process made."""
    root = root or Path("runs")
    make_folder(root)
    number = 1
    while True:
        path = root / f"{stem}-{number}"
        with storage("making the folder", path):
            try:
                make_new_folder(path)
                return path
            except FileExistsError:
                number += 1


def _shown(flat: Mapping[str, Any], name: str) -> str:
    return repr(flat[name]) if name in flat else "no such field"
