"""Runs `whygrok …` and scripts, each in a process forked from this one: what they import is imported once, not once a command.

A line of standard input is a JSON list: folder, file for standard error, words. Answered with a line: the exit code.
"""

import atexit
import importlib
import json
import os
import runpy
import sys
import traceback
import warnings

from jax._src import xla_bridge

import whygrok
from framework import cli, registry

NEEDED = (  # what commands import while they work
    "orbax.checkpoint",
    "matplotlib.pyplot",
    "tensorboardX",
    "framework.cli.training.screen",
    "framework.evidence.page",
    "framework.evidence.reproduce",
    "framework.reading.comparison",
    "framework.testing",
)


def told(words: list[str]) -> int:
    """The exit code of a command, which ends as it would in a process of its own; an error is shown as Python shows it."""
    try:
        if words[0] == "whygrok":
            sys.argv, sys.path[0] = words, os.path.dirname(sys.executable)
            whygrok.main()
        else:
            sys.argv, sys.path[0] = words[1:], os.getcwd()
            runpy.run_path(words[1], run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def run(folder: str, error: str, words: list[str]) -> int:
    """The exit code of words in a process of their own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that forking may harm threads: there are none before the first program
        assert not xla_bridge.backends_are_initialized()
        child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.chdir(folder)
    for number, file in ((0, os.devnull), (1, os.devnull), (2, error)):
        os.dup2(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), number)
    code = told(words)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    for module in [*NEEDED, *(module for module, _ in cli.COMMANDS.values())]:
        importlib.import_module(module)
    for kind in registry.KINDS:
        registry.entries(kind)
    for line in sys.stdin:
        print(run(*json.loads(line)), flush=True)
