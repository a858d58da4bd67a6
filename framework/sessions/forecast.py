"""What probes will cost, said once, as soon as it is known: after their first event and the first steps of training."""

import logging

from framework.training import Experiment, hosts, parse_schedule
from framework.training.clock import PROBES, TRAINING, Clock, in_words
from framework.training.moments.schedule import Due

log = logging.getLogger("whygrok")

LEAST_SECONDS = 10.0  # probes that take less than this until the end of the run are not worth a line
LONG_SECONDS, LONG_SHARE = 60.0, 0.25  # what is, where they take less than training does
COUNTED = 10_000  # beyond so many events their number is estimated
COARSER = ("log 5", "log 2", "last")


class Forecast:
    """Compares what the probes of a session will take with what its training will, from how long both have taken so far."""

    def __init__(self, experiment: Experiment, clock: Clock, done: int, step: int):
        """done: the step of the last event that is over, −1 for none. step: where the network stands."""
        self._experiment, self._clock, self._begin, self._done = experiment, clock, step, done
        self._events: dict[str, int] = {}
        self._said = not experiment.probes or not hosts.is_first()

    def consider(self, step: int) -> None:
        """Says what probes will cost, if that is much; compiling, which is done once, has no part in it. step: where the network is."""
        training, made = self._clock.seconds[TRAINING], step - self._begin
        if self._said or not made or not training:
            return
        steps = self._experiment.general.steps
        self._events = self._events or {name: self._events_of(name) for name in self._experiment.probes}
        training *= (steps - self._begin) / made
        each = {name: self._clock.seconds[PROBES + name] / max(self._clock.times[PROBES + name], 1) for name in self._events}
        left = sum(each[name] * (count - self._clock.times[PROBES + name]) for name, count in self._events.items())
        costs = {name: each[name] * count for name, count in self._events.items()}
        whole = sum(costs.values())
        if left >= LEAST_SECONDS and (whole > training or (whole > LONG_SECONDS and whole > LONG_SHARE * (whole + training))):
            self._said = True
            first, *others = sorted(costs, key=lambda name: -costs[name])
            most = [first, *(name for name in others if costs[name] > whole / 10)]
            said = [f"{name}: {in_words(each[name])} per event, {_events(self._events[name])}" for name in most]
            beside = f"{in_words(whole)} beside {in_words(training)} of training"
            log.warning("%s, %s%s", "; ".join(said), beside, self._less(most[0]))

    def _events_of(self, name: str, schedule: str = "") -> int:
        due = parse_schedule(schedule) if schedule else self._experiment.schedules[name]
        return events_from(due, self._done + 1, self._experiment.general.steps)

    def _less(self, name: str) -> str:
        """What makes a probe cheaper, as it is typed."""
        events = {schedule: self._events_of(name, schedule) for schedule in COARSER}
        fewer = next((f'schedule="{one}" ({_events(count)})' for one, count in events.items() if 2 * count <= self._events[name]), None)
        changes = [*filter(None, [fewer]), *self._experiment.probes[name].lighter()]
        return f"; less with --config.probes.{name}.{' or .'.join(changes)}" if changes else ""


def _events(count: int) -> str:
    return f"{count:,} event{'' if count == 1 else 's'}"


def events_from(due: Due, step: int, steps: int) -> int:
    """At how many steps from `step` to `steps` something is due. Where they are very many, as many as if all lay as densely."""
    count, at = 0, step - 1
    while (following := due.regular.next(at)) is not None and following <= steps:
        count, at = count + 1, following
        if count == COUNTED:
            return round(count * (steps - step + 1) / (at - step + 1))
    return count + (due.at_end and at != steps)
