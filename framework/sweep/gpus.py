"""The GPUs of this machine, dealt out to the processes of a sweep. Left alone, JAX has each process take most of the first one."""

import logging
import os
import re
import subprocess
from collections import Counter
from collections.abc import Mapping

log = logging.getLogger("whygrok")

VISIBLE, MEMORY = "CUDA_VISIBLE_DEVICES", "XLA_CLIENT_MEM_FRACTION"
# A user who says what a process takes is obeyed. The second name is JAX's older one, and JAX refuses both together.
SAID_BY_USER = (MEMORY, "XLA_PYTHON_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_PREALLOCATE", "XLA_PYTHON_CLIENT_ALLOCATOR")
OF_ALL = 0.75  # the part of a GPU's memory that JAX takes when it starts, unless it is told otherwise
ANSWER_SECONDS = 20.0  # how long a driver may take to name its GPUs
NAMED = re.compile(r"UUID: ((GPU|MIG)-[^\s)]+)")


class Gpus:
    """Deals out GPUs: to each process those that the fewest have, and the same part of their memory."""

    def __init__(self, jobs: int, each: int = 1):
        """jobs: at most how many processes there are at once. each: how many GPUs one of them needs, more than one for a mesh."""
        self._holders = Counter(dict.fromkeys(visible_gpus(), 0))
        self._each = min(each, len(self._holders))
        self._sharing = -(-jobs * self._each // len(self._holders)) if self._holders else 0

    @property
    def said(self) -> str:
        """How they are dealt out, in words; nothing where there are none."""
        if not self._holders:
            return ""
        count = f"{len(self._holders)} GPU{'' if len(self._holders) == 1 else 's'}"
        if self._sharing <= 1:
            return f"{count}, {'one' if self._each == 1 else self._each} for each process"
        part = f", with {self._part:.0%} of its memory each" if self._memory else ""
        return f"{count}, each shared by at most {self._sharing} processes{part}"

    def take(self) -> dict[str, str]:
        """The environment variables that give a process its GPUs; none where there is no GPU."""
        if not self._holders:
            return {}
        taken = sorted(self._holders, key=lambda one: self._holders[one])[: self._each]
        self._holders.update(taken)
        return {VISIBLE: ",".join(taken), **self._memory}

    def give_back(self, taken: Mapping[str, str]) -> None:
        """Takes back what a process had that is gone."""
        self._holders.subtract(taken[VISIBLE].split(",") if taken else ())

    @property
    def _part(self) -> float:
        return OF_ALL / self._sharing

    @property
    def _memory(self) -> dict[str, str]:
        return {} if self._sharing < 2 or any(name in os.environ for name in SAID_BY_USER) else {MEMORY: f"{self._part:.4f}"}


def visible_gpus() -> list[str]:
    """The GPUs that a process started here could use, as CUDA_VISIBLE_DEVICES names them. None of them is taken."""
    if os.environ.get("JAX_PLATFORMS", "").partition(",")[0] == "cpu":
        return []
    if (told := os.environ.get(VISIBLE)) is not None:
        named = [name.strip() for name in told.split(",")]
        return named[: next((place for place, name in enumerate(named) if name in ("", "-1")), len(named))]  # as CUDA reads it
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=ANSWER_SECONDS, check=True).stdout
    except FileNotFoundError:
        return []
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("the GPUs of this machine are not known, so every process may use all of them: %s", error)
        return []
    found: list[str] = []
    for name, kind in NAMED.findall(listed):
        if kind == "MIG" and found and found[-1].startswith("GPU"):
            found.pop()  # one that is divided is used through its parts, which follow it
        found.append(name)
    return found
