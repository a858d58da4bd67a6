"""whygrok fork: a new run that goes on from the whole state of another, with other fields."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from framework.cli import Parser
from framework.cli.overrides import default_workdir, parse_with_config, remove_if_empty
from framework.cli.training.run import report
from framework.config import load_config
from framework.errors import Interrupted, StorageError, UserError, continued

EXAMPLES = """\
  whygrok fork runs/first@1000 --config.optimizer.learning_rate=1e-4 --workdir=runs/slower
  whygrok fork runs/first@1000 --config.penalty.coefficient=1e-3      in a new folder, runs/first-1
  whygrok fork runs/first --config.steps=8000                         from the newest state that is saved
  whygrok sweep --config=my_sweep.py --config.fork_of=runs/first@1000   each member is such a fork
"""


def main(arguments: Sequence[str]) -> int:
    """Trains, prints the outcome on standard output, and returns 0."""
    parser = Parser("fork", EXAMPLES)
    parser.add_argument("run", metavar="RUN[@STEP]", help="the run to go on from, and the saved step; by default the newest")
    parser.add_argument("--workdir", help="run directory; by default a new one, runs/RUN-1")
    parser.add_argument("--undrawn", action="store_true", help="leave the curves to `whygrok run --workdir=…`, or to `whygrok plot`")
    options, changes = parse_with_config(parser, arguments)
    if options.config:
        parser.error(f"--config={options.config}: a fork has the config of its run; change fields with --config.FIELD=VALUE")
    from framework.run import start_backend  # after the arguments are read: JAX is not imported for --help
    from framework.sessions import train

    spec, origin = _origin(options.run)
    config = load_config(spec, {"init_from": "", **changes, "fork_of": origin})
    start_backend()
    workdir = options.workdir or default_workdir(spec)
    try:
        run = train(config, workdir, draw=not options.undrawn)
    except (Interrupted, StorageError) as error:
        raise continued(error, f"Continue with: whygrok run --workdir={shlex.quote(str(workdir))}") from error
    finally:
        remove_if_empty(Path(workdir))
    report(run)
    return 0


def _origin(source: str) -> tuple[str, str]:
    """(the config of the run, RUN@STEP with an absolute path) of RUN or RUN@STEP. Raises UserError."""
    from framework.run import RunDirectory, complete_steps, run_and_step

    path, step = run_and_step(source)
    directory = RunDirectory.at(path)
    directory.check_is_run()
    saved = complete_steps(directory.checkpoints)
    if not saved or (step is not None and step not in saved):
        raise UserError(f"{source}: no state is saved there; saved steps of {directory.path}: {saved or 'none'}")
    return str(directory.config), f"{directory.path}@{saved[-1] if step is None else step}"
