"""Pictures of runs mark the steps at which interventions were made."""

import dataclasses

import numpy as np
import pytest

from framework import train
from framework.config import override, select
from framework.pictures import Curve, Panel, draw, new_figure
from framework.reading import curves, draw_curves, draw_probe, probe_pictures
from framework.reading.curves import moments_of
from tests.changed_runs import changed, plain

pytestmark = pytest.mark.usefixtures("clean_registry")

MADE = {"cut": select("scale", schedule="at 5", factor=0.5), "zero": select("reset_optimizer", schedule="every 4")}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    probes = {"norms": select("norms", schedule="every 2")}
    return train(plain(8, interventions=MADE, probes=probes), tmp_path_factory.mktemp("marked") / "run")


def drawn(monkeypatch, room, call):
    """The panels of the figure that a call draws."""
    figure = new_figure()
    monkeypatch.setattr(room, "new_figure", lambda *_: figure)
    call()
    return [axes for axes in figure.axes if axes.get_visible()]


def lines_of(axes):
    """The places of its thin lines."""
    return sorted(segment[0][0] for lines in axes.collections for segment in lines.get_segments())


def test_each_step_of_each_intervention_has_a_line_and_its_name(run, tmp_path, monkeypatch):
    panels = drawn(monkeypatch, curves, lambda: draw_curves([run], tmp_path / "x.png"))
    assert len(panels) == 2
    for axes in panels:
        assert lines_of(axes) == [0.5, 4, 5, 8]  # step 0 stands at ½
        places = {text.get_text(): text.get_position()[0] for text in axes.texts}
        assert (places["cut"], places["zero"]) == (5, 0.5)


def test_the_picture_of_a_probe_has_them_too(run, tmp_path, monkeypatch):
    panels = drawn(monkeypatch, probe_pictures, lambda: draw_probe(run, "norms", tmp_path / "x.png"))
    assert panels and all(lines_of(axes) == [0.5, 4, 5, 8] for axes in panels)


def test_they_change_no_axis():
    curve = Curve("a", [1, 2, 3], [1e-8, 1e-7, 1e-6])
    plain_panel = Panel("", "step", "loss", [curve], log_y=True)
    limits = []
    for panel in (plain_panel, dataclasses.replace(plain_panel, moments={"far": [100], "near": [2]})):
        [[axes]] = draw(new_figure(), [[panel]])
        limits.append((axes.get_xlim(), axes.get_ylim()))
    np.testing.assert_allclose(limits[0], limits[1])


def test_of_several_runs_only_what_all_have_at_the_same_steps_is_marked(run):
    other = train(override(run.config, {"interventions.cut.schedule": "at 6", "seed": 1}))
    assert moments_of([run]) == {"cut": [5], "zero": [0, 4, 8]}
    assert moments_of([run, other]) == {"zero": [0, 4, 8]}
    assert moments_of([run, train(plain(8))]) == {}


def test_a_fork_has_those_of_the_run_before_it(run, tmp_path):
    changes = {"fork_of": f"{run.path}@4", "interventions.cut.schedule": "at 7"}
    fork = train(override(run.config, changes), tmp_path / "fork")
    assert moments_of([fork]) == {"zero": [0, 4, 8], "cut": [7]}


def test_one_that_was_not_made_yet_is_not_marked():
    assert moments_of([train(changed("scale", 3))]) == {}
