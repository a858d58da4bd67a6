"""The story of a run in words: what was trained, when it fitted, when it grokked, what its probes say, how it ended."""

from collections.abc import Sequence

from framework import registry
from framework.errors import UserError
from framework.interfaces import Probe
from framework.reading import last_value, milestones, of_stored, warn_of
from framework.run import Run, RunDirectory, Sessions
from framework.training.clock import in_words

DELAYED = 2.0  # times the steps to fit from which a network generalized later than it fitted


def story(run: Run, told: dict[str, str] | None = None) -> list[str]:
    """Whole sentences, in the order in which they are read. told: gets what is said of probes that fail at what they stored."""
    if not run.rows:
        return ["This run has no rows yet."]
    return [*_events(run), _at_the_end(run), *_of_probes(run, {} if told is None else told), *_end(run), *_unasked(run)]


def key_numbers(run: Run) -> list[tuple[str, str]]:
    """(what, how much) of the few numbers that are looked at first."""
    reached = milestones(run)
    fitted, grokked = reached["fitted"], reached["grokked"]
    found = [(word, "not yet" if step is None else f"step {step:,}") for word, step in reached.items()]
    if fitted and grokked:
        found.append(("delay", f"{grokked / fitted:.3g} ×"))
    for split in ("train", "test"):
        if (value := last_value(run, f"{split}/{run.headline}")) is not None:
            found.append((f"{split} {run.headline.replace('_', ' ')} at the end", f"{value:.4g}"))
    return found


def _events(run: Run) -> list[str]:
    reached = milestones(run)
    fitted, grokked = reached["fitted"], reached["grokked"]
    headline, last = run.headline.replace("_", " "), run.rows[-1]["step"]
    count = len(run.experiment.splits.train)
    if fitted is None:
        said = f"By step {last:,} the network has not answered all of its {count:,} training examples"
        return [f"{said}; its test {headline} is at 0.99 from step {grokked:,} on." if grokked is not None else f"{said}."]
    first = f"The network answered all of its {count:,} training examples for the first time at step {fitted:,}: it had fitted."
    if grokked is None:
        return [first, f"It has not grokked by step {last:,}: its test {headline} does not stay at 0.99 or above."]
    second = f"Its test {headline} stays at 0.99 or above from step {grokked:,} on: it had grokked."
    if not fitted or grokked < DELAYED * fitted:
        return [first, second, "It generalized about when it fitted, so there was no delay to speak of."]
    return [first, second, f"That is {grokked / fitted:.3g} times as many steps as it took to fit: it memorized first, and grokked."]


def _at_the_end(run: Run) -> str:
    found = []
    for quantity in dict.fromkeys((run.headline, "loss")):
        values = {split: last_value(run, f"{split}/{quantity}") for split in ("train", "test")}
        said = [f"{split} {quantity.replace('_', ' ')} {value:.4g}" for split, value in values.items() if value is not None]
        found += said
    return f"At its last row, of step {run.rows[-1]['step']:,}: {', '.join(found)}."


def _of_probes(run: Run, told: dict[str, str]) -> list[str]:
    said: list[str] = []
    for name, probe in run.experiment.probes.items():
        try:
            with of_stored(run, name):
                said += [str(sentence) for sentence in probe.says(run, name)]
        except UserError as error:
            warn_of(told, name, error)
    return said


def _end(run: Run) -> list[str]:
    if run.path is None:
        return []
    sessions = Sessions(RunDirectory(run.path).environment)
    ends: Sequence[dict] = sessions.content["sessions"]
    reason = str(ends[-1].get("reason", "")) if ends else ""
    took = f" Its last session took {in_words(sum(sessions.seconds.values()))}." if sessions.seconds else ""
    known = {"complete": "It was trained to its last step."}
    said = known.get(reason) or (f"Its last session ended so: {reason}." if reason else "")
    return [f"{said}{took}".strip()] if said or took else []


def _unasked(run: Run) -> list[str]:
    """What no probe of the run was there to answer, and the names of those that would."""
    there = {type(probe) for probe in run.experiment.probes.values()}
    kind = run.experiment.task.sizes.kind
    missing = []
    for entry in registry.entries("probe"):
        cls = entry.cls
        if issubclass(cls, Probe) and cls.answers and cls not in there and kind in cls.inputs:
            missing.append(f"{cls.answers} (probe {entry.name})")
    return [f"Not measured in this run: {'; '.join(missing)}."] if missing else []
