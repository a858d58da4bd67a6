"""Two runs side by side, beside what `framework.run` compares: environments and milestones."""

from typing import Any

from framework.reading.milestones import milestones
from framework.run import Run, RunDirectory, Sessions, differences


def compare_environments(one: Run, other: Run) -> list[dict[str, Any]]:
    """Versions, devices, flags and data that differ, from environment.json of both."""
    return differences(_environment(one), _environment(other), "what")


def compare_milestones(one: Run, other: Run) -> dict[str, dict[str, Any]]:
    """The last recorded step of each run, and the steps at which it fitted and grokked."""
    ends = {name: {"last_step": run.rows[-1]["step"] if run.rows else None} for name, run in (("one", one), ("other", other))}
    return {"one": ends["one"] | milestones(one), "other": ends["other"] | milestones(other)}


def _environment(run: Run) -> dict[str, Any]:
    assert run.path is not None
    content = Sessions(RunDirectory.at(run.path).environment).content
    return {**content.get("bits_depend_on", {}), "git_commit": content.get("git_commit"), "data": content.get("data")}
