"""The terminal that shows a screen again and again: keys, resizes, signals; and readers who get plain lines."""

import contextlib
import os
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from framework.cli.answers import answer, stream
from framework.cli.looking.live.source import Source
from framework.errors import Interrupted
from framework.records.live import Pauses

SEARCH = 1.0  # seconds for which a look may search for runs before keys and signals are heeded
SLICE = 0.1  # seconds between looks at keys and at the size of the terminal
PLAIN_HEIGHT = 40  # lines of a screen that no terminal shows
FOOT = "q or Ctrl-C ends watching; what trains goes on"
LEFT = "The watch has ended; what trains goes on."
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
OVER, QUIT, PAUSED = "over", "quit", "paused"
MEANING = {signal.SIGINT: QUIT, signal.SIGTSTP: PAUSED}
SUBSTITUTES = {ord("…"): ".", ord("–"): "-"}  # of what names and cells contain, where there is only ASCII


def is_live() -> bool:
    """Whether standard output is a terminal, so that there is somebody to watch."""
    return stream().isatty() and _console().is_terminal


def show_once(source: Source) -> None:
    """Writes one screen."""
    console = _console()
    if is_live():
        return _print(console, source, console.height - 1)
    for line in _lines(console, source, PLAIN_HEIGHT):
        answer(line.plain.rstrip())


def show_live(source: Source, every: float) -> None:
    """Shows a screen again and again, until all is over or somebody has seen enough; the last screen stays."""
    console = _console()
    show = _show_below if console.is_dumb_terminal else _on_a_screen_of_its_own
    with _noting_signals() as received:
        try:
            while (end := show(console, source, every, received)) == PAUSED:
                os.kill(os.getpid(), signal.SIGSTOP)
            if end in (OVER, QUIT):
                _print(console, source, console.height - 2)
        except KeyboardInterrupt:  # the second Ctrl-C, in the middle of a look
            end = QUIT
        except OSError:
            if _size() is not None:
                raise
            end = "its terminal, which was closed"
    if end not in (OVER, QUIT):
        raise Interrupted(f"stopped by {end}; what trains goes on")
    if end == QUIT and not source.is_over:
        console.print(Text(LEFT, "dim"))


def _console() -> Console:
    return Console(file=stream(), highlight=False, markup=False, emoji=False)


def _is_plain(console: Console) -> bool:
    """Whether there are no braille characters: in another encoding than Unicode, on a dumb terminal, on the console of Linux."""
    return console.options.ascii_only or os.environ.get("TERM") in ("dumb", "unknown", "linux")


def _lines(console: Console, source: Source, height: int) -> list[Text]:
    plain = _is_plain(console)
    lines = source.screen(console.width, height, plain)
    for line in lines:
        line.no_wrap, line.overflow, line.end = True, "crop", "\n"
        if plain:
            line.plain = line.plain.translate(SUBSTITUTES)
    return lines


def _print(console: Console, source: Source, height: int) -> None:
    """Lines without spaces at their ends, which a narrower terminal would break."""
    for line in _lines(console, source, height):
        line.rstrip()
        console.print(line, no_wrap=True, overflow="crop", crop=True)


def _on_a_screen_of_its_own(console: Console, source: Source, every: float, received: list[int]) -> str:
    """Why it ended: all is over, somebody wants to quit or to have the shell back for a while, or the name of a signal."""
    with _keys() as keys, Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        while True:
            source.look(SEARCH)
            size = _size()
            _refresh(live, console, source)
            if source.is_over:
                return OVER
            if end := _wait(keys, every, received, lambda: _refresh(live, console, source), size):
                return end


def _show_below(console: Console, source: Source, every: float, received: list[int]) -> str:
    """The same for a terminal whose lines cannot be written over: a screen, then lines at growing intervals."""
    source.look(SEARCH)
    _print(console, source, PLAIN_HEIGHT)
    pauses = Pauses(time.monotonic())
    while not source.is_over:
        if end := _wait(None, every, received, lambda: None, _size()):
            return end
        source.look(SEARCH)
        if pauses.is_over(time.monotonic()):
            console.print(Text(source.line(console.width)))
    return OVER


def _refresh(live: Live, console: Console, source: Source) -> None:
    height = console.height
    lines = _lines(console, source, height - 1)
    lines += [Text()] * (height - 1 - len(lines)) + [Text(FOOT, "dim", no_wrap=True, overflow="crop")]
    live.update(Group(*lines), refresh=True)


def _wait(keys: int | None, seconds: float, received: list[int], redraw: Callable[[], None], size: os.terminal_size | None) -> str:
    """Waits for the next look; why there will be none, if so. size: that of the terminal for which the screen was drawn."""
    until = time.monotonic() + seconds
    while not received and (left := until - time.monotonic()) > 0:
        if (now := _size()) != size:
            size = now
            redraw()
        if keys is None:
            time.sleep(min(left, SLICE))
        elif select.select([keys], [], [], min(left, SLICE))[0]:
            pressed = os.read(keys, 1)
            if pressed in (b"q", b"Q"):
                return QUIT
            keys = keys if pressed else None  # nobody is at the other end
    if not received:
        return ""
    number = signal.Signals(received.pop(0))
    return MEANING.get(number, number.name)


def _size() -> os.terminal_size | None:
    try:
        return os.get_terminal_size(stream().fileno())
    except OSError:
        return None


@contextlib.contextmanager
def _noting_signals() -> Iterator[list[int]]:
    """Inside, signals that would end or pause the process are noted instead: first the terminal is left as it was.

    A second SIGINT before the first is heeded raises KeyboardInterrupt: a look may take long, as where a disk hangs.
    """
    received: list[int] = []

    def note(number: int, _: object) -> None:
        if number == signal.SIGINT and number in received:
            raise KeyboardInterrupt
        received.append(number)

    before = {number: signal.getsignal(number) for number in (*MEANING, *ENDING)}
    try:
        for number in before:
            if before[number] != signal.SIG_IGN:  # nohup asks for this
                signal.signal(number, note)
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _keys() -> Iterator[int | None]:
    """Inside, keys arrive as they are pressed, at this descriptor; None where no terminal is at standard input, or another has it."""
    try:
        keys = sys.stdin.fileno()
        is_ours = os.isatty(keys) and os.tcgetpgrp(keys) == os.getpgrp()
        before = termios.tcgetattr(keys) if is_ours else None
    except (OSError, ValueError, AttributeError, termios.error):
        before = None
    if before is None:
        yield None
        return
    tty.setcbreak(keys)
    try:
        yield keys
    finally:
        with contextlib.suppress(termios.error):  # it was closed
            termios.tcsetattr(keys, termios.TCSADRAIN, before)
