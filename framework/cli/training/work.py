"""whygrok work: trains the members of a sweep that standard input names, and answers each with its exit code.

Not for people: the engine `processes` starts it.
"""

import contextlib
import json
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from framework.cli import run_command
from framework.storage import append_to


def main(arguments: Sequence[str]) -> int:
    """Reads one JSON line per member, {"arguments": …, "log": FILE}, to the end; returns 0, or the code of the first failure."""
    told, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)  # a plugin that reads its input must not read the lines meant for us
    for line in told:
        member = json.loads(line)
        with _output_in(member["log"]):
            code = _run(member["arguments"])
        print(code, file=answers, flush=True)
        if code:  # a process in which something failed is not trusted again
            return code
    return 0


def _run(arguments: Sequence[str]) -> int:
    try:
        return run_command(["run", *arguments], tracebacks=True)
    except SystemExit as end:  # as the interpreter does: a text is printed, and means code 1
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:  # printed in full
        traceback.print_exc()
        return 1


@contextlib.contextmanager
def _output_in(file: str) -> Iterator[None]:
    """Appends standard output and error, those of C libraries included, to a file; afterwards they go nowhere."""
    with append_to(Path(file)) as log:
        _point_to(log.fileno())
        try:
            yield
        finally:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            _point_to(nowhere)
            os.close(nowhere)


def _point_to(descriptor: int) -> None:
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        stream.flush()
        os.dup2(descriptor, number)
