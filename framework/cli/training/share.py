"""whygrok share: trains the members of a share of a sweep, which a file lists.

Not for people: the jobs of the engine `slurm` start it.
"""

from collections.abc import Sequence
from pathlib import Path

from framework.sweep import train_share


def main(arguments: Sequence[str]) -> int:
    """Trains; returns 0 also where members failed or were stopped: the notes beside the file say so."""
    train_share(Path(arguments[0]))
    return 0
