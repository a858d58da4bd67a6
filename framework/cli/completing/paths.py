"""The fields that --config.FIELD may name, for the config that a command line has so far."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from framework.cli.completing.config_source import Section, sections_in
from framework.cli.completing.plugin_source import Written, fields_of
from framework.config import NAMED, PLUGIN_SECTIONS, SECTIONS, General, find_config
from framework.config.compose import ADDED
from framework.errors import UserError
from framework.fields import Declared, declared_fields
from framework.registry import catalogue
from framework.storage import read_text

DEFAULTS = {"penalty": Section("none"), "writers.tensorboard": Section("tensorboard")}  # of a config that says nothing of them
SECTION = r"[A-Za-z0-9_-]+"  # what a section may be called: a run from somebody else may have anything in its config.json


def fields(words: Sequence[str]) -> dict[str, Written]:
    """Dotted field → what is written of it: the values it may have, where they can be listed, and its help."""
    found = {one.name: _declared(one) for one in declared_fields(General)}
    for name, cls in SECTIONS.items():
        found |= {f"{name}.{one.name}": _declared(one) for one in declared_fields(cls)}
    for path, section in _sections(words).items():
        found |= dict(_of_plugin(path, NAMED.get(path.partition(".")[0], path), section))
    return found


def _of_plugin(path: str, kind: str, section: Section) -> Iterator[tuple[str, Written]]:
    """The fields of a plugin, and of those that it holds."""
    yield f"{path}.name", Written(tuple(plugin.name for plugin in catalogue.built_in(kind)), f"the name of the {kind}")
    for name, written in fields_of(kind, section.plugin).items():
        if written.kind:
            yield from _of_plugin(f"{path}.{name}", written.kind, section.parts.get(name, Section(written.plugin)))
        else:
            yield f"{path}.{name}", written


def _sections(words: Sequence[str]) -> dict[str, Section]:
    """Path → section: those of the config or run that is named, with what follows its colon and what --config.….name changes."""
    config = _given(words, "--config")
    spec = config or _given(words, "--workdir")
    found = dict(DEFAULTS)
    try:
        file, arg = find_config(spec) if spec else (None, "")
        said = {} if file is None else _stored(read_text(file)) if file.suffix == ".json" else sections_in(file)
        found = said | {path: one for path, one in found.items() if not _says(said, path)}
    except (UserError, OSError):  # there is no such config yet
        return found
    for one in arg.split(","):
        part, _, plugins = one.partition("=")
        outer, *inner = plugins.split("+")
        if part in PLUGIN_SECTIONS:
            found[part] = Section(outer, {"inner": Section(inner[0])} if inner else {})
        elif part in ADDED and "none" in (outer, *inner):
            found = {path: one for path, one in found.items() if not path.startswith(f"{part}.")}
        elif part in ADDED:
            found |= {f"{part}.{name}": Section(name) for name in (outer, *inner)}
    for word in words:
        path, _, name = word.removeprefix("--config.").partition("=")
        if word.startswith("--config.") and path.endswith(".name"):
            found[path.removesuffix(".name")] = Section(name)
            if name == "none" and path.partition(".")[0] in NAMED:
                del found[path.removesuffix(".name")]
    return {path: section for path, section in found.items() if path.partition(".")[0] in (*PLUGIN_SECTIONS, *NAMED)}


def _says(said: Mapping[str, Section], path: str) -> bool:
    """Whether a config says what stands in the section around a path, such as which writers there are."""
    return any(other.partition(".")[0] == path.partition(".")[0] for other in said)


def _given(words: Sequence[str], option: str) -> str:
    """The value of an option among the words of a command line, as --option=VALUE or --option VALUE."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == option or word.startswith(f"{option}="):
            return following if word == option else word.partition("=")[2]
    return ""


def _stored(text: str) -> dict[str, Section]:
    """The sections of a run's config.json."""
    try:
        plain = json.loads(text)
    except ValueError:
        return {}
    plain = plain if isinstance(plain, dict) else {}
    named = {f"{outer}.{name}": one for outer in NAMED for name, one in _mapping(plain.get(outer)).items() if re.fullmatch(SECTION, name)}
    return {path: _section(one) for path, one in (plain | named).items() if isinstance(one, dict) and "name" in one}


def _section(plain: Mapping[str, Any]) -> Section:
    parts = {key: _section(one) for key, one in plain.items() if isinstance(one, dict) and "name" in one}
    return Section(str(plain["name"]), parts)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _declared(one: Declared) -> Written:
    values = tuple(map(str, one.metadata["choices"] or ())) or (("true", "false") if one.type is bool else ())
    return Written(values, one.help)
