"""The `whygrok` command. Alone under a unique name: it checks that framework, plugins and configs are ours, then starts.

Those three names are generic; a folder or a package of the same name on the import path would be imported instead.
"""

import atexit
import contextlib
import importlib.util
import os
import signal
import sys
from pathlib import Path

PACKAGES = ("framework", "plugins", "configs")
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
OURS = Path(__file__).resolve().parent


def main() -> None:
    """Runs the command line; its exit code is the process's."""
    atexit.register(_be_deaf)  # before those of all libraries, hence after them
    for name in SIGNALS:
        if name != "SIGHUP" or signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # which is how nohup asks
            signal.signal(getattr(signal, name), _stop)
    if problem := shadowed():
        print(f"whygrok: {problem}", file=sys.stderr)
        sys.exit(2)
    from framework.cli import put_right, run_command, watch_what_lingers

    if problem := put_right():
        print(f"whygrok: {problem}", file=sys.stderr)
        sys.exit(2)
    code = run_command(sys.argv[1:])
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    sys.stdout = sys.stderr  # what a thread that a plugin left behind prints is no answer

    def leave(*_: object) -> None:
        """All is done: a signal from here on changes nothing of the answer, but it ends a wait for what a plugin left behind."""
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            sys.stderr.flush()
        os._exit(code)

    for name in SIGNALS:
        signal.signal(getattr(signal, name), leave)
    watch_what_lingers(leave)
    sys.exit(code)


def _be_deaf() -> None:
    """Signals are ignored while Python and JAX are taken down: Python would give them their own effect, which changes the exit code."""
    for name in SIGNALS:
        signal.signal(getattr(signal, name), signal.SIG_IGN)


def shadowed() -> str | None:
    """A sentence naming what hides one of our packages; None when all three are ours."""
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        ours = OURS / package / "__init__.py"
        if spec is None or not ours.is_file():
            return f"the package {package!r} is missing from this installation; install whygrok again"
        origin = Path(spec.origin).resolve() if spec.origin else None
        if origin != ours:
            found = origin or next(iter(spec.submodule_search_locations or ["a namespace package"]))
            if owner := _owner(found):
                return f"{found} of {owner} hides our package {package!r}: uninstall one of the two"
            return f"{found} hides our package {package!r}: rename it, or leave its folder off PYTHONPATH"
        if not ours.read_text(encoding="utf-8").startswith(f'"""{_FIRST_WORDS[package]}'):
            owner = _owner(ours) or "another distribution"
            return f"{ours} was overwritten by {owner}: uninstall that, then install whygrok again"
    return None


_FIRST_WORDS = {
    "framework": "whygrok's core",
    "plugins": "Everything about grokking",
    "configs": "Experiments that ship with the product",
}


def _owner(path: Path | str) -> str | None:
    """'the distribution NAME', which installed the file; None when no other than ours did."""
    from importlib import metadata  # here: few commands need it, and it takes as long to import as all else above

    names = {
        str(distribution.metadata["Name"])
        for distribution in metadata.distributions()
        for file in distribution.files or ()
        if file.name == "__init__.py" and len(file.parts) == 2 and Path(str(file.locate())).resolve() == Path(path)
    }
    others = sorted(names - {"whygrok"})
    return f"the distribution {' or '.join(others)}" if others else None


def _stop(number: int, frame: object) -> None:
    """Ends at once: while no network trains, nothing can be lost. Raising would do, were it not swallowed in callbacks."""
    os.write(2, f"whygrok: stopped by {signal.Signals(number).name} outside of training; nothing was lost\n".encode())
    os._exit(3)


if __name__ == "__main__":
    main()
