"""whygrok doctor: does this machine keep the promises? Equal bits, compiled programs kept, a writable disk. Are a run's files sound?"""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framework import registry
from framework.cli import Parser
from framework.cli.answers import answer
from framework.cli.checking.examine import examine
from framework.config import experiment, select
from framework.errors import UserError, named

if TYPE_CHECKING:
    from framework.training import Experiment

EXAMPLES = """\
  whygrok doctor
  taskset -c 0,1 whygrok doctor --repeats=200
  whygrok doctor runs/first                what of a run's folder, or of every run below one, is sound
  whygrok doctor runs/first --repair       set aside what is damaged, by renaming, so that the same command goes on
  whygrok doctor --clear-programs          remove the compiled programs that are kept for the next run
"""


def main(arguments: Sequence[str]) -> int:
    """Prints one line per check; returns 0 when all hold and 1 otherwise."""
    parser = Parser("doctor", EXAMPLES)
    parser.add_argument("folders", metavar="RUN", nargs="*", help="runs, or folders of runs; by default the machine is checked")
    parser.add_argument("--repair", action="store_true", help="set aside the damaged files of RUN; nothing is deleted")
    parser.add_argument("--repeats", type=int, default=50, help="how many times the training chunk is run and compared")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--clear-programs", action="store_true", help="only remove the compiled programs that are kept")
    options = parser.parse(arguments)
    if options.repeats < 2:
        parser.error(f"--repeats={options.repeats} must be at least 2")
    if options.repair and not options.folders:
        parser.error("--repair needs a RUN")
    if options.clear_programs:
        return _clear_programs()
    if options.folders:
        return examine(options.folders, options.repair, options.json)
    from framework.run.environment import bits_depend_on, start_backend  # after the arguments are read: JAX is not imported for --help

    start_backend()
    checks: dict[str, Callable[[], tuple[bool, str]]] = {
        "plugins": _check_plugins,
        "bits": lambda: _check_bits(options.repeats),
        "programs": _check_programs,
        "disk": _check_disk,
    }
    results = [{"check": name, "holds": holds, "detail": detail} for name, (holds, detail) in ((n, _tried(c)) for n, c in checks.items())]
    environment = bits_depend_on()
    if options.json:
        answer(json.dumps({"environment": environment, "checks": results}, indent=2))
    else:
        for name, value in environment.items():
            answer(f"{name:18} {value}")
        for result in results:
            answer(f"{'ok ' if result['holds'] else 'BAD'} {result['check']:14} {result['detail']}")
    return 0 if all(result["holds"] for result in results) else 1


def _tried(check: Callable[[], tuple[bool, str]]) -> tuple[bool, str]:
    """What a check finds; an error of XLA, as on a machine that lacks /proc, is a finding too."""
    try:
        return check()
    except RuntimeError as error:
        return False, named(error)


def _clear_programs() -> int:
    from framework.run import program_place
    from framework.storage import clear, size_of

    place = program_place()
    if place.folder is None or place.mistake:
        raise UserError(f"no compiled programs are removed: {place.why_not}")
    count, size = size_of(place.folder)
    clear(place.folder)
    left, _ = size_of(place.folder)
    answer(f"removed {count - left} compiled programs, {size:,} bytes: {place.folder}" if count else f"there are none: {place.folder}")
    return 0 if not left else 1


def _check_plugins() -> tuple[bool, str]:
    counts = {registry.PLURALS[kind]: len(registry.entries(kind)) for kind in registry.KINDS}
    broken = registry.failures()
    said = ", ".join(f"{count} {plural}" for plural, count in counts.items())
    return not broken, said + "".join(f"; {place}: {reason}" for place, reason in broken.items())


def _check_bits(repeats: int) -> tuple[bool, str]:
    """Runs one training chunk again and again: XLA's threads must not change a bit (jax-ml/jax#39741)."""
    from framework.training import Experiment

    made = Experiment.from_config(_small_config())
    digests = [_digest(made) for _ in range(repeats)]
    equal = digests.count(digests[0])
    return equal == repeats, f"{equal} of {repeats} equal: 200 training steps from one state give the same bits"


def _digest(made: "Experiment") -> bytes:
    import numpy as np

    from framework.training import named_leaves

    state, _ = made.advance(made.initial_state(), 200)
    leaves = named_leaves(state)
    return b"".join(np.ascontiguousarray(leaf).tobytes() for leaf in leaves.values())


def _small_config() -> Any:
    return experiment(
        task=select("modular_addition", p=23),
        model=select("quadratic"),
        optimizer=select("adamw"),
    )


def _check_programs() -> tuple[bool, str]:
    """Compiled programs that are not kept cost time only, so that this holds unless the user's own choice cannot be followed."""
    from framework.run import program_place
    from framework.storage import LIMIT_BYTES, size_of

    place = program_place()
    if place.folder is None or place.mistake:
        return not place.mistake, f"whygrok keeps no compiled programs: {place.why_not}"
    count, size = size_of(place.folder)
    there = f"{count} compiled programs, {size:,} of at most {LIMIT_BYTES:,} bytes: {place.folder}"
    if place.why_not:
        return True, f"not used: {place.why_not}; {there}"
    return True, there if os.access(place.folder, os.W_OK) else f"{there}, which can only be read"


def _check_disk() -> tuple[bool, str]:
    import jax

    from framework.storage import free_bytes, temporary_folder, write_atomically

    with temporary_folder(beside=".") as folder:
        write_atomically(Path(folder) / "probe", b"x" * 4096)
    return True, f"the current folder can be written, {free_bytes(Path.cwd()):,} bytes free; {jax.device_count()} device(s)"
