"""What all kinds of plugins have in common."""

import abc
from typing import Any

from framework.fields import Fields


class Plugin(Fields, abc.ABC):
    """Base of all kinds: fields are checked when the object is made (see framework.fields)."""

    def notices(self, experiment: Any) -> list[str]:
        """What a person should know of this plugin in this experiment before it runs: sentences, most often none.

        Raises FieldError, with the field of this plugin, where the combination cannot be meant.
        """
        return []
