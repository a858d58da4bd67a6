"""The fields of the engine `slurm`: times and sizes as sbatch reads them, and what it would refuse."""

import pytest

from framework.errors import FieldError
from plugins.engines.slurm import Slurm, minutes


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30", 30), ("0:30", 1), ("90:00", 90), ("4:00:00", 240), ("2-12", 3600), ("1-0:30", 1470), ("1-00:00:01", 1441), ("0", 0), ("1h", 0)],
)
def test_times_are_read_as_sbatch_reads_them(text, expected):
    """The formats of sbatch's manual: minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM, D-HH:MM:SS; it rounds up to a minute."""
    assert minutes(text) == expected


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"time": "4 hours"}, "time = '4 hours': must be a time of Slurm's"),
        ({"mem": "4 GB"}, "mem = '4 GB': must be a whole number with K, M, G or T"),
        ({"inside": "slurm:mem=4G"}, "inside = 'slurm:mem=4G': must be an engine that trains in the task itself"),
        ({"cpus_per_task": 0}, "cpus_per_task = 0: must be an integer >= 1"),
    ],
)
def test_a_field_that_sbatch_would_refuse_is_refused_before(fields, message):
    with pytest.raises(FieldError) as refusal:
        Slurm(**fields)
    assert message in str(refusal.value)


def test_a_signal_that_would_come_at_once_is_refused():
    for time, before in (("1", 5), ("2", 90), ("00:02:00", 60)):
        with pytest.raises(FieldError, match=f"^signal = {before}: must leave time before it"):
            Slurm(time=time, signal=before)
    assert Slurm(time="3").signal == 90
