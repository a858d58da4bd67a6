"""whygrok sweep: train every member of a sweep, or go on."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from framework.cli import Parser
from framework.cli.overrides import default_workdir, parse_with_config, remove_if_empty
from framework.config import load_sweep
from framework.errors import Interrupted, StorageError, UserError, continued

EXAMPLES = """\
  whygrok sweep --config=sweeps/init_scale --workdir=runs/scales              repeat the command to go on
  whygrok sweep --config=sweeps/init_scale --workdir=runs/scales --jobs=2     two members at once
  whygrok sweep --config=sweeps/init_scale --config.task.p=23                 change a field of every member
  whygrok sweep --config=sweeps/init_scale --engine=processes:members=1       a process of its own for every member
  whygrok sweep --config=sweeps/init_scale --engine=batch --batch=32          so many members in one program, for accelerators
  whygrok sweep --config=sweeps/init_scale --workdir=runs/scales --jobs=4 --engine=slurm:mem=2G,time=30   on a cluster
  whygrok config --config=sweeps/init_scale --sweep                           only list the members
"""


def main(arguments: Sequence[str]) -> int:
    """Trains, prints the table of members on standard output; returns 0 when all are finished, else the code of `exit_code`."""
    parser = Parser("sweep", EXAMPLES)
    parser.add_argument("--workdir", help="folder of the sweep, with one run directory per member; by default a new one, runs/CONFIG-1")
    said = "how the members are trained: see `whygrok list engines` (default: chosen, and said)"
    parser.add_argument("--engine", metavar="NAME[:field=value,…]", help=said)
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="how many members to run at once (default: 1)")
    parser.add_argument("--batch", type=int, metavar="N", help="train with --engine=batch, at most so many members in one program")
    said = "false: return when the jobs of an engine such as slurm are queued (default: true)"
    parser.add_argument("--wait", choices=("true", "false"), default="true", help=said)
    options, changes = parse_with_config(parser, arguments)
    if not options.config:
        raise UserError("no --config: give a file that defines get_sweep, or the name of one that ships, such as sweeps/init_scale")
    from framework.cli.training.screen import Screen, exit_code, report  # after the arguments are read: JAX is not imported for --help
    from framework.sweep import run_sweep, with_size, without_waiting

    engine = options.engine if options.batch is None else with_size(options.engine, options.batch)
    members = load_sweep(options.config, changes)
    engine = engine if options.wait == "true" else without_waiting(engine)
    workdir = options.workdir or default_workdir(options.config)
    screen = Screen()
    try:
        standings = run_sweep(members, workdir, jobs=options.jobs, engine=engine, show=screen)
    except (Interrupted, StorageError) as error:
        again = [*arguments, *([] if options.workdir else [f"--workdir={workdir}"])]
        raise continued(error, f"Continue with: whygrok sweep {shlex.join(again)}") from error
    finally:
        screen.close()
        remove_if_empty(Path(workdir))
        report(screen.standings or (), workdir)
    return exit_code(standings)
