"""The command line: parses, calls, and turns errors into one line and an exit code. Each command has its own file."""

import argparse
import contextlib
import difflib
import errno
import importlib
import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import IO

from framework.cli.answers import answer, answers_alone, complaint, on_one_line
from framework.cli.surroundings import put_right as put_right
from framework.errors import StorageError, UserError, WhygrokError, named, words_of

# name → (module, one line): a command is imported only when it is called.
COMMANDS = {
    "run": ("framework.cli.training.run", "train from a config; repeat the command to resume"),
    "fork": ("framework.cli.training.fork", "go on from the state of another run with other fields"),
    "sweep": ("framework.cli.training.sweep", "train every member of a sweep; repeat the command to go on"),
    "watch": ("framework.cli.looking.watch", "show live how a run or a sweep stands"),
    "list": ("framework.cli.looking.listing", "list what is registered, and which configs ship"),
    "describe": ("framework.cli.looking.describe", "show a plugin's formula, source and fields"),
    "config": ("framework.cli.looking.config", "print the resolved config"),
    "diff": ("framework.cli.looking.diff", "show how two runs, or two configs, differ"),
    "check": ("framework.cli.checking.check", "check whether a plugin keeps the promises of its kind"),
    "new-plugin": ("framework.cli.checking.new_plugin", "write a starter plugin, or a whole package"),
    "plot": ("framework.cli.drawing.plot", "draw runs from their files"),
    "movie": ("framework.cli.drawing.movie", "play what a probe saw through training, as a GIF"),
    "report": ("framework.cli.drawing.report", "write one page on runs, sweeps or checked claims, to send and to read"),
    "collect": ("framework.cli.looking.collect", "put all runs below folders into one table"),
    "verify": ("framework.cli.checking.verify", "check claims of the theory: predicted beside measured"),
    "certify": ("framework.cli.checking.certify", "say what the theory proves of a run at one of its checkpoints"),
    "evaluate": ("framework.cli.looking.evaluate", "say what interventions would make of a saved network, without training"),
    "reproduce": ("framework.cli.training.reproduce", "make the figures of the paper: runs, pictures, data, and which shapes are seen"),
    "bench": ("framework.cli.checking.bench", "time steps, probes, sweeps and commands beside what they are compared with"),
    "rerun": ("framework.cli.checking.rerun", "train the config of a run once more, and compare every bit"),
    "doctor": ("framework.cli.checking.doctor", "check this installation and this machine, or the files of runs"),
    "completion": ("framework.cli.completing.completion", "print what makes a shell complete these commands"),
}

SHOWN = 200  # characters of a name in a sentence
ASKED = "_ARGCOMPLETE"  # the variable that a shell sets where Tab was pressed
INTERNAL = {name: f"framework.cli.training.{name}" for name in ("work", "share", "host")}  # what whygrok starts by itself


def run_command(arguments: Sequence[str], tracebacks: bool = False) -> int:
    """Runs one command; returns the exit code: 0 done, 2 user's mistake, 3 stopped, 4 diverged, 5 storage, 1 a bug or a lost host.

    tracebacks: what comes out of a plugin of the user's is raised, for a log, and not explained in a sentence.
    """
    if ASKED in os.environ:
        from framework.cli.completing.words import answer_the_shell

        return answer_the_shell()
    _send_log_to_stderr()
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        with contextlib.nullcontext() if arguments[:1] and arguments[0] in INTERNAL else answers_alone():
            return _dispatch(arguments)
    except WhygrokError as error:
        if debug:
            traceback.print_exc()
        print(complaint(error), file=sys.stderr)
        return error.exit_code
    except BaseException as error:  # plugins are anybody's code, and may raise SystemExit and KeyboardInterrupt too
        explained = _of_a_plugin(error)
        if isinstance(error, BrokenPipeError) and explained is None:  # whoever read our answers has read enough
            return 0
        if isinstance(error, Exception):
            explained = explained or _of_the_surroundings(error) or _of_a_file(error) or _of_guests(error)
        if explained is None or debug or tracebacks:
            raise
        print(complaint(explained), file=sys.stderr)
        return explained.exit_code


def watch_what_lingers(leave: Callable[[], None]) -> None:
    """Names what a plugin has left behind and the interpreter waits for, and leaves when it has had its time."""
    if "framework.registry" in sys.modules:  # else there was no plugin
        from framework.registry.lingering import watch

        watch(leave)


