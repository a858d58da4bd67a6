"""Composes configs: sections of plugins with all their defaults, swaps after the colon, overrides, JSON.

A config is a locked `ml_collections.ConfigDict` in which every field of every part is present, so that any of them can
be set from the command line. Types and limits come from the fields of the plugins, never from the ConfigDict.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from framework import registry
from framework.config.older import newer, newer_section, newer_writers, was_older, without_lost_writers
from framework.config.paths import resolve_plugin
from framework.config.settings import SECTIONS, General
from framework.config.tree import NAMED, PLUGIN_SECTIONS, Config, checked_config, node_at
from framework.errors import FieldError, UserError, did_you_mean, one_of, quoted
from framework.fields import convert, declared_fields, unknown_field

ADDED = ("probes", "writers")  # what can be named after the colon beside the parts: plugins whose defaults suit every run


def select(name: str, **fields: Any) -> dict[str, Any]:
    """A plugin section: the plugin's name, and the fields that differ from its defaults."""
    return {"name": name, **fields}


def experiment(
    arg: str = "",
    *,
    task: Mapping[str, Any],
    model: Mapping[str, Any],
    optimizer: Mapping[str, Any],
    penalty: Mapping[str, Any] | None = None,
    probes: Mapping[str, Mapping[str, Any]] | None = None,
    interventions: Mapping[str, Mapping[str, Any]] | None = None,
    writers: Mapping[str, Mapping[str, Any]] | None = None,
    plugins: str | Iterable[str] = (),
    from_file: bool = False,
    **general: Any,
) -> ConfigDict:
    """A complete, locked config.

    arg: what followed the colon of --config=FILE:arg, "model=transformer,probes=norms+margins": plugins named there
    replace the section given here, with their own defaults ("optimizer=grokfast+sgd": the second inside the first);
    probes and writers are added, and "none" removes those so far. writers: TensorBoard alone where none are given.
    from_file: whether a file says all this, which is no word of the user's on where rows may be sent.
    general: seed, steps, init_from, and the sections events, checkpoint, numerics, recording as dicts of fields.
    Raises UserError naming an unknown section, plugin or field, and the nearest that exists.
    """
    paths = [resolve_plugin(plugin) for plugin in _plugins(plugins)]
    for path in paths:
        registry.load_plugin(path)
    if paths:
        registry.trust_plugins(paths)
    parts = {"task": task, "model": model, "optimizer": optimizer, "penalty": penalty or select("none")}
    settings = {name: newer_section(name, _mapping(general.pop(name, {}), name)) for name in SECTIONS}
    told = newer_writers(settings["recording"], {"tensorboard": select("tensorboard")} if writers is None else dict(writers))
    named = {"probes": dict(probes or {}), "interventions": dict(interventions or {}), "writers": told}
    _swap(arg, parts, named)
    top = _section(General, general, "", known=(*PLUGIN_SECTIONS, *NAMED, *SECTIONS)) | {"plugins": tuple(paths)}
    config = Config(top, type_safe=False)
    for kind in PLUGIN_SECTIONS:
        config[kind] = plugin_section(kind, parts[kind], kind)
    for section, kind in NAMED.items():
        config[section] = _untyped({name: plugin_section(kind, p, f"{section}.{name}") for name, p in named[section].items()})
    for name, cls in SECTIONS.items():
        config[name] = _untyped(_section(cls, settings[name], name))
    if not from_file:
        registry.trust_destinations(config.writers)
    return _locked(config)


def plugin_section(kind: str, given: Mapping[str, Any] | ConfigDict, path: str) -> ConfigDict:
    """The section of a plugin with every field: its name, what is given, and its defaults."""
    outer, _, called = path.partition(".")
    if NAMED.get(outer) == kind and not re.fullmatch(r"[A-Za-z0-9_-]+", called):
        raise UserError(
            f"{path}: {'an' if kind[0] in 'aeiou' else 'a'} {kind} cannot be called {called!r}: use only letters, digits, _ and -"
        )
    if "name" not in given:
        raise UserError(f"{path}: name is missing: which {kind}? {one_of(e.name for e in registry.entries(kind))}")
    name = given["name"]
    if not isinstance(name, str):
        raise UserError(f"{path}.name = {quoted(name)}: must be the name of a {kind}")
    try:
        cls = registry.lookup(kind, name)
    except UserError as error:
        raise UserError(f"{path}.name = {quoted(name)}: {error}") from None
    inner = {field: _given_part(given[field], f"{path}.{field}") for field in registry.held(cls) if field in given}
    fields = _section(cls, {key: value for key, value in given.items() if key != "name" and key not in inner}, path)
    for field, held_kind in registry.held(cls).items():
        section = inner.get(field) or registry.section_of(fields[field])
        fields[field] = plugin_section(held_kind, section, f"{path}.{field}")
    return _untyped({"name": name, **fields})


