"""What can go wrong, one class per exit code: the command line prints their message and no traceback."""

import contextlib
import difflib
import os
import shlex
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

MOST_WORDS = 300  # characters of an error of somebody's that a message quotes
UNPRINTABLE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}  # categories of Unicode


class WhygrokError(Exception):
    """Base of all errors that are explained in words; `exit_code` is what the command line returns.

    then: lines of ours that follow the sentence, which is one line: a line break in it is of a value, and is not printed as one.
    """

    exit_code = 1
    then = ""

    def __init__(self, *words: object, then: str = ""):
        super().__init__(*words)
        self.then = then

    def __str__(self) -> str:
        return "\n".join(filter(None, (super().__str__(), self.then)))


class UserError(WhygrokError):
    """A mistake in a config, an argument, a file or a plugin of the user's."""

    exit_code = 2


class Interrupted(WhygrokError):
    """A signal stopped the run, after its state was saved."""

    exit_code = 3


class Diverged(WhygrokError):
    """Training produced a NaN or an infinity."""

    exit_code = 4


class ProbeFailed(UserError):
    """A probe failed while it measured, and numerics.on_probe_error asks to stop then."""


class StorageError(WhygrokError):
    """The disk refused: full, read-only, or every checkpoint damaged."""

    exit_code = 5


class Damage(StorageError):
    """A file of a run is damaged: the same command alone does not help. said: what is wrong with it; remedy: what does help."""

    def __init__(self, said: str, folder: Path, remedy: str = ""):
        self.said, self.folder, self.remedy = said, folder, remedy
        super().__init__(said, folder, remedy)

    def __str__(self) -> str:
        command = f"whygrok doctor {shlex.quote(str(self.folder))} --repair"
        return f"{self.said}. {self.remedy or f'Set aside what is damaged with: {command}; then give the same command again'}"


def sentence(error: WhygrokError) -> str:
    """What an error says, without the lines that follow."""
    return str(error).removesuffix(error.then).removesuffix("\n") if error.then else str(error)


def continued(error: WhygrokError, words: str) -> WhygrokError:
    """The error of a run that can go on, with how; of one that is damaged, which says itself what helps, as it is."""
    return error if isinstance(error, Damage) else type(error)(f"{sentence(error)}. {words}", then=error.then)


class HostLost(WhygrokError):
    """Another host of a run is missing, has ended, or gives no sign of life."""


class FieldError(UserError):
    """A field has a value that it may not have.

    `path` grows from the inside out: a plugin knows "learning_rate", the config that built it adds "optimizer".
    """

    def __init__(self, path: str, value: object, rule: str):
        self.path, self.value, self.rule = path, value, rule
        super().__init__(path, value, rule)

    def __str__(self) -> str:
        return f"{self.path} = {quoted(self.value)}: {self.rule}"

    def within(self, section: str) -> "FieldError":
        """The same error, seen from the config that holds the section."""
        return FieldError(f"{section}.{self.path}", self.value, self.rule)


class Controls(dict[int, str]):
    """For str.translate: escapes for what could move the cursor, rename the window or turn the direction of reading.

    A folder of somebody else's may have such characters in its names. Line ends and tabs stay as they are.
    """

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if character not in "\n\t" and unicodedata.category(character) in UNPRINTABLE:
            character = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
        self[code] = character
        return character


CONTROLS = Controls()


def quoted(value: object, most: int = 200) -> str:
    """The value as Python writes it; of what is longer than a message should be, the beginning and the length."""
    text = repr(value)
    return text if len(text) <= most else f"{text[: most // 2]}… ({len(text):,} characters)"


def words_of(error: BaseException) -> str:
    """What an error of anybody's code says of itself; nothing where it has no words, or fails when it is asked for them."""
    try:
        said = str(error).strip()
    except KeyboardInterrupt:
        raise
    except BaseException:  # what was raised first is what counts
        return ""
    return said.encode("utf-8", "backslashreplace").decode()  # the name of a file may hold halves of characters, which no JSON may


def first_words(error: BaseException) -> str:
    """The first line of what an error of anybody's code says; of what is longer than a message should be, the beginning and the length."""
    line = words_of(error).partition("\n")[0]
    return line if len(line) <= MOST_WORDS else f"{line[:MOST_WORDS]}… ({len(line):,} characters)"


def named(error: BaseException) -> str:
    """The kind of an error of anybody's code, and its first words: 'TypeError: unsupported operand'."""
    return f"{type(error).__name__}: {first_words(error)}".removesuffix(": ")


def unreadable(path: str, file: str, error: OSError) -> FieldError:
    """The error for a file that a field names; of a relative path, it says from where it counts."""
    here = "" if os.path.isabs(os.path.expanduser(file)) else f"; a relative path counts from the folder of the command, here {Path.cwd()}"
    return FieldError(path, file, f"cannot be read: {error.strerror or error}{here}")


@contextlib.contextmanager
def within(section: str) -> Iterator[None]:
    """Adds the section's name to a FieldError that leaves the block."""
    try:
        yield
    except FieldError as error:
        raise error.within(section) from None


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most likely meant: "learning_rate" for "lerning_rate" and for "lr"."""
    known, wanted = list(known), str(name)[:200].lower()
    initials = [one for one in known if len(wanted) > 1 and "".join(word[:1] for word in one.split("_")) == wanted]
    return next(iter(initials or difflib.get_close_matches(wanted, known, n=1, cutoff=0.5)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """' Did you mean …?' with the nearest known name, or nothing when none is near."""
    near = nearest(name, known)
    return f" Did you mean {near!r}?" if near else ""


def one_of(known: Iterable[str]) -> str:
    """'a, b, c', for the end of a sentence that lists what is allowed."""
    return ", ".join(known) or "none"
