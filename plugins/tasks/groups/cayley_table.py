"""Any binary operation on a finite set, read from a file."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from framework import field, register
from framework.errors import FieldError, unreadable
from plugins.mathematics.tables import Table, TableTask, is_associative, is_latin_square, read_table

REQUIRED = {  # what may be asked of a table → its checks, in words
    "nothing": (),
    "latin_square": ("a Latin square",),
    "associative": ("associative",),
    "group": ("a Latin square", "associative"),
}
CHECKS = {"a Latin square": is_latin_square, "associative": is_associative}


@register("cayley_table")
@dataclass(frozen=True, kw_only=True)
class CayleyTable(TableTask):
    """Row a, column b of a square table of numbers 0 … m−1, over all m² pairs (a, b).

    The file holds m rows of m numbers: .csv or .txt (commas or blanks, # begins a comment), .npy or .json (a list of rows).
    A Latin square that is associative is a group. It is read once, when the task is made, and again when a run is resumed.
    Sources: Power et al. 2022 (arXiv 2201.02177), any binary operation table; Chughtai et al. 2023 (arXiv 2302.03025),
    groups. Inputs int32 [m², 2], targets int32 [m²]. Raises FieldError naming row, column and value.
    """

    file: str = field("", "the table: a path, absolute or from the folder in which the command is given")
    require: str = field("nothing", "what the table must be", choices=tuple(REQUIRED), harmless=True)

    def __post_init__(self) -> None:
        """Also reads the table and checks what is required of it."""
        super().__post_init__()
        for property_name in REQUIRED[self.require]:
            if not CHECKS[property_name](self.table):
                raise FieldError("require", self.require, f"the table of {self.file} is not {property_name}")
        _ = self.table

    @cached_property
    def table(self) -> Table:
        """The numbers of the file, int32 [m, m]."""
        if not self.file:
            raise FieldError("file", self.file, "must be the path of a table, such as group.csv")
        try:
            return read_table(Path(self.file).expanduser())
        except OSError as error:
            raise unreadable("file", self.file, error) from None
        except (ValueError, RuntimeError) as error:  # a file that is no such table, or ~NOBODY
            raise FieldError("file", self.file, str(error)) from None
