"""The words that may come next on a command line, which a shell asks for when Tab is pressed; argcomplete talks to the shell."""

import argparse
import importlib
import os
from collections.abc import Iterable, Mapping
from typing import Any

import argcomplete
from argcomplete.finders import CompletionFinder
from argcomplete.lexers import split_line

from framework import registry
from framework.cli import ASKED, COMMANDS, Parser
from framework.cli.completing import paths
from framework.config import NAMED, PLUGIN_SECTIONS, SCALES, shipped_configs
from framework.config.compose import ADDED
from framework.registry import catalogue

PREFIX = "--config."
FILES = argcomplete.FilesCompleter()  # type: ignore[no-untyped-call]


def answer_the_shell() -> int:
    """Offers commands, or starts the one that is there: its parser calls `offer`. Returns an exit code where nothing can be offered."""
    _, words = _typed()
    if len(words) < 2:
        parser = argparse.ArgumentParser(prog="whygrok")
        parser.add_argument("--version", action="store_true", help="print the version")
        _completes(parser.add_argument("command"), {name: line for name, (_, line) in COMMANDS.items()})
        CompletionFinder()(parser, always_complete_options=False)
    elif words[1] in COMMANDS:
        importlib.import_module(COMMANDS[words[1]][0]).main([])
    return 0


def offer(parser: Parser) -> None:
    """Answers with what the parser of a command knows, and ends the process."""
    prefix, words = _typed()
    options = parser._option_string_actions
    if "--config" in options and prefix.startswith(PREFIX):
        for path, written in paths.fields(words).items():
            if PREFIX + path not in options:
                _completes(parser.add_argument(PREFIX + path, help=written.help.replace("%", "%%")), dict.fromkeys(written.values, ""))
    for action in parser._actions:
        _say_what_it_takes(action, words)
    os.environ[ASKED] = str(int(os.environ[ASKED]) + 1)  # the command is a word of its own
    CompletionFinder()(parser, always_complete_options=False)


def _typed() -> tuple[str, list[str]]:
    """(the word at the cursor, the words before it, whygrok first)."""
    _, prefix, _, words, _ = split_line(os.environ["COMP_LINE"], int(os.environ["COMP_POINT"]))
    return prefix, words[int(os.environ[ASKED]) - 1 :]


def _say_what_it_takes(action: argparse.Action, words: list[str]) -> None:
    """Gives an argument its completer, by what it is called; those that are not named here take files."""
    command = words[1]
    if action.dest == "config":
        action.completer = _configs  # type: ignore[attr-defined]
    elif action.dest == "kind":
        kinds = registry.KINDS if command == "new-plugin" else (*registry.PLURALS.values(), "configs")
        _completes(action, dict.fromkeys(kinds, "") if command != "describe" else dict.fromkeys(registry.KINDS, "") | _all_plugins())
    elif action.dest == "name" and command == "describe":
        action.completer = lambda parsed_args, **_: _plugins(parsed_args.kind)  # type: ignore[attr-defined]
    elif action.dest == "plugin":
        action.completer = lambda prefix, **_: {**_all_plugins(), **dict.fromkeys(FILES(prefix), "")}  # type: ignore[attr-defined]
    elif action.dest == "scale":
        _completes(action, dict.fromkeys(SCALES, ""))
    elif (kind := action.dest.removesuffix("s")) in ("claim", "figure", "certificate", "benchmark", "engine"):
        _completes(action, _plugins(kind) | ({"all": "all figures"} if kind == "figure" else {}))


def _completes(action: argparse.Action, words: Mapping[str, str]) -> None:
    """Makes an argument offer these words, each with what is said of it; files where there are none."""
    if words:
        action.completer = lambda **_: words  # type: ignore[attr-defined]


def _plugins(kind: str) -> dict[str, str]:
    return {plugin.name: plugin.summary for plugin in catalogue.built_in(kind)} if kind in registry.KINDS else {}


def _all_plugins() -> dict[str, str]:
    return {name: summary for kind in registry.KINDS for name, summary in _plugins(kind).items()}


def _configs(prefix: str, **_: Any) -> Mapping[str, str] | Iterable[str]:
    """Names of configs that ship and files; after the colon, part=plugin,…"""
    spec, colon, arg = prefix.partition(":")
    if not colon:
        return {**{config.name: config.summary for config in shipped_configs()}, **dict.fromkeys(FILES(prefix), "")}
    done, comma, last = arg.rpartition(",")
    part, equals, plugins = last.partition("=")
    head = f"{spec}:{done}{comma}"
    if not equals:
        return [f"{head}{part}=" for part in (*PLUGIN_SECTIONS, *ADDED, "scale")]
    if part == "scale":
        return [f"{head}scale={scale}" for scale in SCALES]
    before, plus, _last = plugins.rpartition("+")
    return {f"{head}{part}={before}{plus}{name}": said for name, said in _plugins(NAMED.get(part, part)).items()}
