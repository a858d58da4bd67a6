"""Writers that are wrong, each in one way. `BROKEN`: the plugin, the promise that it does not keep, words of the sentence."""

from dataclasses import dataclass

from framework import Pen, Writer


class Silent(Pen):
    """Takes everything and does nothing."""

    def row(self, row):
        pass

    def end(self, how):
        pass


@dataclass(frozen=True, kw_only=True)
class Printing(Writer):
    """Tells everybody (1801)."""

    def begin(self, about, rows):
        print("here I am")
        return Silent()


@dataclass(frozen=True, kw_only=True)
class Forgetful(Writer):
    """Begins as if nobody had begun before (1801)."""

    def begin(self, about, rows):
        (about.folder / "rows.txt").open("x").close()
        return Silent()


@dataclass(frozen=True, kw_only=True)
class Spilling(Writer):
    """Writes beside its own folder (1801)."""

    def begin(self, about, rows):
        (about.folder.parent / "spilled.txt").write_text("rows")
        return Silent()


BROKEN = [
    (Printing(), "it takes all that it is told", "it prints 'here I am'"),
    (Forgetful(), "it goes on after a session that was killed", "FileExistsError"),
    (Spilling(), "it changes no bit of a run", "it leaves spilled.txt in the folder of the run"),
]
