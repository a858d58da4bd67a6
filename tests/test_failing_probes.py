"""A probe that fails in a run ends nothing: the row says so, the summary repeats it, and all other bits stay."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from framework import load_run, train
from framework.cli import run_command
from framework.config import members, override, select
from framework.errors import ProbeFailed, UserError
from framework.reading import draw_probe
from framework.records import Outcome, collect
from framework.run.rows import _storable, completed, only_due
from framework.storage import json_number
from framework.sweep import SweepFolder, run_sweep
from tests.helpers import PLUGINS, Here, arrays, assert_same_run, leaves, rows, slow_but, tiny

pytestmark = pytest.mark.usefixtures("clean_registry")
FAILING = str(Path(__file__).parent / "data" / "failing.py")
WAYS = {
    "error": "ValueError: no such (failing.py:",
    "memory": "MemoryError (failing.py:",
    "exit": "SystemExit: 7 (failing.py:",
    "wordless": "Wordless (failing.py:",
    "recursion": "RecursionError: too deep (failing.py:",
    "half a character": r"ValueError: caf\udce9 (failing.py:",
    "refusal": "points = 3: must be fewer",
    "no memory on the device": "JaxRuntimeError: RESOURCE_EXHAUSTED: Out of memory",
    "another state": "the state that measure returns must be shaped like the one it got",
    "text": "calls must be a real number or an array of numbers, and is str",
    "nothing": "calls must be a real number or an array of numbers, and is NoneType",
    "complex": "calls must be a real number or an array of numbers, and is complex",
    "objects": "calls must be a real number or an array of numbers, and is ndarray of dtype object",
    "key": "of dtype key<fry>",
}


def failing(steps=8, name="failing", numerics=None, **fields):
    probes = {"norms": select("norms", schedule="every 3"), "bad": select(name, schedule="every 2", **fields)}
    probes |= {"count": select("counting", schedule="every 2")}
    return tiny(steps, probes=probes, plugins=(PLUGINS, FAILING), numerics=numerics or {})


def of_others(path):
    """The rows without what the failing probe leaves in them."""
    found = [{name: value for name, value in json.loads(line).items() if not name.startswith("bad/")} for line in rows(path)]
    return [{name: value for name, value in row.items() if name != "failed"} for row in found]


@pytest.fixture(scope="module")
def without(tmp_path_factory):
    """A run in which nothing fails."""
    from framework import registry

    path = tmp_path_factory.mktemp("sound")
    with registry.temporary():
        train(failing(fails_from=99, fails_until=99), path)
    return path


@pytest.mark.parametrize(
    "how", slow_but(lambda how: how in ("error", "exit", "half a character", "no memory on the device", "another state"), WAYS)
)
def test_a_failing_probe_leaves_all_else_as_it_is(how, tmp_path, without, caplog):
    run = train(failing(how=how), tmp_path)
    assert {row["step"]: row["failed"].keys() for row in run.rows if "failed" in row} == {4: {"bad"}}
    said = next(row["failed"]["bad"] for row in run.rows if "failed" in row)
    assert WAYS[how] in said and "\n" not in said and str(Path(FAILING).parent) not in said
    assert of_others(tmp_path) == of_others(without)
    steps, calls = run.series("bad/calls")
    assert dict(zip(steps.tolist(), calls.tolist(), strict=True)) == {0: 1, 2: 2, 6: 3, 8: 4}  # its state stayed while it failed
    ends = [{name: leaf for name, leaf in leaves(path).items() if not name.startswith("probe_state.bad")} for path in (tmp_path, without)]
    assert ends[0] == ends[1]
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1 and warnings[0].startswith(f"probe bad failed at step 4: {said}; the run goes on")


def test_a_program_that_fails_while_it_runs_is_found_out_at_its_event(tmp_path, without):
    run = train(failing(name="failing_inside"), tmp_path)
    assert ["failed" in row for row in run.rows if row["step"] % 2 == 0] == [False, False, True, False, False]
    assert next(row["failed"]["bad"] for row in run.rows if "failed" in row) == "JaxRuntimeError: ValueError: in the midst (failing.py)"
    assert of_others(tmp_path) == of_others(without)
    assert run.series("bad/calls")[1].tolist() == [0, 1, 2, 3]


def test_it_warns_once_and_the_summary_counts(tmp_path, caplog, capfd):
    config = failing(fails_until=6)
    train(config, tmp_path)
    assert sum("failed at step" in record.getMessage() for record in caplog.records) == 1
    caplog.clear()
    train(override(config, {"steps": 10, "probes.bad.fails_until": 6}), tmp_path)
    (said,) = Outcome("accuracy", load_run(tmp_path).rows).mishaps
    assert said.startswith("bad failed at 2 events, first at step 4: ValueError: no such (failing.py:")
    assert collect(tmp_path)[0]["state"] == "finished" and collect(tmp_path)[0]["said"] == said
    assert run_command(["run", f"--workdir={tmp_path}"]) == 0
    assert f"mishap   {said}\n" in capfd.readouterr().out


@pytest.mark.parametrize("cut", slow_but(lambda cut: cut == 4, [3, 4, 6]))
def test_a_run_with_failures_resumes_to_the_same_bits(cut, tmp_path):
    train(failing(8, fails_until=6), tmp_path / "whole")
    train(failing(cut, fails_until=6), tmp_path / "cut")
    train(failing(8, fails_until=6), tmp_path / "cut")
    assert_same_run(tmp_path / "cut", tmp_path / "whole")


def test_it_may_stop_instead_and_go_on_later(tmp_path, without):
    config = failing(numerics={"on_probe_error": "stop"})
    with pytest.raises(ProbeFailed, match=r"^probe bad failed at step 4: ValueError: no such .*on_probe_error=continue") as raised:
        train(config, tmp_path)
    assert raised.value.exit_code == 2
    assert json.loads((tmp_path / "environment.json").read_text())["sessions"][-1]["reason"] == str(raised.value)
    assert collect(tmp_path)[0]["said"] == str(raised.value)
    train(override(config, {"numerics.on_probe_error": "continue"}), tmp_path)
    assert of_others(tmp_path) == of_others(without)


def test_what_is_refused_before_the_first_step_ends_the_run_there(tmp_path):
    with pytest.raises(UserError, match="points = 3: must be fewer"):
        train(failing(fails_from=0, how="refusal"), tmp_path)
    assert not (tmp_path / "metrics.jsonl").read_text()
    train(failing(fails_from=0, how="error"), tmp_path / "other")
    assert "failed" in json.loads(rows(tmp_path / "other")[0])


def test_what_was_never_measured_is_asked_for_in_vain_with_the_reason(tmp_path):
    run = train(failing(2, fails_from=0), tmp_path)
    with pytest.raises(UserError, match=r"no metric 'bad/calls' in this run. The probe failed at step 0: ValueError: no such"):
        run.series("bad/calls")
    with pytest.raises(UserError, match="nothing to draw yet. The probe failed at step 0: ValueError: no such"):
        draw_probe(run, "bad", tmp_path / "x.png")


def test_a_condition_on_what_failed_waits(tmp_path):
    config = failing(20, fails_from=0, fails_until=4)
    assert train(override(config, {"stop_when": "bad/calls >= 2", "checkpoint.keep_best": "bad/calls"}), tmp_path).rows[-1]["step"] == 8


@pytest.mark.slow
def test_whoever_reads_such_a_run_finds_numbers(tmp_path, capfd):
    train(override(failing(fails_until=6), {"recording.tensorboard": True}), tmp_path / "a")
    train(failing(fails_from=99), tmp_path / "b")
    metrics = load_run(tmp_path / "a").metrics()
    assert "failed" not in metrics and np.isnan(metrics["bad/calls"][metrics["step"] == 4]).all()
    with pytest.raises(UserError, match="no metric 'failed'"):
        load_run(tmp_path / "a").series("failed")
    here = [str(tmp_path / name) for name in "ab"]
    for command in (["plot", here[0]], ["plot", here[0], "--probe=bad"], ["plot", *here, "--metrics", "bad/calls"], ["doctor", here[0]]):
        assert run_command([*command, *([f"--output={tmp_path}/x.png"] if command[0] == "plot" else [])]) == 0
    capfd.readouterr()
    assert run_command(["diff", *here]) == 0
    out = capfd.readouterr().out
    assert "bad/calls" in out and "failed" not in out


@pytest.mark.slow
def test_members_that_are_trained_together_fail_each_for_itself(tmp_path):
    base = failing(fails_until=99)
    made = members(base, [{"seed": 0, "probes.bad.fails_from": 4}, {"seed": 0, "probes.bad.fails_from": 99}])
    run_sweep(made, tmp_path, engine="batch:size=2")
    one, other = (tmp_path / member.name for member in made)
    assert of_others(one) == of_others(other) and arrays(one).items() < arrays(other).items()
    assert [json.loads(line).get("failed", {}).keys() for line in rows(one)[-1:]] == [{"bad"}]
    assert "failed" not in (other / "metrics.jsonl").read_text()
    said = [standing.said for standing in SweepFolder(made, tmp_path, lambda _: None).standings]
    assert said[0].startswith("bad failed at 3 events, first at step 4") and said[1] == ""


def test_the_table_of_a_sweep_says_which_probes_failed(tmp_path):
    made = members(failing(), [{"seed": 0}])
    found = run_sweep(made, tmp_path, engine=Here())
    assert [(standing.state, standing.said[:20]) for standing in found] == [("finished", "bad failed at step 4")]
    assert "bad failed at step 4" in (tmp_path / "sweep.csv").read_text()


@pytest.mark.parametrize("how", ["nan", "infinite"])
def test_numbers_that_are_none_any_more_are_told_of_once(how, tmp_path, caplog):
    run = train(failing(fails_until=99, how=how), tmp_path)
    told = [record.getMessage() for record in caplog.records if "is not finite at step" in record.getMessage()]
    if how == "nan":
        assert told == ["probe bad: bad/calls is not finite at step 4, and was before"]
        assert [row["nonfinite"] for row in run.rows if "nonfinite" in row] == [{"bad/calls": "nan"}] * 3
        assert Outcome("accuracy", run.rows).mishaps == ["bad/calls is no number since step 4"]
        assert Outcome("accuracy", [*run.rows, {"step": 99, "bad/calls": 1.0}]).mishaps == []


def test_small_types_are_stored_as_numbers(tmp_path):
    run = train(failing(4, name="half_precision"), tmp_path)
    many, small = run.arrays("bad/many")[4], run.arrays("bad/small")[4]
    assert many.dtype == np.float32 and many.tolist() == [0.0, 0.25, 0.5]
    assert small.dtype == np.int32 and small.tolist() == [0, 1, 2]
    assert run.series("bad/one")[1].tolist() == [0.5, 0.5, 0.5]


def test_rows_are_completed_and_cut_with_what_they_say_of_failures():
    row = {"step": 4, "seconds": 1.0, "a/x": 1.0, "nonfinite": {"a/x": "nan"}, "failed": {"b": "B"}}
    more = {"step": 4, "seconds": 2.0, "failed": {"a2": "A"}}
    assert list(completed(row, more).items())[-1] == ("failed", {"a2": "A", "b": "B"})
    assert completed(row, {"step": 4, "seconds": 2.0})["failed"] == {"b": "B"}
    assert only_due(row, ("a",), ("a", "b")) == {name: value for name, value in row.items() if name != "failed"}
    assert only_due(row, ("b",), ("a", "b")) == {"step": 4, "seconds": 1.0, "failed": {"b": "B"}}


def test_an_array_with_names_and_a_number_beyond_every_float_are_kept_as_they_are(tmp_path):
    pairs = np.zeros(3, [("a", int), ("b", float)])
    assert _storable(pairs) is pairs
    assert json_number(np.longdouble("1e4000")) == "inf" and json_number(np.longdouble(0.5)) == 0.5
