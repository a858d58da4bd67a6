"""Engines as plugins: their fields, and members that are trained in the process of the command itself."""

import csv
import dataclasses
import json
import os
import signal

import pytest

from framework import Engine, Penalty, Probe, field, register, run_sweep, train
from framework.cli.training.screen import exit_code
from framework.config import members, override
from framework.errors import Interrupted, UserError
from framework.storage import Lock
from framework.sweep import check_engine
from tests.dying_members import config, states
from tests.helpers import Here

pytestmark = pytest.mark.usefixtures("clean_registry")


def test_an_engine_is_given_its_fields_after_its_name():
    @register("shared_out")
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class SharedOut(Engine):
        """Nothing."""

        share: float = field(1.0, "a share")

        def train(self, sweep, jobs, stop):
            pass

    assert check_engine("shared_out:share=0.5", 1).share == 0.5
    with pytest.raises(UserError, match=r"shar: there is no such field. Did you mean 'share'"):
        check_engine("shared_out:shar=0.5", 1)


class Wordless(ValueError):
    """Says nothing, and not even that."""

    def __str__(self):
        raise RuntimeError("no words")


ANY = [(ValueError("boom"), "ValueError: boom"), (Wordless(), "Wordless")]


@pytest.mark.parametrize(("error", "said"), ANY, ids=["in words", "without a word"])
def test_an_engine_in_this_process_leaves_what_others_write_and_goes_on_after_any_exception(tmp_path, error, said):
    @register("explodes")
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Explodes(Penalty):
        """Raises what nobody expects."""

        def __call__(self, params):
            raise error

    swept_here = members(config(), [{"seed": 0}, {"penalty": {"name": "explodes"}}, {"seed": 2}])
    (tmp_path / "runs" / swept_here[0].name).mkdir(parents=True)
    with Lock(tmp_path / "runs" / swept_here[0].name / "LOCK"):
        found = run_sweep(swept_here, tmp_path / "runs", engine=Here())
    assert states(found) == ["elsewhere", "failed", "finished"]
    assert found[1].said == said and "Traceback" in (tmp_path / "runs" / found[1].log).read_text()


def test_a_signal_that_stops_a_run_in_this_process_stops_the_sweep_around_it(tmp_path):
    @register("asks_to_stop")
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class AsksToStop(Probe):
        """Sends SIGTERM to this process at step 2."""

        compiled = False

        def measure(self, params, context, state):
            if int(context.step) == 2:
                os.kill(os.getpid(), signal.SIGTERM)
            return {"one": 1.0}, state

    base = override(config(), {"probes.stop.name": "asks_to_stop"})
    with pytest.raises(Interrupted, match="0 of 2 members are finished, 1 stopped"):
        run_sweep(members(base, [{"seed": 0}, {"seed": 1}]), tmp_path / "runs", engine=Here())
    assert (tmp_path / "runs" / "seed=0").is_dir() and not (tmp_path / "runs" / "seed=1").exists()


def test_the_curves_of_a_member_are_drawn_when_somebody_looks_at_it(tmp_path):
    (member,) = members(override(config(), {"recording.plot": "true"}), [{"seed": 3}])
    assert states(run_sweep([member], tmp_path / "runs", engine=Here())) == ["finished"]
    folder = tmp_path / "runs" / member.name
    assert json.loads((folder / "config.json").read_text())["recording"]["plot"] is True
    assert not (folder / "figures").exists()
    before = (folder / "metrics.jsonl").read_bytes()
    train(member.config, folder)
    assert (folder / "figures" / "curves.png").is_file() and (folder / "metrics.jsonl").read_bytes() == before


@dataclasses.dataclass(frozen=True, kw_only=True)
class Says(Engine):
    """Says what it is told to say of the first member, and trains none."""

    state: str = field("", "the state that it says; empty: none")
    why_not: str = field("", "why it cannot train here")
    wait: bool = field(True, "whether it waits for the jobs that it leaves behind")

    def refusal(self):
        return self.why_not

    def train(self, sweep, jobs, stop):
        if self.state:
            sweep.mark("seed=0", self.state)


@pytest.mark.parametrize(
    ("state", "wait", "found", "said"),
    [
        ("finished", True, ["failed", "waiting"], "the engine Says says that it is finished, and its run is not"),
        ("running", True, ["waiting", "waiting"], "the engine Says has returned without training it to its end"),
        ("", True, ["waiting", "waiting"], "the engine Says has returned without training it to its end"),
        ("queued", False, ["queued", "waiting"], ""),
        ("failed", True, ["failed", "waiting"], ""),
    ],
)
def test_what_an_engine_says_is_compared_with_the_files(state, wait, found, said, tmp_path):
    standings = run_sweep(members(config(), [{"seed": 0}, {"seed": 1}]), tmp_path / "runs", engine=Says(state=state, wait=wait))
    assert states(standings) == found and standings[0].said == said
    assert exit_code(standings) == (1 if wait else 0)
    with (tmp_path / "runs" / "sweep.csv").open() as table:
        assert [(row["state"], row["said"]) for row in csv.DictReader(table)] == [(one.state, one.said) for one in standings]


def test_a_state_that_no_member_can_have_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"the member 'seed=0' as 'odd\\nstate': the states of a member are waiting, running, finished"):
        run_sweep(members(config(), [{"seed": 0}]), tmp_path / "runs", engine=Says(state="odd\nstate"))
    with pytest.raises(UserError, match="the member 'seed=0' as 'finished': the sweep has no such member"):
        run_sweep(members(config(), [{"seed": 1}]), tmp_path / "other", engine=Says(state="finished"))


def test_an_engine_that_cannot_train_here_is_not_asked_to(tmp_path):
    with pytest.raises(UserError, match="there is no cluster"):
        run_sweep(members(config(), [{"seed": 0}]), tmp_path / "runs", engine=Says(why_not="there is no cluster"))
    assert not (tmp_path / "runs").exists()
