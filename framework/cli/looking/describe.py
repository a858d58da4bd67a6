"""whygrok describe: a plugin's docstring (formula, source) and its fields."""

import inspect
import json
import textwrap
from collections.abc import Sequence
from typing import Any

from framework import registry
from framework.cli import Parser
from framework.cli.answers import answer, text_width
from framework.cli.overrides import parse_with_config
from framework.cli.plugins import entries_called, load_plugins
from framework.fields import Declared, declared_fields

EXAMPLES = """\
  whygrok describe optimizer adamw
  whygrok describe adamw
  whygrok describe probe my_probe --config.plugins=my_probe.py
"""


def main(arguments: Sequence[str]) -> int:
    """Prints one plugin."""
    parser = Parser("describe", EXAMPLES)
    parser.add_argument("kind", help="the kind of plugin, such as task or probe; may be left out")
    parser.add_argument("name", nargs="?")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options, changes = parse_with_config(parser, arguments)
    load_plugins(options.config, changes)
    entries = entries_called(options.kind, options.name)
    described = [describe(entry) for entry in entries]
    answer(json.dumps(described[0] if len(described) == 1 else described, indent=2) if options.json else "\n\n".join(map(_text, described)))
    return 0


def describe(entry: registry.Entry) -> dict[str, Any]:
    """What `describe --json` prints about a plugin."""
    fields = [
        {
            "name": declared.name,
            "type": declared.type_name,
            "default": _plain(declared),
            "help": declared.help,
            "allowed": declared.allowed,
        }
        for declared in declared_fields(entry.cls)
    ]
    text = inspect.getdoc(entry.cls) or ""
    return {"kind": entry.kind, "name": entry.name, "summary": entry.summary, "source": entry.source, "text": text, "fields": fields}


def _plain(declared: Declared) -> Any:
    """The default as JSON holds it: a tuple as a list, a plugin as its section."""
    if declared.is_part:
        return registry.section_of(declared.default)
    return list(declared.default) if isinstance(declared.default, tuple) else declared.default


def _text(described: dict[str, Any]) -> str:
    width = text_width()
    lines = [f"{described['kind']} {described['name']}   ({described['source']})", "", *_wrapped(described["text"], width)]
    if described["fields"]:
        names = max(len(field["name"]) for field in described["fields"])
        lines += ["", "fields:"]
        for field in described["fields"]:
            head = f"  {field['name']:{names}}  {_shown(field['default'])}"
            indent = " " * (names + 4)
            lines += [head, *textwrap.wrap(f"{field['help']}; {field['allowed']}", width, initial_indent=indent, subsequent_indent=indent)]
    return "\n".join(lines)


def _shown(default: Any) -> str:
    if isinstance(default, dict):
        return f"{default['name']}({', '.join(f'{key}={_shown(value)}' for key, value in default.items() if key != 'name')})"
    return "none" if default is None else json.dumps(default, ensure_ascii=False)


def _wrapped(text: str, width: int) -> list[str]:
    """An example, which is a command, stays one line, so that it can be copied."""
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
    broken = [[one] if one.startswith("Example: ") else textwrap.wrap(one, width) for one in paragraphs]
    return "\n\n".join("\n".join(lines) for lines in broken).split("\n")
