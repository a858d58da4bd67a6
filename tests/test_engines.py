"""Engines as plugins: their fields, and members that are trained in the process of the command itself."""

import dataclasses

import pytest

from framework import Engine, Penalty, field, register, run_sweep
from framework.config import members
from framework.errors import UserError
from framework.storage import Lock
from framework.sweep import check_engine, train_here
from tests.dying_members import config, states

pytestmark = pytest.mark.usefixtures("clean_registry", "programs")


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


def test_an_engine_in_this_process_leaves_what_others_write_and_goes_on_after_any_exception(tmp_path):
    @register("here")
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Here(Engine):
        """Each member in this process."""

        def train(self, sweep, jobs, stop):
            for name in sweep.in_state("waiting"):
                train_here(sweep, name)

    @register("explodes")
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Explodes(Penalty):
        """Raises what nobody expects."""

        def __call__(self, params):
            raise ValueError("boom")

    swept_here = members(config(), [{"seed": 0}, {"penalty": {"name": "explodes"}}, {"seed": 2}])
    (tmp_path / "runs" / swept_here[0].name).mkdir(parents=True)
    with Lock(tmp_path / "runs" / swept_here[0].name / "LOCK"):
        found = run_sweep(swept_here, tmp_path / "runs", engine="here")
    assert states(found) == ["elsewhere", "failed", "finished"]
    assert found[1].said == "ValueError: boom" and "Traceback" in (tmp_path / "runs" / found[1].log).read_text()
