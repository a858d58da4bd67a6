"""Checkpoints through Orbax: checksummed and published whole; a damaged one is set aside, and the one before it is used.

One folder per step: `default/` is Orbax's, `checksums.json` is ours and comes last: a folder without it is not complete.
What exists is always read from the disk; a list in memory would go on naming what a failed save never wrote.
"""

import contextlib
import hashlib
import logging
import math
import os
import re
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from framework.config import Checkpoint
from framework.errors import Damage, StorageError, UserError, quoted
from framework.storage import (
    checksums_below,
    difference,
    explain,
    is_of_a_signal,
    make_new_folder,
    move,
    packed,
    read_arrays,
    read_json,
    remove,
    set_aside,
    sizes_below,
    storage,
    unpacked,
    write_arrays,
    write_json,
)
from framework.training import TrainState, from_named_leaves, hosts, named_leaves, parse_schedule

log = logging.getLogger("whygrok")

TEMPORARY = ".orbax-checkpoint-tmp"  # the suffix that Orbax itself gives to what is unfinished
CHECKSUMS = "checksums.json"
STEP = re.compile(r"0|[1-9][0-9]{0,17}")  # the name of a folder that we make
SHOWN_SECONDS = 60.0  # how long a file may take to be seen on another host
SAID = {"leaves": str, "files": str, "sizes": int, "odd": list}  # what checksums.json says by name, and of which kind
UNREAD = ("_CHECKPOINT_METADATA", "commit_success.txt", "_sharding")  # files of Orbax whose loss does no harm


class NoCheckpoints:
    """For a run in memory: nothing is saved, nothing is restored."""

    def restore(self, template: TrainState, device: jax.Device) -> TrainState | None:
        """None, as for a new run."""
        return None

    def is_overdue(self) -> bool:
        """False."""
        return False

    def keep_too(self, step: int | None) -> None:
        """Nothing is kept."""

    def save(self, state: TrainState) -> bool:
        """Whether the parameters are finite; nothing is written."""
        return _is_finite(named_leaves(state))


