"""Reports: one page of runs, sweeps and checked claims, with everything inside, that is read in a browser without a network."""

from collections.abc import Sequence
from pathlib import Path

from framework.errors import UserError
from framework.evidence.report.of_claims import claim_parts
from framework.evidence.report.of_run import run_parts
from framework.evidence.report.of_sweep import sweep_parts
from framework.evidence.report.page import Part, page_html
from framework.records import CONFIG, collect
from framework.run import load_run
from framework.storage import at_home, make_folder, real_path, write_atomically


def write_report(sources: Sequence[str | Path], output: str | Path, plugins: str | tuple[str, ...] = ()) -> Path:
    """Writes one page on runs, folders of runs, and files that `whygrok verify --json` printed; returns it.

    Several runs are also compared. plugins: where plugin files that have moved since are now. Raises UserError where a source is none of
    these, or where Bokeh is not installed.
    """
    paths, output = [at_home(source) for source in sources], Path(output)
    if not paths:
        raise UserError("a report needs a run, a folder of runs, or a file of whygrok verify --json")
    runs = [path for path in paths if (path / CONFIG).is_file()]
    chapters = [sweep_parts(collect(*runs), "Compared", "compared")] if len(runs) > 1 else []
    for number, path in enumerate(paths):
        chapters.append(_parts(path, f"source-{number}", plugins, alone=len(paths) == 1))
    named = real_path(paths[0]).name
    html = page_html(f"{named}{f' and {len(paths) - 1} more' if len(paths) > 1 else ''}", chapters)
    make_folder(output.parent)
    write_atomically(output, html.encode())
    return output


def _parts(path: Path, key: str, plugins: str | tuple[str, ...], alone: bool) -> list[Part]:
    """The chapter on one source. alone: the page has no other, and its title names it."""
    name = real_path(path).name
    if path.is_file():
        return claim_parts(path, "Rows" if alone else name)
    if (path / CONFIG).is_file():
        return run_parts(load_run(path, plugins), "The story" if alone else name, key)
    return sweep_parts(collect(path), "The runs" if alone else name, key)
