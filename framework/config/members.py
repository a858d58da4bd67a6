"""The members of a sweep: each with a name that a folder can have, and its whole config."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ml_collections import ConfigDict

from framework.config import override, to_dict
from framework.errors import FieldError, UserError

LONGEST = 120  # characters in a name: folder names may have 255


@dataclass(frozen=True)
class Member:
    """One run of a sweep."""

    name: str
    changes: dict[str, Any]
    config: ConfigDict


def members(config: ConfigDict, sweep: Any) -> list[Member]:
    """Every member with its config, and a name of its own.

    sweep: what get_sweep returned. Raises UserError where that is not a list of changes, where a member has a wrong
    field (the message names the member), and where two members have the same config.
    """
    found: list[Member] = []
    seen: dict[str, int] = {}  # config → number of the member
    taken: set[str] = set()  # names without regard to case: a folder may not tell a from A
    for number, changes in enumerate(listed(sweep)):
        if not isinstance(changes, Mapping):
            raise UserError(f"get_sweep: member {number} is {changes!r}, not a dict such as {{'task.p': 23}}")
        name = member_name(changes)
        if "plugins" in changes:
            raise UserError(f"get_sweep: member {number} ({name}): plugins must be the same for all members: experiment(…, plugins=…)")
        try:
            made = override(config, changes)
        except (UserError, FieldError) as error:
            raise UserError(f"get_sweep: member {number} ({name}): {error}") from None
        first = seen.setdefault(json.dumps(to_dict(made), sort_keys=True), number)
        if first != number:
            raise UserError(f"get_sweep: members {first} ({found[first].name}) and {number} ({name}) have the same config")
        if name.lower() in taken:
            name = _marked(name, changes)
        taken.add(name.lower())
        found.append(Member(name, dict(changes), made))
    if not found:
        raise UserError("get_sweep returned no members")
    return found


def member_name(changes: Mapping[str, Any]) -> str:
    """'task.p=23,seed=0', with no character that a shell or a file system could misread.

    It does not depend on the other members: where it leaves something out, it ends in a digest of the whole.
    """
    said = _said(changes).replace("*", "x").replace(" ", "_")
    name = re.sub(r"[^A-Za-z0-9._=,+^-]", "-", said)
    return name or "as-it-is" if name == said and len(name) <= LONGEST else _marked(name, changes)


def _marked(name: str, changes: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(_said(changes).encode()).hexdigest()[:8]
    return f"{name[: LONGEST - 9]}-{digest}"


def _said(changes: Mapping[str, Any]) -> str:
    return ",".join(f"{field}={word_of(value)}" for field, value in changes.items())


def listed(sweep: Any) -> list[Any]:
    """What get_sweep returned, as a list; a generator will do. Raises UserError for anything else."""
    if isinstance(sweep, str | Mapping) or not isinstance(sweep, Iterable):
        raise UserError(f'get_sweep returned {sweep!r}, not a list of changes: return product({{"task.p": [23, 47]}})')
    return list(sweep)


def word_of(value: Any) -> str:
    """A value as in the name of a member: 0.1, 2+3 for a list, sam+rho=0.05 for a plugin."""
    if isinstance(value, Mapping):
        fields = [f"{key}={word_of(inner)}" for key, inner in value.items() if key != "name"]
        return "+".join([str(value.get("name", "")), *fields])
    return "+".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
