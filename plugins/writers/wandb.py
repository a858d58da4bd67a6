"""Weights & Biases: one run there for one run here, offline unless asked for."""

import contextlib
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from framework import About, Pen, Recorded, Writer, field, register
from framework.errors import FieldError
from framework.interfaces import FINISHED
from framework.storage import check_links, make_folder, read_json, remove, temporary_folder, write_atomically, write_json

MISSING = "Weights & Biases is not installed: pip install 'whygrok[wandb]'"
IDENTITY = "identity.json"  # under which id W&B knows the run
KEPT, OWN = "wandb", "own"  # in the writer's folder: what W&B writes, and in that, what it keeps for itself
SILENT: dict[str, Any] = {"console": "off", "silent": True, "disable_git": True, "save_code": False, "x_disable_stats": True}


@register("wandb")
@dataclass(frozen=True, kw_only=True)
class WandB(Writer):
    """A run of Weights & Biases: every row, the whole config, the pictures of probes, histograms; sweeps are groups.

    By default nothing leaves the machine: `wandb sync RUN/wandb/wandb/offline-run-*` sends it when you like. A run that is resumed goes on
    under the same id. Offline it is written anew from metrics.jsonl; online W&B keeps what it has, and gets the steps that follow.

    Source: the library wandb.
    """

    leads_outside = ("mode", "entity")

    mode: str = field("offline", "whether rows stay in the run's folder until you send them, or are sent", choices=("offline", "online"))
    project: str = field("whygrok", "the project in which the run appears")
    entity: str = field("", "the account or team; by default yours")
    tags: tuple[str, ...] = field((), "words by which to find the run")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.project.strip():
            raise FieldError("project", self.project, "must be the name of a project, such as whygrok")

    def destination(self) -> str:
        """The account, where rows are sent at once."""
        return "" if self.mode == "offline" else f"the account {self.entity}" if self.entity else "your account"

    def refusal(self) -> str:
        """Whether the library is there."""
        return "" if find_spec("wandb") else MISSING

    def begin(self, about: About, rows: Sequence[Recorded]) -> "Open":
        """The run of W&B in which this one goes on."""
        kept = about.folder / KEPT
        if self.mode == "online":
            check_links([kept])
            live = self._start(about)
        else:
            remove(kept)  # what an earlier session wrote lies in `rows`
            with _closed(kept / OWN):
                live = self._start(about)
        pen = Open(live, self.mode)
        for row in rows:
            pen.row(row)
        return pen

    def _start(self, about: About) -> Any:
        import wandb

        make_folder(about.folder)
        return wandb.init(
            id=_identity(about),
            name=about.name,
            group=about.sweep or None,
            project=self.project,
            entity=self.entity or None,
            tags=list(self.tags),
            config=_nested(about.config),
            dir=str(about.folder),
            mode=self.mode,  # type: ignore[arg-type]
            resume="allow" if self.mode == "online" else None,
            reinit="create_new",
            settings=wandb.Settings(**SILENT),
        )


class Open(Pen):
    """A run of W&B that is open."""

    def __init__(self, live: Any, mode: str):
        self._live, self._mode = live, mode
        self._first = int(live.step)  # W&B has the steps before it from an earlier session

    def row(self, row: Recorded) -> None:
        """The numbers of a row, at its step, unless W&B has them."""
        import wandb

        if row.step < self._first:
            return
        counted = {f"parameters/{name}": wandb.Histogram(np_histogram=(one.counts, one.edges)) for name, one in row.histograms.items()}
        self._live.log({**row.numbers, "seconds": row.seconds, **counted}, step=row.step)

    def pictures(self, step: int, pictures: Mapping[str, bytes]) -> None:
        """Each of them as an image, beside the last row."""
        import wandb

        with temporary_folder() as folder:
            images = {}
            for name, png in pictures.items():
                file = Path(folder, f"{name}.png")
                write_atomically(file, png, durable=False)
                images[f"pictures/{name}"] = wandb.Image(str(file))
            self._live.log(images, step=step)  # W&B copies them

    def end(self, how: str) -> None:
        """A run that was stopped or has failed is one that failed, to W&B, until it goes on."""
        self._live.summary["ended"] = how
        self._live.finish(exit_code=0 if how == FINISHED else 1)

    def drop(self) -> None:
        """Lets go of the id, so that a later session in this process may have it; online that would wait for the network."""
        if self._mode == "offline":
            with contextlib.suppress(Exception):
                self._live.finish(exit_code=1)


@contextlib.contextmanager
def _closed(folder: Path) -> Iterator[None]:
    """W&B starts inside without its reports about itself, and keeps its logs in the folder. The user's variables are put back.

    Its reports stay off in this process: they are sent by a thread that all runs share, whether these are offline or not.
    """
    own = {"WANDB_ERROR_REPORTING": "false", "WANDB_CACHE_DIR": str(folder), "WANDB_DATA_DIR": str(folder)}
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        with contextlib.suppress(ImportError):  # older versions have no such thread
            from wandb.analytics.opentelemetry.opentelemetry_proxy import disable

            disable()
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _identity(about: About) -> str:
    """The id of the run at W&B, made once and kept in the run's folder."""
    file = about.folder / IDENTITY
    try:
        known = read_json(file)
    except (OSError, ValueError):
        known = None
    if isinstance(known, str) and re.fullmatch("[0-9a-f]{16}", known):
        return known
    made = secrets.token_hex(8)
    write_json(file, made)
    return made


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Sections in sections, as W&B shows a config."""
    made: dict[str, Any] = {}
    for path, value in flat.items():
        *outer, name = path.split(".")
        section = made
        for part in outer:
            section = section.setdefault(part, {})
        section[name] = value
    return made
