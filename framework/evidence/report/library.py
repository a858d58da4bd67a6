"""The plotting library of reports: the scripts of Bokeh, as its wheel brings them, and nothing else of it."""

import importlib.util
from importlib import metadata
from pathlib import Path

from framework.errors import UserError
from framework.storage import read_text

SCRIPTS = ("bokeh.min.js", "bokeh-api.min.js")  # the core, and the functions by which our own script draws


def scripts() -> list[str]:
    """The text of each script. Raises UserError where Bokeh is not installed, or is one without these scripts."""
    found = importlib.util.find_spec("bokeh")  # it is not imported: only its files are read
    if found is None or not found.submodule_search_locations:
        raise UserError("a report needs Bokeh, which draws in the browser, and it is not installed: pip install 'whygrok[report]'")
    folder = Path(next(iter(found.submodule_search_locations)), "server", "static", "js")
    try:
        return [read_text(folder / name) for name in SCRIPTS]
    except OSError as error:
        version = metadata.version("bokeh")
        raise UserError(f"Bokeh {version} has no script {error.filename}: pip install --upgrade 'whygrok[report]'") from None
