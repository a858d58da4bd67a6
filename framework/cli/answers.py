"""Standard output holds what a command promises and nothing else; what plugins and libraries print goes to standard error."""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from typing import TextIO

from framework.errors import CONTROLS, Controls, StorageError, WhygrokError, sentence

LONGEST_MESSAGE = 10_000  # characters: a value of a megabyte may stand in one
NARROWEST = 40  # columns for which sentences are broken; a narrower screen breaks them itself


ON_ONE_LINE = Controls({ord("\n"): "\\n"})

_stream: TextIO | None = None  # where answers go, inside `answers_alone`


def shortened(message: str) -> str:
    """A message without the middle of a value that is longer than anybody reads."""
    half = LONGEST_MESSAGE // 2
    if len(message) <= LONGEST_MESSAGE:
        return message
    return f"{message[:half]} … ({len(message):,} characters in all) … {message[-half:]}"


def on_one_line(message: str) -> str:
    """A message of at most one line: a line break in it is of a value, which could pose as another message of ours."""
    return shortened(message).translate(ON_ONE_LINE)


def complaint(error: WhygrokError) -> str:
    """What is printed of an error: its sentence on one line, and the lines of ours that follow."""
    return "\n".join(map(on_one_line, [f"whygrok: {sentence(error)}", *filter(None, error.then.split("\n"))]))


def answer(*words: object, end: str = "\n") -> None:
    """Writes words to the standard output of the command, in what is printable. Raises StorageError where that is full."""
    try:
        print(" ".join(map(str, words)).translate(CONTROLS), end=end, file=stream(), flush=True)
    except OSError as error:
        _silence()
        if isinstance(error, BrokenPipeError):
            raise
        raise StorageError(f"standard output cannot be written: {error.strerror}") from error


def stream() -> TextIO:
    """Where `answer` writes."""
    return _stream or sys.stdout


def screen_width() -> int | None:
    """How wide the terminal is that shows the answers; None where they go elsewhere."""
    return max(shutil.get_terminal_size().columns, NARROWEST) if stream().isatty() else None


def text_width(most: int = 110) -> int:
    """The width at which sentences are broken."""
    return min(max(shutil.get_terminal_size().columns, NARROWEST), most)


@contextlib.contextmanager
def answers_alone() -> Iterator[None]:
    """Inside, only `answer` writes to standard output."""
    global _stream
    before, outer = sys.stdout, _stream
    try:
        with _apart(before) as _stream:
            sys.stdout = sys.stderr
            yield
    finally:
        sys.stdout, _stream = before, outer


@contextlib.contextmanager
def _apart(stdout: TextIO) -> Iterator[TextIO]:
    """The stream for answers: a copy of descriptor 1, whose place standard error takes for C libraries and child processes."""
    if not _is_descriptor_one(stdout):  # a notebook's, or a test's
        yield stdout
        return
    stdout.flush()
    with open(os.dup(1), "w", encoding=stdout.encoding, errors=stdout.errors) as answers:
        os.dup2(2, 1)
        try:
            yield answers
        finally:
            os.dup2(answers.fileno(), 1)


def _is_descriptor_one(stream: TextIO) -> bool:
    try:
        return stream.fileno() == 1
    except (AttributeError, OSError):  # io.UnsupportedOperation is an OSError
        return False


def _silence() -> None:
    """What could not be written is forgotten, or Python would try it again when it ends."""
    with contextlib.suppress(AttributeError, OSError), open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), stream().fileno())
