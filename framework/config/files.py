"""Reads configs from files: FILE.py, FILE.py:arg, a run's config.json, or the name of one that ships."""

import contextlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from framework import registry
from framework.config import from_dict, from_stored, override
from framework.config.members import Member, listed, members
from framework.config.paths import relative_to, resolve_plugin
from framework.config.settings import General
from framework.errors import UserError, WhygrokError, did_you_mean, named, one_of
from framework.fields import convert, declared_fields
from framework.storage import at_home, read_file, read_json, read_text, real_path


@dataclass(frozen=True)
class ShippedConfig:
    """A config that ships: its name, its file, and the first line of its docstring."""

    name: str
    file: Path
    summary: str


def load_config(spec: str, changes: Mapping[str, str] | None = None) -> ConfigDict:
    """The config that `--config=spec --config.field=value …` means.

    Plugins named in `changes` are imported first, so that the file and the changes may use what they register.
    Raises UserError; for a file that raises, the message quotes the line of that file.
    """
    return _load(spec, changes or {})[0]


def load_sweep(spec: str, changes: Mapping[str, str] | None = None) -> list[Member]:
    """The members of the sweep that get_sweep(config) of a config file gives for the config with the changes.

    get_sweep(config, arg) also receives what followed the colon. Raises UserError for a file without get_sweep, and as
    `members` and `load_config` do.
    """
    config, module = _load(spec, changes or {})
    file, arg = find_config(spec)
    if not hasattr(module, "get_sweep"):
        raise UserError(f'--config: {file} defines no get_sweep(config): return product({{"task.p": [23, 47], "seed": range(3)}})')
    with relative_to(file.parent), _importable(file.parent):
        sweep = _called(file, lambda: listed(module.get_sweep(*(config, arg)[: len(signature(module.get_sweep).parameters)])))
    with _naming(file):
        return members(config, sweep)


def _load(spec: str, changes: Mapping[str, str]) -> tuple[ConfigDict, Any]:
    """(config, the module of its file; None for JSON)."""
    extra = plugin_list(changes.get("plugins", ()))
    for plugin in extra:
        registry.load_plugin(plugin)
    file, arg = find_config(spec)
    config, module = (_read_json(file, arg, extra), None) if file.suffix == ".json" else _run_file(file, arg)
    config = override(config, changes)
    with config.unlocked():
        config.plugins = tuple(dict.fromkeys((*config.plugins, *extra)))
    return config, module