class Parser(argparse.ArgumentParser):
    """An argument parser that reports mistakes as we do: one sentence, the nearest name, exit code 2."""

    def __init__(self, command: str, examples: str, **keywords: object):
        super().__init__(
            prog=f"whygrok {command}",
            description=COMMANDS[command][1],
            epilog="examples:\n" + examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            **keywords,  # type: ignore[arg-type]
        )
        self.add_argument("--debug", action="store_true", help="show the traceback of an error")

    def print_help(self, file: IO[str] | None = None) -> None:  # type: ignore[override]
        """The help is an answer."""
        answer(self.format_help(), end="")

    def error(self, message: str) -> None:  # type: ignore[override]
        """Raises UserError instead of printing the usage and exiting."""
        raise UserError(f"{message} (whygrok {self.prog.split()[-1]} --help shows examples)")

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The arguments; anything unknown is an error that names the nearest option. Where a shell asks for words, they are its answer."""
        if ASKED in os.environ:
            from framework.cli.completing.words import offer

            offer(self)
        parsed, unknown = self.parse_known_args(arguments)
        self.refuse(unknown)
        return parsed

    def refuse(self, unknown: Sequence[str]) -> None:
        """Raises UserError for the first unknown argument."""
        if unknown:
            options = [option for action in self._actions for option in action.option_strings]
            near = difflib.get_close_matches(unknown[0].partition("=")[0], options, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            self.error(f"unknown argument {unknown[0]!r}.{hint}")


def _dispatch(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        width = max(map(len, COMMANDS))
        answer("usage: whygrok COMMAND …   (whygrok COMMAND --help shows examples)\n")
        answer("\n".join(f"  {name:{width}}  {line}" for name, (_, line) in COMMANDS.items()))
        return 0 if arguments else 2
    if arguments[0] in ("-V", "--version", "version"):
        from importlib import metadata

        answer(f"whygrok {metadata.version('whygrok')}")
        return 0
    if arguments[0] in INTERNAL:
        return importlib.import_module(INTERNAL[arguments[0]]).main(arguments[1:])  # type: ignore[no-any-return]
    if arguments[0] not in COMMANDS:
        near = difflib.get_close_matches(arguments[0], COMMANDS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UserError(f"there is no command {arguments[0]!r}.{hint} Commands: {', '.join(COMMANDS)}.")
    return importlib.import_module(COMMANDS[arguments[0]][0]).main(arguments[1:])


def _of_a_plugin(error: BaseException) -> WhygrokError | None:
    """The sentence about an error that comes out of somebody's plugin; None where it does not: the mistake is ours."""
    from framework.registry import culprit  # here: most commands need it for nothing else

    place = culprit(error)
    return UserError(f"plugin {place}: {named(error)} (--debug shows the traceback)") if place else None


def _of_guests(error: Exception) -> WhygrokError | None:
    """The sentence about an error in our code while somebody's plugins took part, which may have given it what it cannot take."""
    from framework.registry import guests_of

    if not (guests := guests_of(error)):
        return None
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    where = f"{os.path.basename(frame.f_code.co_filename)}, line {line}"
    return UserError(
        f"{named(error)} ({where}), while {guests} took part, which may have given what nobody can take: `whygrok check FILE` says more, "
        "--debug shows the traceback"
    )


def _of_a_file(error: Exception) -> WhygrokError | None:
    """The sentence about a file that the system refuses where nobody expected it, such as one whose name is too long."""
    if not isinstance(error, OSError) or error.filename is None:
        return None
    kind = UserError if error.errno in (errno.ENAMETOOLONG, errno.ELOOP) else StorageError
    name = str(error.filename)
    shown = name if len(name) <= SHOWN else f"{name[:SHOWN]}…"
    return kind(f"{shown}: {error.strerror} (--debug shows the traceback)")


def _of_the_surroundings(error: Exception) -> WhygrokError | None:
    """The sentence where the current folder is gone, or where a variable of JAX has a value that JAX does not know."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return UserError("the folder in which this command was given is gone: go to another one (cd)")
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    if isinstance(error, ValueError) and frame.f_globals.get("__name__") == "jax._src.config":
        given = ", ".join(f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("JAX_"))
        return UserError(f"JAX does not take what the environment says, {given}: {error}; unset the variable, or give it another value")
    if "framework.registry" in sys.modules and (broken := importlib.import_module("framework.registry").broken_package(error)):
        return broken
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in words_of(error)[:100]:
        return UserError(f"there is not enough memory for this: {named(error)} (--debug shows the traceback)")
    return None


def _send_log_to_stderr() -> None:
    log = logging.getLogger("whygrok")
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(_Format())
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        log.propagate = False


class _Format(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        prefix = "warning: " if record.levelno >= logging.WARNING else ""
        return on_one_line(f"whygrok: {prefix}{record.getMessage()}")
