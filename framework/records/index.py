"""The index beside runs: what was read from their files, with the size and time of each, so that only what changed is read again.

It may be removed at any time. One that is damaged, or was written by another version, counts as none.
"""

import json
import logging
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from framework.errors import StorageError
from framework.records.record import Record
from framework.storage import parse_json, read_file, write_atomically

log = logging.getLogger("whygrok")

NAME = ".whygrok-collected.json"
FORMAT = 1  # to be raised when a record is read in another way, or kept in another form
SAYS = ("state", "step", "headline", "train", "test", "fitted", "grokked", "examples", "said")

Signature = list[list[int] | None]
Known = dict[str, tuple[Signature, Record]]  # path below the root → what its files looked like, and what they said


def read_index(root: str) -> Known:
    """What the index in a folder knows; nothing where there is none that can be used."""
    try:
        head, _, body = read_file(Path(root, NAME)).partition(b"\n")
    except OSError:
        return {}
    if head != _head(body):
        return {}
    try:
        stored = parse_json(body)
        common, columns = stored["common"], stored["columns"]
        return {path: (entry["files"], _record(entry, common, columns)) for path, entry in stored["runs"].items()}
    except (ValueError, LookupError, TypeError, AttributeError):  # whole, but not ours
        return {}


def write_index(root: str, known: Known) -> None:
    """Keeps what is known. A folder that may not be written, or a full disk, only makes the next call read everything again."""
    common = dict(next(iter(known.values()))[1].fields) if known else {}
    columns = list(dict.fromkeys(name for _, record in known.values() for name in record.last))
    runs = {path: {"files": files} | _entry(record, common, columns) for path, (files, record) in known.items()}
    body = json.dumps({"common": common, "columns": columns, "runs": runs}, separators=(",", ":")).encode()
    try:
        write_atomically(Path(root, NAME), _head(body) + b"\n" + body, durable=False)
    except StorageError as error:
        log.debug("no index is kept: %s", error)


def _head(body: bytes) -> bytes:
    return f'{{"whygrok": "collected runs", "format": {FORMAT}, "crc32": {zlib.crc32(body)}}}'.encode()


def _entry(record: Record, common: Mapping[str, Any], columns: list[str]) -> dict[str, Any]:
    """What a run has in common with the first is left out."""
    return {
        "fields": {name: value for name, value in record.fields.items() if name not in common or _differ(common[name], value)},
        "without": [name for name in common if name not in record.fields],
        "says": [getattr(record, name) for name in SAYS],
        "last": [record.last.get(name) for name in columns],
    }


def _differ(one: Any, other: Any) -> bool:
    return bool(one != other or type(one) is not type(other))  # 1, 1.0 and true are equal, and are not written alike


def _record(entry: Mapping[str, Any], common: Mapping[str, Any], columns: list[str]) -> Record:
    fields = {**common, **entry["fields"]}
    for name in entry["without"]:
        del fields[name]
    last = {name: value for name, value in zip(columns, entry["last"], strict=True) if value is not None}
    return Record(fields, **dict(zip(SAYS, entry["says"], strict=True)), last=last)