class Checkpoints:
    """The checkpoints of one run directory. Use it only while holding its LOCK."""

    def __init__(self, folder: Path, settings: Checkpoint, keep_diverged: bool = False):
        self._folder, self._settings, self._keep_diverged = folder, settings, keep_diverged
        self._kept = parse_schedule(settings.keep_at)
        self._last_save = time.monotonic()
        self._best: int | None = None
        hosts.by_first(self._remove_left_overs)

    def restore(self, template: TrainState, device: jax.Device) -> TrainState | None:
        """The newest good checkpoint as a state shaped like `template`; None when there never was one.

        A damaged one is reported, set aside by renaming, and the one before it is tried. Raises StorageError when none is left,
        and UserError when a good one holds other arrays than this run has. Of several hosts the first looks for it, and all read it.
        """
        leaves: dict[str, np.ndarray] = {}

        def found() -> Path | None:
            newest = self._newest()
            leaves.update(newest[1] if newest else {})
            return newest[0] if newest else None

        path = hosts.by_first(found)
        if path is None:
            return None
        return _fitted(template, leaves or _read_too(path), device, path)

    def _newest(self) -> tuple[Path, dict[str, np.ndarray]] | None:
        tried = [str(path) for path in sorted(self._folder.glob("*.damaged*"))]
        for link in (path for path in _entries(self._folder) if STEP.fullmatch(path.name) and path.is_symlink()):
            log.warning("%s is a symbolic link, and is left aside: put the state that it leads to in its place", link)
        candidates = sorted(filter(is_step, _entries(self._folder)), key=lambda path: int(path.name), reverse=True)
        for path in candidates:
            try:
                return path, read_leaves(path)
            except Damaged as damage:
                aside = set_aside(path, "damaged")
                tried.append(str(aside))
                older = next((str(int(p.name)) for p in candidates if int(p.name) < int(path.name)), "none")
                log.warning("checkpoint %s is %s: using %s (it was set aside as %s)", path.name, damage, older, aside.name)
        if tried:
            remedy = "Restore one from a backup, or give --fresh to set this run aside and start over."
            raise Damage(f"{self._folder} holds no checkpoint that can be used; tried {', '.join(tried)}", self._folder.parent, remedy)
        return None

    def set_aside_after(self, step: int) -> int:
        """Renames the states saved after a step, with whose rows metrics.jsonl ends, and says so; returns how many."""
        late = [later for later in complete_steps(self._folder) if later > step]
        for later in late:
            aside = set_aside(self._folder / str(later), "later").name
            log.warning("metrics.jsonl has no rows after step %d: state %d is now %s, and they are recorded again", step, later, aside)
        return len(late)

    def is_overdue(self) -> bool:
        """Whether `every_seconds` have passed since the last save, by the clock of the first host."""
        return bool(hosts.number_of_first(0 < self._settings.every_seconds <= time.monotonic() - self._last_save))

    def keep_too(self, step: int | None) -> None:
        """The state of this step stays, however many newer ones there are, until another is named; None: of no step."""
        self._best = step

    def save(self, state: TrainState) -> bool:
        """Saves the state unless its step is saved already; returns whether its parameters are finite.

        A state that is not finite is not saved, unless the run is meant to go on after divergence. Raises StorageError,
        with earlier checkpoints untouched, when the disk refuses.
        """
        leaves = named_leaves(state)
        step, finite = int(leaves["step"]), _is_finite(leaves)
        if finite or self._keep_diverged:
            hosts.by_first(lambda: self._keep(step, leaves, finite))
        self._last_save = time.monotonic()
        return finite

    def _keep(self, step: int, leaves: dict[str, np.ndarray], finite: bool) -> None:
        if not self._folder.parent.is_dir():
            raise StorageError(f"{self._folder.parent} was removed while the run trained")
        if step not in complete_steps(self._folder):
            self._write(step, leaves, finite)
            if step not in complete_steps(self._folder):
                raise StorageError(f"checkpoint {step} was written to {self._folder} but is not there")
            self._retain()

    def _remove_left_overs(self) -> None:
        for left_over in self._folder.glob(f"*{TEMPORARY}"):
            with storage("removing the left-over", left_over):
                remove(left_over)

    def _write(self, step: int, leaves: dict[str, np.ndarray], finite: bool) -> None:
        staging = self._folder / f"{step}{TEMPORARY}"
        try:
            make_new_folder(staging)
            taken, odd = packed(leaves)
            write_arrays(staging / "default", taken)
            record = {name: _checksum(leaf) for name, leaf in leaves.items()}
            files = {"files": checksums_below(staging / "default", but=UNREAD), "sizes": sizes_below(staging / "default")}
            content = {"step": step, "finite": finite, "leaves": record, **files}
            write_json(staging / CHECKSUMS, content | ({"odd": odd} if odd else {}))
            if os.path.lexists(place := self._folder / str(step)):  # no state of ours, else nothing would be saved
                log.warning("%s is in the way of a state, and is now %s", place, set_aside(place, "damaged").name)
            move(staging, place)
        except Exception as error:  # Orbax reports a full disk as OSError, ValueError or worse
            with contextlib.suppress(OSError):
                remove(staging)
            if is_of_a_signal(error):
                raise
            raise StorageError(f"saving checkpoint {step} to {self._folder}: {explain(error, self._folder)}") from error

    def _retain(self) -> None:
        """Removes checkpoints that are neither among the newest, nor kept for ever, nor the best, nor the last finite one."""
        steps = complete_steps(self._folder)
        finite = (step for step in reversed(steps) if _was_finite(self._folder / str(step)))
        stay = {*steps[-self._settings.keep :], next(finite, None), self._best}
        for step in steps:
            if step not in stay and not self._kept.regularly(step):
                doomed = self._folder / f"{step}{TEMPORARY}"  # a half-removed one must not look complete
                with storage("removing", self._folder / str(step)):
                    move(self._folder / str(step), doomed)
                    remove(doomed)


def _read_too(path: Path) -> dict[str, np.ndarray]:
    """What the first host has read as well; a shared file system may be slow to show it."""
    patience = time.monotonic() + SHOWN_SECONDS
    while True:
        try:
            return read_leaves(path)
        except Damaged as damage:
            if time.monotonic() > patience:
                raise StorageError(f"checkpoint {path}, which the first host has read, is {damage} here: is the folder shared?") from None
            time.sleep(1.0)