def override(config: ConfigDict, changes: Mapping[str, Any]) -> ConfigDict:
    """The config with fields changed, as by --config.optimizer.learning_rate=1e-3.

    changes: dotted field → text (or value). `….name` swaps a plugin, with its defaults, before other fields are set;
    `probes.NEW.name` adds a probe, and so on; `probes.OLD.name=none` takes it away; `optimizer.inner.name` is the plugin inside a
    wrapper. From Python a section can be given whole, by `select`: {"optimizer": select("muon"), "probes.late":
    select("norms")}. Raises UserError or FieldError naming the field.
    """
    config = checked_config(config).copy_and_resolve_references().unlock()
    if not isinstance(changes, Mapping | ConfigDict) or not all(isinstance(name, str) for name in changes):
        raise UserError(f"override takes changes, field → value, such as {{'task.p': 23}}; {quoted(changes)} has none")
    for path, value in sorted((newer(*change) for change in changes.items()), key=_sections_first):
        if path != "plugins":
            _set(config, path, value)
    registry.trust_destinations(config.writers, changes)
    return _locked(config)


def to_dict(config: ConfigDict | Mapping[str, Any]) -> dict[str, Any]:
    """Plain dicts, with tuples as lists: what JSON holds."""
    plain = {}
    for key, value in config.items():
        is_section = isinstance(value, ConfigDict | Mapping)
        plain[key] = to_dict(value) if is_section else list(value) if isinstance(value, tuple) else value
    return plain


def from_dict(plain: ConfigDict | Mapping[str, Any]) -> ConfigDict:
    """A config from what `to_dict` gave, checked and completed like any other."""
    if not isinstance(plain, Mapping):
        checked_config(plain)
    missing = [key for key in ("task", "model", "optimizer") if key not in plain]
    if missing:
        raise UserError(f"the config has no section {one_of(missing)}")
    given = to_dict(plain)
    for name in (*PLUGIN_SECTIONS, *NAMED, *SECTIONS):
        _mapping(given.get(name, {}), name)
    for section in NAMED:
        for name, plugin in given.get(section, {}).items():
            _mapping(plugin, f"{section}.{name}")
    return experiment(**given | {"plugins": _plugins(given.get("plugins", ())), "from_file": True})


def from_stored(plain: Mapping[str, Any], file: Any, plugins: Sequence[str] = ()) -> ConfigDict:
    """`from_dict` for what a config.json holds. Its UserError also says what to do if a plugin has changed or gone since.

    plugins: files and modules to import as well; a file named here need not be where config.json says.
    """
    moved, stored = {Path(plugin).name for plugin in plugins}, plain.get("plugins", [])
    if not isinstance(stored, list) or not all(isinstance(name, str) for name in stored):
        raise UserError(f"{file}: plugins = {quoted(stored)}: must be a list of files and modules")
    kept = [name for name in stored if Path(name).name not in moved or Path(name).is_file()]
    if asked := {resolve_plugin(name) for name in kept} - {*plugins}:
        registry.check_plugins(asked, file)
    plain = {**plain, "plugins": list(dict.fromkeys([*kept, *plugins]))}
    try:
        config = from_dict(without_lost_writers(plain))
    except UserError as error:
        raise UserError(
            f"{file}: {str(error).rstrip('.')}. This was written by a run: if a plugin has changed since, put its old version back, "
            "or use a new --workdir; if it is no longer installed, install it, or name its file in --config.plugins=…"
        ) from None
    registry.note_destinations(config.writers)
    return config


