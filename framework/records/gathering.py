"""Finds all runs below folders, and reads those that have changed since the index beside them was written."""

import logging
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from framework.errors import UserError, did_you_mean
from framework.records.files import CONFIG, ENVIRONMENT, METRICS
from framework.records.index import Known, Signature, read_index, write_index
from framework.records.members import TABLE, without_a_run
from framework.records.record import Damaged, Record, read_record, signature
from framework.records.table import Table
from framework.storage import at_home, is_folder

log = logging.getLogger("whygrok")

SET_ASIDE = re.compile(r".+\.old(-\d+)?")  # how --fresh names a run that was in the way
NUMBER = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)")
SETTLED_SECONDS = 2.0  # a file that changed less long ago may change again without a new size or time


def collect(*roots: str | Path, columns: Sequence[str] = ()) -> Table:
    """All runs in and below folders, one row per run, in the order of their paths.

    columns: columns of metrics.jsonl, of which each row has the last value, and config fields, beside those in which the
    runs differ. `left_out` names folders that are damaged, members of sweeps that have no run, and runs that --fresh set aside. An
    index in each root makes the next call quick. Raises UserError for a root without runs, and for a column that no run has.
    """
    columns = [columns] if isinstance(columns, str) else columns
    if not roots:
        raise UserError("collect needs a folder with runs, such as runs")
    found: dict[str, Record] = {}  # by real path: a run that is below two roots counts once
    left_out: dict[str, str] = {}
    for root in (at_home(root) for root in roots):
        below, damaged = _below(str(root))
        if not below and damaged.keys() <= {str(root)} and not (root / CONFIG).exists():
            raise _nothing(root)
        found = below | found
        left_out |= damaged
    return Table(sorted(found.values(), key=lambda record: natural(record.path)), left_out, columns)


def _below(root: str) -> tuple[dict[str, Record], dict[str, str]]:
    """(the runs in and below a folder by their real paths, why others are left out)."""
    known, now = read_index(root), time.time()
    kept: Known = {}
    left_out: dict[str, str] = {}
    found: dict[str, Record] = {}
    for folder, real, files in folders_below(root, left_out):
        place = folder[len(root) :]
        before = known.get(place)
        try:
            record = before[1] if before and before[0] == files else read_record(folder)
        except Damaged as damage:
            left_out[folder] = str(damage)
            continue
        found[real] = record.at(folder)
        if all(one is None or now - one[1] / 1e9 > SETTLED_SECONDS for one in files):
            kept[place] = (files, record)
    is_run = "" in kept  # a folder of a run is left as it is
    if not is_run and {place: files for place, (files, _) in kept.items()} != {place: files for place, (files, _) in known.items()}:
        write_index(root, kept)
    return found, left_out


def folders_below(root: str, left_out: dict[str, str]) -> Iterator[tuple[str, str, Signature]]:
    """(folder, its real path, what its files look like) of every run; what lies inside a run is not searched."""
    return (found for found in searched_below(root, left_out) if found is not None)


def searched_below(root: str, left_out: dict[str, str]) -> Iterator[tuple[str, str, Signature] | None]:
    """The same, and None for each folder that is no run: whoever searches may stop there for a while."""
    waiting, seen = [(root, os.path.realpath(root))], set[str]()
    while waiting:
        folder, real = waiting.pop()
        try:
            files = signature(folder)
            if files[0] is not None:
                if folder != root and SET_ASIDE.fullmatch(os.path.basename(folder)):
                    left_out[folder] = "set aside by --fresh"
                else:
                    yield folder, real, files
            elif real not in seen:  # a link may lead back
                seen.add(real)
                waiting += _inside(folder, real, left_out)
                yield None
        except OSError as error:
            left_out[folder] = f"cannot be read: {error.strerror}"


def _inside(folder: str, real: str, left_out: dict[str, str]) -> list[tuple[str, str]]:
    """The folders in one that is no run itself, and their real paths."""
    with os.scandir(folder) as entries:
        there = list(entries)
    names = {entry.name for entry in there}
    if names & {METRICS, ENVIRONMENT}:
        left_out[folder] = f"has no {CONFIG}"
    if TABLE in names:
        left_out |= without_a_run(folder, names)
    folders = [entry for entry in there if not entry.name.startswith(".") and is_folder(entry)]
    return [(one.path, os.path.realpath(one.path) if one.is_symlink() else f"{real}/{one.name}") for one in folders]


def _nothing(root: Path) -> UserError:
    path = Path(os.path.abspath(root))
    beside = [entry.name for entry in path.parent.iterdir() if os.path.isdir(entry) and entry != path] if path.parent.is_dir() else []
    hint = did_you_mean(path.name, beside)
    if not path.is_dir():
        return UserError(f"{root} is a file, not a folder" if path.exists() else f"there is no folder {root}.{hint}")
    return UserError(f"no run is in or below {root}: no folder there has a {CONFIG}.{hint}")


def natural(path: str) -> list[str | float]:
    """A sort key by which seed=2 comes before seed=10, and 0.03 before 0.1: words and numbers in turn."""
    return [float(part) if place % 2 else part for place, part in enumerate(NUMBER.split(path))]