class Damaged(Exception):
    """A checkpoint that cannot be read, or does not hold what was saved."""


def complete_steps(folder: Path) -> list[int]:
    """The steps on disk that were saved to the end, ascending."""
    return sorted(int(path.name) for path in filter(is_step, _entries(folder)) if (path / CHECKSUMS).is_file())


def read_leaves(path: Path) -> dict[str, np.ndarray]:
    """Every leaf of a checkpoint by name, as NumPy arrays, whatever devices saved it. Raises Damaged."""
    content = _written(path)
    record, odd = content["leaves"], content["odd"]
    try:
        # Before Orbax sees it: its threads would print pages about what is broken.
        wrong = difference(path / "default", content["files"], content["sizes"])
    except OSError as error:
        if is_of_a_signal(error):
            raise
        raise Damaged(f"damaged (its files cannot be read: {type(error).__name__})") from None
    if wrong:
        raise Damaged(f"damaged ({wrong})")
    try:
        stored = [name for name in record if name not in odd or math.prod(odd[name][1])]
        leaves = unpacked(read_arrays(path / "default", stored), odd)
    except Exception as error:  # for a truncated file Orbax may raise a bare Exception
        if is_of_a_signal(error):
            raise
        raise Damaged(f"damaged ({type(error).__name__} while reading it)") from None
    for name, checksum in record.items():
        if name not in leaves or _checksum(leaves[name]) != checksum:
            raise Damaged(f"damaged (the checksum of {name} does not match)")
    return {name: leaves[name] for name in record}


def _written(path: Path) -> dict[str, Any]:
    """What checksums.json says was written. Raises Damaged."""
    try:
        content = read_json(path / CHECKSUMS)
    except FileNotFoundError:
        raise Damaged("incomplete (no checksums)") from None
    except (OSError, ValueError) as error:
        raise Damaged(f"damaged (its checksums cannot be read: {type(error).__name__})") from None
    content = {"odd": {}, "sizes": {}} | content if isinstance(content, dict) else {}
    for name, kind in SAID.items():
        if not isinstance(of := content.get(name), dict) or not all(isinstance(value, kind) for value in of.values()):
            raise Damaged(f"damaged (its checksums cannot be read: {name} is no section of what it should be)")
    if is_step(path) and content.get("step") != int(path.name):
        raise Damaged(f"damaged (it was saved at step {quoted(content.get('step'))})")
    return content


def _fitted(template: TrainState, leaves: dict[str, np.ndarray], device: jax.Device, path: Path) -> TrainState:
    try:
        return from_named_leaves(template, leaves, device)
    except ValueError as error:  # the configs agree, so the code of a plugin has changed since
        raise UserError(
            f"checkpoint {path} does not fit this run: {error}. The code of {_owner(str(error))} has changed since: put its old version "
            "back, or give --fresh to set this run aside and start over."
        ) from None


def _owner(leaf: str) -> str:
    """The part of the experiment that a leaf such as probe_state.drift.W belongs to."""
    part, _, rest = leaf.partition(".")
    probe = rest.partition(" ")[0].partition(".")[0]
    owners = {"params": "the model", "variables": "the model", "opt_state": "the optimizer", "probe_state": f"probe {probe!r}"}
    return owners.get(part, "a plugin")


def _was_finite(path: Path) -> bool:
    try:
        return bool(read_json(path / CHECKSUMS)["finite"])
    except (OSError, ValueError, KeyError, TypeError):
        return False  # damaged: restoring finds that out, and says so


def _checksum(leaf: np.ndarray) -> str:
    header = f"{leaf.dtype}{leaf.shape}".encode()
    return hashlib.sha256(header + np.ascontiguousarray(leaf).tobytes()).hexdigest()


def _is_finite(leaves: dict[str, np.ndarray]) -> bool:
    params = [leaf for name, leaf in leaves.items() if name.startswith("params.")]
    return all(bool(np.isfinite(leaf).all()) for leaf in params)


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def is_step(path: Path) -> bool:
    """Whether this is the folder of a saved step, complete or not."""
    return STEP.fullmatch(path.name) is not None and path.is_dir() and not path.is_symlink()