def flatten(config: ConfigDict | Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted field → value."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, ConfigDict | Mapping) else {prefix + key: value}
    return flat


def _swap(arg: str, parts: dict[str, Any], named: dict[str, Any]) -> None:
    if not isinstance(arg, str):  # from a JSON file that nobody's run has written
        raise UserError(f"arg = {quoted(arg)}: must be text, what follows the colon of --config=FILE:arg; take it out")
    for item in filter(None, (part.strip() for part in arg.split(","))):
        key, equals, name = item.partition("=")
        if not equals or not name:
            raise UserError(f"after the colon, {item!r} should read KIND=NAME, such as model=quadratic")
        if key in ADDED:
            for plugin in name.split("+"):
                named[key].clear() if plugin == "none" else named[key].setdefault(plugin, select(plugin))
        elif key in parts:
            parts[key] = _nested(key, name.split("+"))
        else:
            known = (*PLUGIN_SECTIONS, *ADDED)
            raise UserError(f"after the colon, {key!r} is not a part.{did_you_mean(key, known)} Parts: {one_of(known)}.")


def _locked(config: ConfigDict) -> ConfigDict:
    """No field can be added by mistake; a probe can: config.probes.late = select("norms")."""
    config.lock()
    for name in NAMED:
        config[name].unlock()
        for section in config[name].values():
            section.lock()
    return config


def _untyped(fields: Mapping[str, Any]) -> ConfigDict:
    """A section whose fields take any value: each field reports a wrong one when the config is checked."""
    return ConfigDict(fields, type_safe=False)


def _mapping(given: Any, path: str) -> Mapping[str, Any] | ConfigDict:
    if not isinstance(given, ConfigDict | Mapping):
        raise UserError(f"{path} = {quoted(given)}: must be a section, a dict of fields")
    return given


def _plugins(given: Any) -> tuple[str, ...]:
    declared = next(field for field in declared_fields(General) if field.name == "plugins")
    return convert(declared, tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else given)


def _section(cls: type, given: Mapping[str, Any], path: str, known: tuple[str, ...] = ()) -> dict[str, Any]:
    declared = {field.name: field for field in declared_fields(cls)}
    for name in given:
        if name not in declared:
            raise unknown_field(f"{path}.{name}" if path else name, name, [*declared, *known])
    try:
        return {name: convert(field, given.get(name, field.default)) for name, field in declared.items()}
    except FieldError as error:
        raise (error.within(path) if path else error) from None


def _given_part(given: Any, path: str) -> Mapping[str, Any] | ConfigDict:
    """The section of a plugin inside another, given as a section, by its name, or as a plugin."""
    from framework.interfaces import Plugin  # here: who only reads configs by name does not wait for JAX

    if isinstance(given, Plugin):
        return registry.section_of(given)
    return select(given) if isinstance(given, str) else _mapping(given, path)


def _nested(kind: str, names: Sequence[str]) -> dict[str, Any]:
    """The section of the first plugin with the second inside it, and so on: "grokfast+sgd" after the colon."""
    name, *rest = names
    if not rest:
        return select(name)
    holds = [field for field, inner in registry.held(registry.lookup(kind, name)).items() if inner == kind]
    if not holds:
        raise UserError(f"after the colon, {kind}={'+'.join(names)}: {name} holds no other {kind}")
    return select(name, **{holds[0]: _nested(kind, rest)})


def _sections_first(change: tuple[str, Any]) -> tuple[bool, int]:
    """A sort key: whole sections and names of plugins, outer ones first, before the fields in them."""
    path, value = change
    return not (isinstance(value, Mapping | ConfigDict) or path.endswith(".name")), path.count(".")


def _set(config: ConfigDict, path: str, value: Any) -> None:
    """Changes one field, swaps a plugin (NAME.name), or puts a whole section in its place."""
    outer, _, name = path.rpartition(".")
    if isinstance(value, Mapping | ConfigDict):
        _put(config, path, value)
        return
    section, dot, called = outer.partition(".")
    if name == "name" and section in NAMED and dot and "." not in called and (value == "none" or called not in config[section]):
        if value != "none":
            _put(config, outer, select(value))
        elif called in config[section]:
            del config[section][called]
        elif not was_older(path):  # which says no to what may not be there
            raise UserError(f"{path}=none: there is no {outer} to take away.{did_you_mean(called, config[section])}")
        return
    node = node_at(config, outer, path)
    if name not in node.section:
        raise unknown_field(path, name, list(node.section), () if outer else flatten(config))
    if isinstance(node.section[name], ConfigDict):
        swap = f"; to swap the plugin, set {path}.name" if "name" in node.section[name] else ""
        raise UserError(f"{path} is a section: set one of its fields, {one_of(node.section[name])}{swap}")
    if name == "name" and node.kind:
        if value != node.section.name:
            _put(config, outer, select(value))
        return
    declared = next(field for field in declared_fields(node.cls) if field.name == name)
    try:
        node.section[name] = convert(declared, value)
    except FieldError as error:
        raise (error.within(outer) if outer else error) from None


def _put(config: ConfigDict, path: str, section: Mapping[str, Any] | ConfigDict) -> None:
    """Puts a whole section, such as select("muon"), in the place of a plugin, of one inside another, or as a new probe or intervention."""
    outer, _, name = path.rpartition(".")
    kind = NAMED.get(outer) or node_at(config, path).kind
    if not kind:
        fields = next(iter(node_at(config, path).section), "FIELD")
        raise UserError(f"{path} is not a plugin: set its fields, such as {path}.{fields}")
    node_at(config, outer).section[name] = plugin_section(kind, section, path)
