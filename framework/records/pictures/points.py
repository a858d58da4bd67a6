"""What a picture of many runs shows: which of them count, their values as numbers, and the runs that only their seeds tell apart."""

import json
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framework.config import PLUGIN_SECTIONS
from framework.errors import UserError
from framework.pictures import LONGEST_WORDS, as_pdf, literal, rendered, spacing
from framework.records.names import short_fields, unnamed
from framework.records.record import FAILED, FINISHED
from framework.records.table import Row, Table
from framework.storage import csv_text, make_folder, write_atomically

EVENTS = {
    "fitted": "step from which the training set is answered without a mistake",
    "grokked": "step from which test {headline} stays at 0.99",
}
WORDS = {
    "train": "train {headline} at the end",
    "test": "test {headline} at the end",
    "examples": "training examples n",
    "step": "steps done",
}


@dataclass(frozen=True)
class Points:
    """The runs that are over, for a picture. others: fields in which they differ besides the seed and what the picture shows.

    over_seeds: whether runs at one place differ in their seeds, which is not so where the picture shows the seed.
    """

    rows: Sequence[Row]
    others: Sequence[str]
    over_seeds: bool
    left_out: str  # a sentence on those that are not shown
    table: Table

    @classmethod
    def of(cls, table: Table, value: str, shown: Sequence[str], needed: Sequence[str]) -> "Points":
        """value: what is drawn over the axes; of a run that failed only events count. shown: the names on the axes. needed: what a run
        must have. Raises UserError where no run is left.
        """
        over = [row for row in table if row["state"] in (FINISHED, FAILED)]
        if value not in EVENTS:
            over = [row if row["state"] == FINISHED else {**row, value: None} for row in over]
        rows = [row for row in over if all(row[name] is not None for name in needed)]
        if not rows:
            raise UserError(f"none of the {len(table)} runs is over and has {' and '.join(needed)}: there is nothing to draw")
        silent = unnamed()
        every = len(rows)
        rows = _distinct(rows, ["seed", *PLUGIN_SECTIONS, *(name for name in table.fields if name not in silent)])
        fields = [name for name in table.fields if name not in (*shown, *silent)]
        others = [name for name in fields if not _follows(rows, name, shown)]
        said = [_runs(len(table) - len(over), "that is not over", "that are not over")] if len(over) < len(table) else []
        said += [_runs(len(over) - every, *[f"that failed, or without {' or '.join(needed)}"] * 2)] if every < len(over) else []
        said += [_runs(every - len(rows), "that is another one again", "that are others again")] if len(rows) < every else []
        return cls(rows, others, "seed" not in shown, in_full(f"not shown: {', '.join(said)}") if said else "", table)

    @property
    def about(self) -> str:
        """What is drawn, in a line: the plugins that all runs share, and how many runs there are."""
        shared = [{row[kind] for row in self.rows} for kind in ("task", "model", "optimizer")]
        return in_full(", ".join([*(names.pop().replace("_", " ") for names in shared if len(names) == 1), f"{len(self.rows)} runs"]))

    def label(self, name: str) -> str:
        """A field or a column in words: 'learning rate (optimizer.learning_rate)'."""
        said = EVENTS.get(name) or WORDS.get(name)
        if said:
            return said.format(headline=self.rows[0]["headline"].replace("_", " "))
        if not self.table.is_field(name):
            return in_full(f"{name.replace('_', ' ')} at the end")
        short = short_fields(dict.fromkeys([name, *self.table.fields]))[name].replace("_", " ")
        return in_full(short if short == name else f"{short} ({name})")

    def number(self, row: Row, name: str) -> float:
        """A value as a number, NaN where the run has none. Raises UserError for words."""
        value = row[name]
        found = number(math.nan if value is None else value)
        if found is None:
            hint = "; --x=examples has how many examples that is" if name == "task.train_size" else ""
            raise UserError(f"{name} is {value!r} in {row['path']}: a number is needed here{hint}")
        return found

    def runs_in(self, groups: Iterable[Sequence[Row]]) -> str:
        """'3 seeds', or '6 runs that differ in seed and model.width': how many there are in each group."""
        if self.others:
            return f"{count_of(groups, 'run')} that differ in {'seed and ' * self.over_seeds}{in_full(', '.join(self.others))}"
        return count_of(groups, "seed" if self.over_seeds else "run")


def in_full(words: str) -> str:
    """Names of fields and their values as the words of a picture, which breaks them into lines."""
    return literal(words, LONGEST_WORDS)


def count_of(groups: Iterable[Sequence[Row]], thing: str) -> str:
    """'1 seed', '3 seeds' or '1 to 3 seeds' in a group."""
    counts = sorted({len(group) for group in groups})
    return f"{counts[0]} {thing}{'' if counts == [1] else 's'}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} {thing}s"


def number(value: Any) -> float | None:
    """A field's value as a number; None for words."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def scale_of(places: Iterable[float]) -> str:
    """The x axis of curves through these places: "log" where they are spaced so, or wide apart; else "linear"."""
    ordered = sorted(set(map(float, places)))
    wide = ordered[0] > 0 and ordered[-1] / ordered[0] > 30
    return "log" if spacing(ordered) == "log" or (spacing(ordered) == "words" and wide) else "linear"


def grouped(rows: Iterable[Row], names: Sequence[str]) -> dict[tuple[Hashable, ...], list[Row]]:
    """Rows by their values of these names."""
    found: dict[tuple[Hashable, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(key_of(row[name]) for name in names), []).append(row)
    return found


def save(
    figure: Any, output: Path, header: Sequence[str], cells: Iterable[Sequence[Any]], about: Mapping[str, Any], paper: float | None = None
) -> list[Path]:
    """Writes the picture, what it is about inside, and the numbers beside it as .csv; returns both files. paper: inches across, a PDF."""
    make_folder(output.parent)
    data = output.with_suffix(".csv")
    said = json.dumps(about)
    write_atomically(output, rendered(figure, "png", said) if paper is None else as_pdf(figure, paper, said))
    write_atomically(data, csv_text(header, cells))
    return [output, data]


def _distinct(rows: Sequence[Row], names: Sequence[str]) -> list[Row]:
    """The rows without those that repeat another one: the same network, trained twice, is one sample and not two."""
    return list({tuple(key_of(row[name]) for name in names): row for row in reversed(rows)}.values())[::-1]


def _runs(count: int, one: str, several: str) -> str:
    return f"1 run {one}" if count == 1 else f"{count} runs {several}"


def _follows(rows: Sequence[Row], name: str, shown: Sequence[str]) -> bool:
    """Whether a field has one value wherever the names that are shown have one each, as task.train_size does beside examples."""
    return all(len({key_of(row[name]) for row in group}) == 1 for group in grouped(rows, shown).values())


def key_of(value: Any) -> Hashable:
    """A value as it can be looked up: lists as their JSON."""
    return json.dumps(value) if isinstance(value, list | dict) else value
