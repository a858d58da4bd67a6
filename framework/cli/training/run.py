"""whygrok run: train from a config, or resume."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from framework.cli import Parser
from framework.cli.answers import answer
from framework.cli.overrides import default_workdir, parse_with_config, remove_if_empty
from framework.cli.training.hosts import AGAIN, add_hosts, membership, say_who, train_as_one_of
from framework.config import load_config
from framework.errors import Interrupted, StorageError, UserError, continued

if TYPE_CHECKING:
    from framework.run import Run

EXAMPLES = """\
  whygrok run --config=quickstart --workdir=runs/first                    train; the same command again resumes
  whygrok run --workdir=runs/first --config.steps=8000                    train for longer
  whygrok run --config=quickstart:optimizer=gd,probes=norms               swap plugins; fields take their defaults
  whygrok run --config=quickstart --config.task.p=59 --config.seed=1      change fields
  whygrok run --config=quickstart --init_from=runs/first@1000             start from the network of another run
"""


def main(arguments: Sequence[str]) -> int:
    """Trains, prints the outcome on standard output, and returns 0."""
    parser = Parser("run", EXAMPLES)
    parser.add_argument("--workdir", help="run directory; by default a new one, runs/CONFIG-1")
    parser.add_argument("--fresh", action="store_true", help="set aside the run that is in --workdir (it is renamed, never deleted)")
    parser.add_argument("--init_from", metavar="RUN[@STEP]", help="start from another run's network")
    parser.add_argument("--undrawn", action="store_true", help="leave the curves to the next call of this command, or to `whygrok plot`")
    add_hosts(parser)
    parser.add_argument("--joined", action="store_true", help=argparse.SUPPRESS)  # what whygrok adds, where hosts have met
    options, changes = parse_with_config(parser, arguments)
    member = membership(options)
    if member and not options.joined:
        return train_as_one_of(member, arguments)
    if options.init_from:
        changes["init_from"] = str(_absolute(options.init_from))
    from framework.run import start_backend  # after the arguments are read: JAX is not imported for --help
    from framework.sessions import train

    spec = options.config or _config_of(options.workdir)
    config = load_config(spec, changes)
    start_backend()
    if member:
        say_who(member)
    workdir = options.workdir or default_workdir(spec)
    again = f"Continue with: whygrok run --workdir={shlex.quote(str(workdir))}" if member is None else AGAIN
    try:
        run = train(config, workdir, fresh=options.fresh, draw=not options.undrawn)
    except (Interrupted, StorageError) as error:
        raise continued(error, again) from error
    finally:
        remove_if_empty(Path(workdir))
    if member is None or member.number == 0:
        report(run)
    return 0


def report(run: "Run") -> None:
    """Prints where the run is and its milestones: numbers on standard output."""
    from framework.reading import last_value, milestones, outcome
    from framework.run import RunDirectory, Sessions

    headline = run.headline
    answer(f"run      {run.path}")
    answer(f"step     {run.steps[-1]}")
    if run.path is not None and (why := Sessions(RunDirectory(run.path).environment).stopped_by):
        answer(f"ended by {why}")
    for name in (f"train/{headline}", f"test/{headline}"):
        if (value := last_value(run, name)) is not None:
            answer(f"{name:24} {value:.6g}")
    for word, step in milestones(run).items():
        answer(f"{word:8} {'not yet' if step is None else f'step {step}'}")
    for said in outcome(run).mishaps:
        answer(f"mishap   {said}")
    if run.path is not None and (seconds := Sessions(RunDirectory(run.path).environment).seconds):
        answer(f"took     {_in_parts(seconds)}")


def _in_parts(seconds: dict[str, float]) -> str:
    """'12 s: training 8.2 s (67 %), compiling 3.0 s (25 %), …', without accounts below half a per cent."""
    from framework.training.clock import PROBES, in_words

    whole = sum(seconds.values()) or 1.0
    most = sorted((name for name in seconds if seconds[name] > whole / 200), key=lambda name: -seconds[name])
    parts = (f"{name.removeprefix(PROBES)} {in_words(seconds[name])} ({100 * seconds[name] / whole:.0f} %)" for name in most)
    return f"{in_words(whole)}: {', '.join(parts)}"


def _config_of(workdir: str | None) -> str:
    from framework.run import RunDirectory

    if workdir:
        directory = RunDirectory.at(workdir)
        directory.check_whole()
        if directory.is_run:
            directory.read_config()
            return str(directory.config)
    raise UserError("no --config: give a file, or the name of one that ships (whygrok list configs), such as --config=quickstart")


def _absolute(source: str) -> str:
    from framework.storage import real_path

    path, at, step = source.partition("@")
    return f"{real_path(path)}{at}{step}"
