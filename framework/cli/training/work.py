"""whygrok work: trains members of a sweep as they are told on standard input, and answers each with its exit code.

Not for people: `whygrok sweep --engine=workers` starts it.
"""

import contextlib
import json
import os
import sys
import traceback
from collections.abc import Iterator, Sequence

from framework.cli import run_command


def main(arguments: Sequence[str]) -> int:
    """Reads a JSON line a member, {"arguments": …, "log": FILE}, until there are no more; returns 0, or the code of the first failure."""
    told, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)  # a plugin that reads its input must not read what we are told
    for line in told:
        member = json.loads(line)
        with _output_in(member["log"]):
            code = _run(member["arguments"])
        print(code, file=answers, flush=True)
        if code:  # nothing is known of a process in which something failed
            return code
    return 0


def _run(arguments: Sequence[str]) -> int:
    try:
        return run_command(["run", *arguments])
    except SystemExit as end:  # as the interpreter does: words are said, and are code 1
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:  # told in full
        traceback.print_exc()
        return 1


@contextlib.contextmanager
def _output_in(file: str) -> Iterator[None]:
    """Standard output and error, those of libraries in C as well, go to the end of a file; nowhere after that."""
    with open(file, "ab") as log:
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
