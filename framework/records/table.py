"""Many runs as one table: what each is, in which fields they differ, how each stands; as CSV, JSON, Parquet or a data frame."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from framework.config import PLUGIN_SECTIONS
from framework.errors import UserError, nearest, one_of
from framework.records.names import differing, names_by_difference
from framework.records.record import Record
from framework.storage import csv_text, write_atomically, write_json

WHAT = ("path", "member", "seed", *PLUGIN_SECTIONS, "probes")
OUTCOME = ("state", "step", "steps", "headline", "train", "test", "fitted", "grokked", "examples", "said")
KINDS = (".csv", ".json", ".parquet")

Row = dict[str, Any]


class Table(Sequence[Row]):
    """Runs as rows, each a dict of column → value, None where a run has none.

    columns: path, member (the name of its folder), seed, the plugins by name, the fields in which the runs differ, how each
    stands (state, step, steps, headline, train, test, fitted, grokked, examples for training, said), and those asked for.
    fields: those of the columns in which the runs differ. left_out: folder → why it has no row.
    """

    def __init__(self, records: Sequence[Record], left_out: Mapping[str, str], columns: Sequence[str] = ()):
        """Raises UserError for one of `columns` that no run has."""
        self._records = records
        self.left_out = dict(left_out)
        self._differing = sorted(differing([record.fields for record in records]), key=_place)
        self.fields = [name for name in self._differing if name not in (*WHAT, *OUTCOME, *(f"{kind}.name" for kind in PLUGIN_SECTIONS))]
        for name in columns:
            self._check(name)
        self.columns = list(dict.fromkeys([*WHAT, *self.fields, *OUTCOME, *columns]))
        self._rows = [_row(record, self.columns) for record in records]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def __getitem__(self, place: Any) -> Any:
        return self._rows[place]

    def is_field(self, name: str) -> bool:
        """Whether a name is that of a config field, and not of something that a run reached or measured."""
        return any(name in record.fields for record in self._records)

    def names(self) -> list[str]:
        """Each run by what it differs in, learning_rate=0.1,seed=0; by its path where that would not tell it from the others."""
        if named := names_by_difference([record.fields for record in self._records], self._differing):
            return named
        paths = [record.path for record in self._records]
        above = os.path.commonpath([os.path.dirname(path) for path in paths]) if paths else ""
        return [os.path.relpath(path, above or ".") for path in paths]

    def to_pandas(self) -> Any:
        """A pandas DataFrame of the table. Raises UserError where pandas is not installed."""
        return data_frame(self._rows, self.columns)

    def write(self, file: str | Path) -> None:
        """Writes the table as .csv, .json (a list of rows) or .parquet. Raises UserError for another kind, StorageError where it cannot."""
        file = Path(file)
        if file.suffix == ".csv":
            write_atomically(file, csv_text(self.columns, [list(row.values()) for row in self._rows]))
        elif file.suffix == ".json":
            write_json(file, self._rows)
        elif file.suffix == ".parquet":
            _write_parquet(file, self._rows, self.columns)
        else:
            raise UserError(f"{file}: a table is written as {one_of(KINDS)}; end the name in one of these")

    def _check(self, name: str) -> None:
        if name in (*WHAT, *OUTCOME) or any(name in record.fields or name in record.last for record in self._records):
            return
        fields = list(dict.fromkeys(field for record in self._records for field in record.fields))
        measured = list(dict.fromkeys(column for record in self._records for column in record.last))
        known = [*WHAT, *OUTCOME, *fields, *measured]
        endings = {field.rpartition(".")[2]: field for field in reversed(fields)}
        near = endings.get(name) or nearest(name, known) or endings.get(nearest(name, endings) or "")
        hint = f" Did you mean {near!r}?" if near else ""
        differ = f" They differ in: {one_of(self.fields)}." if self.fields else ""
        raise UserError(f"{name!r} is no field and no column of these runs.{hint}{differ} Columns: {one_of(measured)}.")


def data_frame(data: Any, columns: Sequence[str]) -> Any:
    """A pandas DataFrame of rows, or of columns by name. Raises UserError where pandas is not installed."""
    try:
        import pandas
    except ImportError:
        raise UserError("pandas is not installed: pip install pandas") from None
    return pandas.DataFrame(data, columns=list(columns))


def _place(field: str) -> tuple[bool, bool]:
    """A sort key for what runs differ in: plugins first, the seed last."""
    return field == "seed", not field.endswith(".name")


def _row(record: Record, columns: Sequence[str]) -> Row:
    known = {
        **record.last,
        **{name: getattr(record, name, None) for name in ("path", *OUTCOME)},
        **_plugins(record.fields),
        **record.fields,
        "member": os.path.basename(os.path.abspath(record.path)),
    }
    return {name: known.get(name) for name in columns}


def _plugins(fields: Mapping[str, Any]) -> dict[str, str]:
    """Section → its plugin and those that it holds, such as grokfast+sgd; probes → what they are called."""
    found: dict[str, list[str]] = {name: [] for name in (*PLUGIN_SECTIONS, "probes")}
    for field in sorted([field for field in fields if field.endswith(".name")], key=lambda field: field.count(".")):
        section, called, *deeper = field.split(".")
        if section == "probes":
            found[section] += [] if len(deeper) > 1 else [called]
        elif section in found and (called, section) != ("loss", "task"):  # a loss is no task
            found[section].append(str(fields[field]))
    return {name: "+".join(names) for name, names in found.items()}


def _write_parquet(file: Path, rows: Sequence[Row], columns: Sequence[str]) -> None:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UserError(f"{file}: pyarrow, which writes Parquet, is not installed: pip install pyarrow") from None
    cells = {name: _of_one_type([row[name] for row in rows]) for name in columns}
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table(cells), sink)
    write_atomically(file, sink.getvalue().to_pybytes())


def _of_one_type(values: Sequence[Any]) -> Sequence[Any]:
    """A column as Parquet takes it: numbers, truth values or text; all text where they are mixed, JSON for lists."""
    kinds = {float if type(value) is int else type(value) for value in values if value is not None}
    if kinds <= {float} or kinds in ({str}, {bool}):
        return values
    return [None if value is None else value if isinstance(value, str) else json.dumps(value) for value in values]
