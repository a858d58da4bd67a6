"""Runs as their files say, without JAX: how one stands, many found below folders, one table of them, and pictures of that."""

from framework.records.files import (
    COMPLETE,
    CONFIG,
    ENVIRONMENT,
    FAILURES,
    KILLED,
    LOCK,
    METRICS,
    NONFINITE,
    NOTES,
    STOPPED,
    read_environment,
    read_lines,
    sound_lines,
)
from framework.records.gathering import collect, natural
from framework.records.members import TABLE, fields_of_sweep
from framework.records.names import differing, names_by_difference
from framework.records.outcome import GROKKED, Outcome
from framework.records.table import Table, data_frame
