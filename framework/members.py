"""The members of a sweep: each with a name that a folder can have, and its whole config."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ml_collections import ConfigDict

from framework.config import override
from framework.errors import FieldError, UserError

LONGEST = 120  # characters of a name: folders may have 255


@dataclass(frozen=True)
class Member:
    """One run of a sweep."""

    name: str
    changes: dict[str, Any]
    config: ConfigDict


def members(config: ConfigDict, sweep: Iterable[Any]) -> list[Member]:
    """Every member with its config. Raises UserError naming the member for a wrong field, and for two that are one."""
    found: dict[str, Member] = {}
    for number, changes in enumerate(sweep):
        if not isinstance(changes, Mapping):
            raise UserError(f"get_sweep: member {number} is {changes!r}, not a dict such as {{'task.p': 23}}")
        name = member_name(changes)
        try:
            made = Member(name, dict(changes), override(config, changes))
        except (UserError, FieldError) as error:
            raise UserError(f"get_sweep: member {number} ({name}): {error}") from None
        if name in found:
            raise UserError(f"get_sweep: {name} is there twice: members {list(found).index(name)} and {number}")
        found[name] = made
    if not found:
        raise UserError("get_sweep gave no members")
    return list(found.values())


def member_name(changes: Mapping[str, Any]) -> str:
    """'task.p=23,seed=0', with no character that a shell or a folder could take amiss."""
    said = ",".join(f"{field}={_word(value)}" for field, value in changes.items())
    return re.sub(r"[^A-Za-z0-9._=,+^*%-]", "-", said)[:LONGEST] or "as-it-is"


def _word(value: Any) -> str:
    if isinstance(value, Mapping):
        fields = [f"{key}={_word(inner)}" for key, inner in value.items() if key != "name"]
        return "+".join([str(value.get("name", "")), *fields])
    return "+".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
