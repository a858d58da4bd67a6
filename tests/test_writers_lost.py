"""Writers that are gone, taken away or exchanged: the run goes on, and nothing else of its folder is touched."""

import numpy as np
import pytest

from framework import load_run, registry, train
from framework.cli import run_command
from framework.config import experiment, override, select
from framework.errors import UserError
from framework.run.writers.histograms import of
from tests.helpers import leaves, rows, tiny

MINE = '''
"""A writer of one's own."""

from dataclasses import dataclass

from framework import Pen, Writer, register


@register("my_writer")
@dataclass(frozen=True, kw_only=True)
class Mine(Writer):
    """Notes each row in a file."""

    def begin(self, about, rows):
        return Open(about.folder / "notes.txt")


class Open(Pen):
    def __init__(self, file):
        self._file = file

    def row(self, row):
        with open(self._file, "a") as file:
            file.write(f"{row.step}\\n")

    def end(self, how):
        pass
'''

pytestmark = pytest.mark.usefixtures("clean_registry")


def test_a_run_goes_on_without_a_writer_whose_file_is_gone(tmp_path, warnings_said, capfd):
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    config = tiny(4, probes={}, plugins=(str(file),), writers={"mine": select("my_writer")})
    train(config, tmp_path / "run")
    assert not warnings_said
    assert (tmp_path / "run" / "mine" / "notes.txt").read_text().split() == ["0", "2", "4"], warnings_said
    file.unlink()
    registry._entries.pop(("writer", "my_writer"))
    registry._loaded.discard(str(file))
    assert len(load_run(tmp_path / "run").rows) == 3
    assert run_command(["run", f"--workdir={tmp_path / 'run'}", "--config.steps=6"]) == 0
    assert any("writers.mine: the plugin my_writer is gone, and the run goes on without this writer" in said for said in warnings_said)
    train(tiny(6, probes={}, plugins=()), tmp_path / "whole")
    assert rows(tmp_path / "run") == rows(tmp_path / "whole") and leaves(tmp_path / "run") == leaves(tmp_path / "whole")


def test_what_is_taken_away_must_be_there():
    config = tiny(probes={"norms": select("norms")})
    assert "norms" not in override(config, {"probes.norms.name": "none"}).probes
    with pytest.raises(UserError, match=r"probes.norm.name=none: there is no probes.norm to take away. Did you mean 'norms'"):
        override(config, {"probes.norm.name": "none"})
    plain = experiment(**{part: config[part] for part in ("task", "model", "optimizer")}, writers={})
    assert override(plain, {"recording.tensorboard": "false"}).writers.to_dict() == {}, "an older field may say no to what is not there"


def test_tensorboard_removes_no_file_that_is_not_its_own(tmp_path):
    notes = tmp_path / "run" / "notes"
    train(tiny(2, writers={"notes": select("tensorboard")}), tmp_path / "run")
    (notes / "thesis.txt").write_text("months of work")
    (before,) = notes.glob("*.tfevents.*")
    train(tiny(4, writers={"notes": select("tensorboard")}), tmp_path / "run")
    assert (notes / "thesis.txt").read_text() == "months of work"
    (after,) = notes.glob("*.tfevents.*")
    assert before != after


@pytest.mark.parametrize(
    "values", [[1.0, 1.0 + 2e-15], [0.0], [], [5.0, 5.0], [-1e308, 1e308], [np.nan, np.inf, 3.0], [0.0, 5e-324], list(range(100))]
)
def test_every_array_has_a_histogram_of_its_finite_numbers(values):
    found = of(np.asarray(values, float))
    assert found.counts.sum() == np.isfinite(values).sum() and len(found.edges) == len(found.counts) + 1
    assert np.isfinite(found.edges).all() and (np.diff(found.edges) > 0).all()
