"""What the report of many runs shows: a table that can be filtered, and what the script draws of the runs that are left."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from framework.config import word_of
from framework.errors import StorageError, UserError
from framework.evidence.report.page import Part, attribute
from framework.evidence.report.plain import short, thinned
from framework.records import METRICS, Table, read_lines
from framework.records.names import short_fields, unnamed

EVENTS = ("fitted", "grokked")
REACHED = ("state", "step", "train", "test", *EVENTS)
POINTS = 60  # of one run's curve
LEFT_OUT = 20  # folders that are named


def sweep_parts(table: Table, title: str, key: str) -> list[Part]:
    """The parts of the page on many runs. key: what begins the names of its charts. Raises UserError where none can be read."""
    if not len(table):
        why = "; ".join(_left_out(table))
        raise UserError(f"none of the runs can be read: {why}. See what is wrong with: whygrok doctor RUN, and set it aside with --repair")
    silent = unnamed()  # what is of no consequence for what is trained
    fields = [name for name in table.fields if name not in silent and any(row[name] is not None for row in table)]
    fields += ["seed"] if "seed" not in fields and len({row["seed"] for row in table}) > 1 else []
    columns = [*fields, *REACHED]
    numbers = [name for name in [*fields, "examples"] if _are_numbers(table, name)]
    about = {
        "kind": "sweep",
        "columns": [*columns, "examples"],
        "labels": _labels(table, [*columns, "examples"]),
        "rows": [[short(_cell(row[name])) for name in [*columns, "examples"]] for row in table],
        "names": table.names(),
        "numbers": [name for name in numbers if name != "seed" and len({row[name] for row in table}) > 1],
        "fields": [name for name in fields if name != "seed"],
        "headline": table[0]["headline"].replace("_", " "),
    }
    parts = [
        Part(title, f"{_summary(table)}{_table_html(table, columns, key)}", {key: about}),
        Part("Curves of all runs", _place(key, "curves"), {f"{key}-curves": _curves(table)}),
    ]
    if len(about["fields"]) > 1:
        parts.append(Part("Heat map", _place(key, "map")))
    if about["numbers"]:
        parts.append(Part("Over a field, and collapsed", _place(key, "collapse")))
    return parts


def _summary(table: Table) -> str:
    states: dict[str, int] = {}
    for row in table:
        states[row["state"]] = states.get(row["state"], 0) + 1
    said = ", ".join(f"{count} {state}" for state, count in states.items())
    grokked, fitted = (sum(row[name] is not None for row in table) for name in ("grokked", "fitted"))
    words = f"<p>{len(table)} run{'s' * (len(table) > 1)}: {escape(said)}. {fitted} fitted their training set, and {grokked} grokked.</p>"
    if not table.left_out:
        return words
    items = "".join(f"<li>{escape(line)}</li>" for line in _left_out(table))
    return f"{words}<details><summary>{len(table.left_out)} left out</summary><ul>{items}</ul></details>"


def _left_out(table: Table) -> list[str]:
    """Why runs have no row, each in a line, up to a screenful."""
    lines = [f"{Path(folder).name}: {why}" for folder, why in list(table.left_out.items())[:LEFT_OUT]]
    more = len(table.left_out) - LEFT_OUT
    return lines + ([f"and {more} more"] if more > 0 else [])


def _table_html(table: Table, columns: Sequence[str], key: str) -> str:
    labels = _labels(table, columns)
    heads = "".join(f"<th scope=col aria-sort=none><button type=button>{escape(label)}</button></th>" for label in labels)
    filters = "".join(f'<td><input type=search aria-label="Filter {attribute(label)}" size=7></td>' for label in labels)
    body = "".join(f"<tr>{''.join(f'<td>{escape(_shown(row[name]))}</td>' for name in columns)}</tr>" for row in table)
    return f"""<p class="help screen">Below a heading, a filter: a part of a word, or &gt;0.9, &lt;=3, =1, or – for what has none.
The pictures below show the runs that are left. A heading sorts.</p><p class=count role=status></p>
<div class="table runs" tabindex=0 data-runs="{attribute(key)}"><table><thead>
<tr>{heads}</tr><tr class="filters screen">{filters}</tr></thead>
<tbody>{body}</tbody></table></div>"""


def _curves(table: Table) -> dict[str, Any]:
    """Column → [place of the steps, values] of each run; steps that runs share are kept once."""
    steps_of: dict[tuple[int, ...], int] = {}
    found: dict[str, list[Any]] = {}
    for place, row in enumerate(table):
        for column, (steps, values) in _series(row).items():
            number = steps_of.setdefault(tuple(steps), len(steps_of))
            found.setdefault(column, [None] * len(table))[place] = [number, values]
    return {"kind": "curves", "steps": [list(steps) for steps in steps_of], "columns": found}


def _series(row: dict[str, Any]) -> dict[str, tuple[list[int], list[Any]]]:
    """Accuracy and loss of one run, train and test, at a few steps; nothing of a run whose rows cannot be read."""
    try:
        lines, _ = read_lines(Path(row["path"], METRICS))
    except StorageError:
        return {}
    found = {}
    for column in (f"{split}/{quantity}" for quantity in dict.fromkeys((row["headline"], "loss")) for split in ("test", "train")):
        there = [line for line in lines if isinstance(line.get(column), int | float)]
        few = [there[place] for place in thinned([line["step"] for line in there], POINTS)] if there else []
        if few:
            found[column] = ([line["step"] for line in few], [_few_digits(line[column]) for line in few])
    return found


def _few_digits(value: float) -> Any:
    return short(float(f"{value:.4g}"))


def _place(key: str, view: str) -> str:
    return f'<div class=view data-sweep="{attribute(key)}" data-view={view}></div>'


def _labels(table: Table, names: Sequence[str]) -> list[str]:
    short_names = short_fields([name for name in names if name not in REACHED])
    return [short_names.get(name, name).replace("_", " ") for name in names]


def _cell(value: Any) -> Any:
    return word_of(value) if isinstance(value, list | dict) else value


def _are_numbers(table: Table, name: str) -> bool:
    values = [row[name] for row in table if row[name] is not None]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _shown(value: Any) -> str:
    return "–" if value is None else f"{value:.6g}" if isinstance(value, float) else str(_cell(value))
