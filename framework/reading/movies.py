"""What one probe kept as pictures through training, as a movie."""

from pathlib import Path

from framework.errors import UserError, one_of
from framework.pictures import Film, gif_of
from framework.reading.curves import title_of
from framework.reading.probe_pictures import named_probe, pick_events
from framework.reading.stored import of_stored
from framework.run import Run
from framework.storage import make_folder, write_atomically

PICTURES = 120  # at most


def films_of(run: Run, name: str) -> list[Film]:
    """The films of the probe instance `name`. Raises UserError where the probe fails at what is stored."""
    with of_stored(run, name):
        return list(run.experiment.probes[name].films(run, name))


def draw_movie(run: Run, name: str, output: Path, seconds: float) -> Path:
    """Writes the films of the probe instance `name` as a GIF, evenly through the logarithm of the steps; returns the file.

    Raises UserError when the run has no such probe, or no film of it.
    """
    named_probe(run, name)
    films = [film for film in films_of(run, name) if len(film.frames) > 1]
    if not films:
        others = [other for other in run.experiment.probes if films_of(run, other)]
        hint = f" Probes that do: {one_of(others)}." if others else " Probes like fourier and weights do, where they keep arrays."
        raise UserError(f"probe {name!r} keeps no pictures through training, or has kept fewer than two.{hint}")
    shared = sorted(set.intersection(*(set(film.frames) for film in films)))
    with of_stored(run, name):
        picture = gif_of(films, pick_events(shared, PICTURES), title_of([run]), seconds)
    make_folder(output.parent)
    write_atomically(output, picture)
    return output
