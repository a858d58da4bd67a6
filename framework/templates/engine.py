"""The engine my_engine: say in one line in which processes the members of a sweep are trained."""

from dataclasses import dataclass

from framework import Engine, register, train
from framework.config import load_config
from framework.errors import Interrupted, WhygrokError
from framework.sweep import FAILED, FINISHED, RUNNING, STOPPED, WAITING


@register("my_engine")
@dataclass(frozen=True, kw_only=True)
class MyEngine(Engine):
    """Members one after another, in this process. Source: whose idea it is."""

    def train(self, sweep, jobs, stop):
        """Trains what is waiting; a member that fails stops no other."""
        for name in sweep.in_state(WAITING):
            if stop.received:
                return
            sweep.mark(name, RUNNING)
            try:
                train(load_config(str(sweep.config(name))), sweep.directory(name).path)
                sweep.mark(name, FINISHED)
            except Interrupted:
                sweep.mark(name, STOPPED)
                return
            except WhygrokError as error:
                sweep.mark(name, FAILED, str(error), error.exit_code)
