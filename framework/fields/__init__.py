"""Fields of plugins and settings: declared with their limits, and read from Python, files and the command line."""

from framework.fields.code import code_of
from framework.fields.conditions import Condition, best_column, check_condition
from framework.fields.declare import (
    Declared,
    Fields,
    convert,
    declared_fields,
    field,
    fields_of,
    found_by_name,
    is_exactly,
    make,
    part,
    parts,
    unknown_field,
    unwrap,
    without,
)
from framework.fields.expressions import check_expression, evaluate
from framework.fields.structure import Structure, numbers_of, structure_of, with_numbers
