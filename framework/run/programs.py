"""Compiled programs outlive the process: where they are kept, for which machine, and whether JAX reads and writes them there."""

import hashlib
import logging
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jaxlib

from framework import registry
from framework.storage import Programs, at_home, read_text, refusal, user_folder

log = logging.getLogger("whygrok")

VARIABLE = "WHYGROK_PROGRAMS"
SETTINGS = {
    "jax_persistent_cache_min_compile_time_secs": 0.0,  # every program is kept: the smallest compile in 6 ms and are read in 1
    "jax_persistent_cache_min_entry_size_bytes": -1,
    "jax_persistent_cache_enable_xla_caches": "none",  # files of XLA's own, which nobody would check or limit
}
# The lines of /proc/cpuinfo that say which instructions there are, and for which processor XLA tunes its code.
_PROCESSOR = ("vendor_id", "cpu family", "model", "flags", "Features", "CPU implementer", "CPU architecture", "CPU variant", "CPU part")


@dataclass(frozen=True)
class Place:
    """Where compiled programs are kept.

    folder: None when there is none. why_not: why it is not used; "" when it is. mistake: whether the user should hear of that.
    """

    folder: Path | None
    why_not: str = ""
    mistake: bool = False


def keep_programs() -> None:
    """Lets JAX read and write compiled programs in the user's cache folder; where that is not possible, nothing changes."""
    place = program_place()
    if place.mistake:
        log.warning("compiled programs are not kept: %s", place.why_not)
    if place.folder is None or place.why_not:
        return
    programs = Programs(place.folder, kind_of_machine())
    path = str(place.folder / kind_of_machine())
    seam = _seam()
    original = seam.get_file_cache
    seam.get_file_cache = lambda wanted: (programs, wanted) if wanted == path else original(wanted)
    chosen = {name: value for name, value in SETTINGS.items() if name.upper() not in os.environ} | {"jax_compilation_cache_dir": path}
    for name, value in chosen.items():
        jax.config.update(name, value)
    registry.set_by_us(chosen)  # a plugin at work may be what starts JAX


def program_place() -> Place:
    """Where programs are kept as things stand: what the user has set, else a folder of our own, which is made."""
    setting = os.environ.get(VARIABLE, "")
    if setting == "off":
        return Place(None, f"{VARIABLE}=off")
    if setting and not at_home(setting).is_absolute():
        return Place(None, f"{VARIABLE}={setting!r}: must be off, or a folder that begins with /", mistake=True)
    folder = at_home(setting) if setting else _default()
    theirs = _setting("compilation_cache_dir")
    if theirs is not None and (folder is None or Path(theirs).parent != folder):
        return Place(None, f"JAX's own setting stays as it is: jax_compilation_cache_dir={theirs!r}")
    if not _setting("enable_compilation_cache"):
        return Place(None, "JAX's own setting stays as it is: jax_enable_compilation_cache=False")
    if folder is None:
        nowhere = os.environ.get("XDG_CACHE_HOME") == os.devnull
        return Place(None, f"XDG_CACHE_HOME={os.devnull}" if nowhere else "there is no home folder")
    if not hasattr(_seam(), "get_file_cache"):
        return Place(folder, f"JAX {jax.__version__} cannot be given files that are checked")
    exists = os.path.exists(folder)
    why_not = refusal(folder)
    return Place(folder, f"{folder}: {why_not}" if why_not else "", mistake=bool(why_not and (setting or exists)))


def kind_of_machine() -> str:
    """Name of the folder for what JAX leaves out of a program's key: the processor, its cores, the versions.

    Home folders are shared by machines of different kinds: another processor may lack an instruction, and XLA divides a
    program's work by the cores that it may use.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    kind = [platform.system(), platform.machine(), *_processor(), f"{cores} cores", os.environ.get("NPROC", "")]
    kind += [platform.python_version(), jax.__version__, jaxlib.__version__]
    return f"jax-{jax.__version__}-{platform.machine()}-{hashlib.sha256(chr(10).join(kind).encode()).hexdigest()[:16]}"


def _processor() -> list[str]:
    try:
        lines = read_text("/proc/cpuinfo", errors="replace").splitlines()
    except OSError:
        return [platform.processor(), platform.node()]  # else two machines could not be told apart
    return sorted({line for line in lines if line.partition(":")[0].strip() in _PROCESSOR})


def _default() -> Path | None:
    folder = user_folder("XDG_CACHE_HOME", ".cache")
    return folder and folder / "programs"


def _setting(name: str) -> Any:
    """What JAX's own configuration says, from the environment or from Python."""
    return getattr(jax.config, f"jax_{name}")


def _seam() -> Any:
    """The module of JAX whose get_file_cache opens a folder of programs; None in a JAX that has another."""
    try:
        from jax._src import compilation_cache
    except ImportError:
        return None
    return compilation_cache
