"""The long form of all faults: python -m tests.faults --minutes=60. Stopped and given again, it goes on where it was."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

DEFAULT = Path(os.environ.get("TMPDIR", "/tmp")) / "whygrok-faults"


def main() -> int:
    """Tries what is still to be tried in the time that there is; returns 1 where something was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long, at most (default 60)")
    parser.add_argument("--folder", type=Path, default=DEFAULT, help=f"where results and runs lie (default {DEFAULT})")
    parser.add_argument("--only", default="", help="names of trials, with commas between them (default: all)")
    parser.add_argument("--jobs", type=int, default=2, help="how many processes at once (default 2)")
    parser.add_argument("--write", action="store_true", help="only write the table of docs/reliability.md from the results")
    options = parser.parse_args()
    apart(options.folder)
    from tests.faults.results import LOST, Results, table, write_table
    from tests.faults.trials import TRIALS

    results = Results(options.folder)
    if not options.write:
        until = time.monotonic() + 60 * options.minutes
        chosen = [trial for trial in TRIALS if not options.only or trial.name in options.only.split(",")]
        with ThreadPoolExecutor(options.jobs) as pool:
            for trial in chosen:
                _work_off(pool, trial.todo(results, options.folder), options.jobs, until, results.add)
    print(table(results.cases))
    for case in results.cases:
        if case.came == LOST:
            print(f"{case.fault} in {case.where}, number {case.number} ({case.moment}): {case.said}", file=sys.stderr)
    if options.write:
        write_table(results.cases)
    return int(any(case.came == LOST for case in results.cases))


def apart(folder: Path) -> None:
    """Nothing of the user's own is read or written, and all processes share compiled programs."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    os.environ |= {"JAX_COMPILATION_CACHE_DIR": str(folder / "programs"), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    os.environ |= {"JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1", "WHYGROK_PROGRAMS": "off", "HOME": str(home)}
    os.environ |= {"XDG_STATE_HOME": str(home / "state"), "XDG_CACHE_HOME": str(home / "cache")}
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false")


def _work_off(pool: ThreadPoolExecutor, todo: Iterator[Callable], jobs: int, until: float, add: Callable) -> None:
    """As many at once as there are jobs; what is begun is ended."""
    while time.monotonic() < until:
        some = [work for _, work in zip(range(jobs), todo, strict=False)]
        if not some:
            return
        for cases in pool.map(lambda work: work(), some):
            for case in cases:
                add(case)
                print(f"{case.fault} in {case.where}, {case.number}: {case.came} {case.said[:200]}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
