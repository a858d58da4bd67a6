"""Tables as CSV text: the one way in which numbers are written beside a picture or a sweep."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """One line per row. Nothing, NaN and infinities are left empty; lists and sections are JSON; floats are exact."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def csv_line(values: Sequence[Any]) -> str:
    """A line of such a table."""
    return csv_text([_cell(value) for value in values], ())


def _cell(value: Any) -> str:
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, default=list)
    if isinstance(value, float):  # NumPy's floats included
        return repr(float(value)) if math.isfinite(value) else ""
    return "" if value is None else str(value)
