"""What all kinds of plugins have in common."""

import abc
from typing import Any

from framework.fields import Fields


class Plugin(Fields, abc.ABC):
    """Base of all kinds: fields are checked when the object is made (see framework.fields)."""

    def notices(self, experiment: Any) -> list[str]:
        """What a person should know about this plugin in this experiment before it runs: sentences, usually none.

        Raises FieldError, with the field of this plugin, for a combination that makes no sense.
        """
        return []