def plugin_list(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """Plugins as given on the command line, files as absolute paths."""
    declared = next(field for field in declared_fields(General) if field.name == "plugins")
    return tuple(resolve_plugin(name) for name in convert(declared, value))


def find_config(spec: str) -> tuple[Path, str]:
    """(file, argument after the colon) of what --config= names."""
    name, _, arg = spec.partition(":")
    try:
        path = at_home(name)
    except RuntimeError as error:  # ~NOBODY
        raise UserError(f"--config: {name}: {error}") from None
    if path.suffix in (".py", ".json"):
        if path.is_file():
            # Not where a link leads: a config.json that leads to a .py file is read as the JSON that it says it is, and not run.
            return (real_path(path) if path.suffix == ".py" else real_path(path.parent) / path.name), arg
        shipped = {config.name: config for config in shipped_configs()}
        short = name.removeprefix("configs/").removesuffix(".py")
        hint = f" Did you mean --config={short}, which ships?" if short in shipped else did_you_mean(short, shipped)
        raise UserError(f"--config: there is no file {name}.{hint}")
    if path.is_dir() and (path / "config.json").is_file():
        return real_path(path) / "config.json", arg
    for config in shipped_configs():
        if config.name == name:
            return config.file, arg
    known = [config.name for config in shipped_configs()]
    raise UserError(f"--config: {name!r} is neither a file nor a config that ships.{did_you_mean(name, known)} Shipped: {one_of(known)}.")


def shipped_configs() -> list[ShippedConfig]:
    """Every config in the installed `configs` package, by name."""
    found = importlib.util.find_spec("configs")
    folders = [Path(folder) for folder in (found.submodule_search_locations or [])] if found else []
    files = [(folder, file) for folder in folders for file in sorted(folder.rglob("*.py")) if file.stem != "__init__"]
    return [ShippedConfig(str(file.relative_to(folder).with_suffix("")), file, _first_line(file)) for folder, file in files]


def _first_line(file: Path) -> str:
    text = read_text(file).lstrip()
    return text.removeprefix('"""').partition("\n")[0].removesuffix('"""')


def _read_json(file: Path, arg: str, plugins: tuple[str, ...]) -> ConfigDict:
    try:
        plain = read_json(file)
    except OSError as error:
        raise UserError(f"--config: {file} cannot be read: {error}") from None
    except ValueError as error:
        raise UserError(f"--config: {file} is not JSON: {error}") from None
    if not isinstance(plain, dict):
        raise UserError(f"--config: {file} holds no config")
    with relative_to(file.parent):
        return from_stored(plain | {"arg": arg}, file, plugins)


def _run_file(file: Path, arg: str) -> tuple[ConfigDict, Any]:
    spec = importlib.util.spec_from_file_location("whygrok_config", file)
    assert spec and spec.loader
    module: Any = importlib.util.module_from_spec(spec)

    def get() -> Any:
        exec(compile(read_file(file), str(file), "exec"), vars(module))  # Python's cache misses a change within one second
        if not hasattr(module, "get_config"):
            raise UserError(f"--config: {file} defines no get_config(arg)")
        takes_none = not signature(module.get_config).parameters
        if takes_none and arg:
            raise UserError(f"--config: get_config() of {file} takes no argument, so nothing can follow the colon: {arg!r}")
        return module.get_config() if takes_none else module.get_config(arg)

    with relative_to(file.parent), _importable(file.parent):
        config = _called(file, get)
    if not isinstance(config, ConfigDict):
        raise UserError(f"--config: get_config of {file} gave a {type(config).__name__}, not a ConfigDict: return experiment(…)")
    with _naming(file):
        return from_dict(config), module


def _called(file: Path, call: Callable[[], Any]) -> Any:
    """What a function in the user's file returns. What it raises becomes a UserError that quotes the line of that file."""
    try:
        with _naming(file):
            return call()
    except WhygrokError:
        raise
    except (Exception, SystemExit) as error:  # the file is the user's code: anything may come out of it
        where, number, text = _own_line(file, error)
        said = f"{type(error).__name__}: {error.msg}" if isinstance(error, SyntaxError) else named(error)
        raise UserError(f"--config: {where}, line {number}: {text}: {said}" if number else f"--config: {where}: {said}") from error


@contextlib.contextmanager
def _naming(file: Path) -> Iterator[None]:
    """A UserError that leaves the block names the config file, and the file's own line where there is one."""
    try:
        yield
    except UserError as error:
        where, number, _ = _own_line(file, error)
        place = f" ({where}, line {number})" if number else f" ({where})"
        raise UserError(str(error) if str(file) in str(error) else f"{error}{place}") from error


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """While a config is read, it may import its neighbours; they are forgotten afterwards, as another folder's may have the same names."""
    before = set(sys.modules)
    sys.path.append(str(folder))  # last: a neighbour named like an installed package hides nothing
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            origin = getattr(sys.modules[name], "__file__", None)
            is_ours = name.partition(".")[0] in ("configs", "plugins", "framework")
            if origin and Path(origin).is_relative_to(folder) and not is_ours and not registry.defines(name):
                del sys.modules[name]


def _own_line(file: Path, error: BaseException) -> tuple[Path | str, int | None, str]:
    """(file, number, text) of the file's own line at which it failed: (…, 12, 'steps = 1 / 0'); number None where it was none of its lines.

    A mistake of syntax may be in a neighbour that the file imports: that one is named then.
    """
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
        return error.filename, error.lineno, (error.text or "").strip()
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == file]
    return (file, own[-1].lineno, own[-1].line or "") if own else (file, None, "")
