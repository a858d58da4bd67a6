"""Probes that fail while a network trains: each is told of once in a session, and every row says it."""

import logging
from collections.abc import Mapping

import numpy as np

from framework.errors import ProbeFailed
from framework.interfaces import Values
from framework.training import Experiment, hosts

log = logging.getLogger("whygrok")

GOING_ON = "the run goes on, and its rows say so under `failed` (numerics.on_probe_error=stop ends it instead)"


class Mishaps:
    """What has gone wrong with the probes of one run in this session."""

    def __init__(self, experiment: Experiment):
        self._experiment = experiment
        self._told, self._numbers = set[str](), set[str]()  # probes; columns that have held nothing but numbers

    def consider(self, step: int, values: Values, failures: Mapping[str, str]) -> None:
        """Warns of the probes that failed at an event, each once, and of those whose numbers are none any more.

        Raises ProbeFailed where numerics.on_probe_error asks to stop at a failure.
        """
        for name, why in failures.items():
            if self._experiment.numerics.on_probe_error == "stop":
                raise ProbeFailed(
                    f"probe {name} failed at step {step:,}: {why}. Saved states are kept; with --config.numerics.on_probe_error=continue "
                    "the run goes on without what it measures"
                )
            self._tell(name, f"probe {name} failed at step {step:,}: {why}; {GOING_ON}")
        self._see(step, values)

    def _see(self, step: int, values: Values) -> None:
        if not np.isfinite(values.get("objective", 0.0)):  # of a network without numbers no probe has any
            return
        for column, value in values.items():
            probe = column.partition("/")[0]
            if probe not in self._experiment.probes or not np.issubdtype(np.asarray(value).dtype, np.floating):
                continue
            if np.isfinite(value).all():
                self._numbers.add(column)
            elif column in self._numbers:
                self._tell(probe, f"probe {probe}: {column} is not finite at step {step:,}, and was before")

    def _tell(self, probe: str, said: str) -> None:
        if probe not in self._told and hosts.is_first():
            log.warning("%s", said)
        self._told.add(probe)
