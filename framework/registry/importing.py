"""Imports of plugins: which modules and packages there are, and files that are run as modules."""

import hashlib
import importlib
import importlib.util
import logging
import pkgutil
import sys
import traceback
from importlib import metadata
from pathlib import Path

from framework.errors import UserError, named
from framework.storage import read_file

log = logging.getLogger("whygrok")

ENTRY_POINTS = "whygrok.plugins"
FILE_PREFIX = "whygrok_plugin_file_"  # begins the name of a module that was read from a user's file


def modules_below(package: str) -> list[str]:
    """The modules of a package and of those inside it; only the packages are imported."""
    found = importlib.import_module(package)
    return [module.name for module in pkgutil.walk_packages(found.__path__, f"{package}.")]


def installed_plugins() -> list[metadata.EntryPoint]:
    """Entry points of packages: one by one, so that broken metadata harm only their package; each once, however often listed."""
    found: dict[tuple[str, str], metadata.EntryPoint] = {}
    for distribution in metadata.distributions():
        try:
            points = [point for point in distribution.entry_points if point.group == ENTRY_POINTS]
        except Exception as error:  # metadata of a stranger's package: anything may be wrong with it
            place = getattr(distribution, "_path", "an unknown folder")  # whose name cannot be read either
            log.warning("the entry points of an installed package cannot be read: %s (%s)", named(error), place)
            continue
        found |= {(point.name, point.value): point for point in points}
    return [found[key] for key in sorted(found)]


def broken_package(error: BaseException) -> UserError | None:
    """The sentence about an error of whoever looks through all installed packages, as JAX does when it starts; None for other errors."""
    if not any(frame.f_globals.get("__name__") == metadata.__name__ for frame, _ in traceback.walk_tb(error.__traceback__)):
        return None
    found = next(filter(None, map(_broken_place, metadata.distributions())), "its place is not known")
    return UserError(f"the metadata of an installed package cannot be read: {named(error)} ({found}): uninstall it, or remove that folder")


def _broken_place(distribution: metadata.Distribution) -> str | None:
    """Where a package is whose metadata cannot be read; None of one that is whole."""
    try:
        _ = distribution.entry_points, distribution.metadata
    except Exception:  # metadata of a stranger's package: anything may be wrong with it
        return str(getattr(distribution, "_path", "an unknown folder"))
    return None


def import_file(path: str) -> None:
    """Runs a file as a module of its own name."""
    name = FILE_PREFIX + Path(path).stem + "_" + hashlib.sha1(path.encode()).hexdigest()[:8]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    sys.modules[name] = module = importlib.util.module_from_spec(spec)  # dataclasses look their module up while they are made
    try:
        exec(compile(read_file(path), path, "exec"), vars(module))  # Python's cache misses a change within one second
    except BaseException:
        del sys.modules[name]
        raise


def line_of(error: BaseException) -> str:
    """' (file:line)' of the innermost frame of the error."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})" if trace else ""
