import jax
import jax.numpy as jnp
import numpy as np
import pytest

from framework import train
from framework.config import select
from framework.errors import Interrupted
from framework.reading import fitted_step, grokked_step
from framework.sessions import StopRequest
from plugins.probes.grokking import beginning, follow
from tests.small_runs import small_config

# step, train, test
STORY = [(0, 0.1, 0.1), (1, 0.2, 0.1), (10, 1.0, 0.2), (100, 0.9, 0.995), (1000, 1.0, 0.5), (10_000, 1.0, 1.0), (20_000, 1.0, 0.99)]


def tell(story, level=0.99):
    state = beginning()
    states = []
    for step, *accuracies in story:
        state = jax.jit(follow, static_argnames="level")(state, jnp.int32(step), *map(jnp.float32, accuracies), level=level)
        states.append({name: np.asarray(value)[()] for name, value in state.items()})
    return states


def test_a_step_counts_as_grokked_only_while_accuracy_stays():
    states = tell(STORY)
    assert [int(state["fitted"]) for state in states] == [-1, -1, 10, 10, 10, 10, 10]
    assert [int(state["grokked"]) for state in states] == [-1, -1, -1, 100, -1, 10_000, 10_000]


def test_the_area_is_that_of_trapezoids_on_logarithmic_steps():
    steps, train_accuracy, test_accuracy = map(np.array, zip(*STORY[1:], strict=True))
    expected = np.trapezoid(train_accuracy - test_accuracy, np.log10(steps))
    assert float(tell(STORY)[-1]["area"]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_the_summary_agrees_with_the_rows_of_its_run():
    run = train(small_config({"grokking": select("grokking", schedule="every 5")}, events={"metrics": "every 5"}, steps=100, **easy()))
    row = run.rows[-1]
    assert row["grokking/fitted"] == fitted_step(run) and row["grokking/grokked"] == grokked_step(run)
    assert 20 <= row["grokking/fitted"] <= 35 and 45 <= row["grokking/grokked"] <= 70
    assert row["grokking/delay"] == pytest.approx(row["grokking/grokked"] / row["grokking/fitted"], rel=1e-6)
    columns = run.metrics()
    later = columns["step"] >= 1
    gap = columns["train/accuracy"] - columns["test/accuracy"]
    assert row["grokking/area"] == pytest.approx(np.trapezoid(gap[later], np.log10(columns["step"][later])), rel=1e-4)
    assert run.rows[0]["grokking/fitted"] is None and run.rows[0]["grokking/grokked"] is None


@pytest.mark.slow
def test_a_stopped_run_continues_to_the_same_summary(tmp_path, monkeypatch):
    probes = {"grokking": select("grokking", schedule="log 5"), "laziness": select("laziness", schedule="log 5")}
    config = small_config(probes, steps=100, checkpoint={"every_steps": 10}, **easy())
    whole = train(config, tmp_path / "whole")
    stop = lambda self: "SIGTERM" if steps and steps[-1] >= 30 else None  # noqa: E731
    steps: list[int] = []
    from framework.run import RunRecorder

    original = RunRecorder.row
    monkeypatch.setattr(RunRecorder, "row", lambda self, step, values: (steps.append(step), original(self, step, values))[1])
    monkeypatch.setattr(StopRequest, "received", property(stop, lambda self, value: None), raising=False)
    with pytest.raises(Interrupted):
        train(config, tmp_path / "cut")
    monkeypatch.undo()
    cut = train(config, tmp_path / "cut")
    without_clock = lambda run: [{name: value for name, value in row.items() if name != "seconds"} for row in run.rows]  # noqa: E731
    assert without_clock(cut) == without_clock(whole)


def easy():
    """Doshi et al. 2023 at p = 23: fits near step 25, groks near 50 (classics.md)."""
    return {
        "task": select("modular_addition", p=23, train_size="70%", loss="square"),
        "model": select("quadratic", width="128", init="normal", init_std=0.0787),
        "optimizer": select("adamw", learning_rate=1e-2, b2=0.98, weight_decay=5.0),
    }
