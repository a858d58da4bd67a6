"""What a Figure promises."""

from framework.config import load_sweep
from framework.errors import UserError
from framework.testing.promises import Broken, promise
from framework.testing.subject import Subject

FIGURE = "figure"


@promise(FIGURE, is_basis=True)
def its_sweep_can_be_read(subject: Subject) -> None:
    """`config` names a config that defines a sweep at the scales smoke, laptop and full."""
    for scale in ("smoke", "laptop", "full"):
        try:
            load_sweep(f"{subject.plugin.config}:scale={scale}")
        except UserError as error:
            raise Broken(f"its sweep at scale {scale} cannot be read: {error}") from None
