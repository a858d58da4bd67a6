"""Programs at a terminal of their own, as a person starts them."""

import subprocess
import sys
from pathlib import Path

# Makes standard input the terminal that controls the process, which then becomes the program. Signals are not ignored, as under nohup.
_BEGIN = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    signal.signal(number, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def started_at(terminal: int, words: list[str], environment: dict[str, str], folder: Path | None = None) -> subprocess.Popen:
    """The program, whose standard streams are the terminal of this descriptor."""
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), terminal)
    return subprocess.Popen([sys.executable, "-c", _BEGIN, *words], env=environment, cwd=folder, start_new_session=True, **streams)
