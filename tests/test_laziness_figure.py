"""The diagram of laziness: a planted regime is found where it was planted, and numbers stand in their cells."""

import csv
import io

import numpy as np
import pytest

from framework import Experiment, Panel
from framework.config import experiment, select
from framework.pictures import HeatMap, as_csv, draw, new_figure
from framework.run import Run
from plugins import shapes
from plugins.figures.laziness import LazinessDiagram

FITTED = 10
# (width, α) → what the kernel had moved when fitted, of ‖Θ_0‖; its change at the end against that; whether it groks
PLANTED = {(4, 1.0): (300.0, 4.0, True), (16, 1.0): (3.0, 200.0, True), (4, 4.0): (0.4, 3.0, False), (16, 4.0): (0.04, 20.0, True)}


def run(width, alpha, moved, later, groks, seed=0):
    """A run that fits at step 10, where its kernel has moved that much, and may grok at 1,000."""
    config = experiment(
        task=select("modular_addition", p=11, train_size="60%"),
        model=select("quadratic", width=str(width), init_scale=alpha),
        optimizer=select("normalized_gd"),
        seed=seed,
    )
    rows = [
        {"step": step, "train/loss": 0.0, "train/accuracy": float(step >= FITTED), "test/accuracy": 1.0 if groks and step > 100 else 0.2}
        | {shapes.RELATIVE: size, shapes.DRIFT: 7 * size, shapes.COSINE: max(0.999, 1 - size) if size < 1 else 0.9}
        for step, size in ((0, 0.0), (1, moved / 10), (FITTED, moved), (100, moved * later / 2), (1000, moved * later))
    ]
    return Run(experiment=Experiment.from_config(config), rows=rows)


def picture(planted, seeds=1):
    return LazinessDiagram().picture([run(*place, *numbers, seed) for place, numbers in planted.items() for seed in range(seeds)])


def test_the_regime_is_found_where_it_was_planted_and_the_paper_s_sentence_apart_from_it():
    found, whole, at_one, wider = picture(PLANTED).verdicts
    assert found.seen and (found.measured["that grok"], found.measured["that do both"], found.measured["settings"]) == (3, 1, 4)
    assert found.measured["h = 16, α = 4: change when fitted ÷ ‖Θ_0‖"] == pytest.approx(0.04)
    assert found.measured["h = 16, α = 4: step grokked"] == 1000
    assert not any(key.startswith("h = 4,") for key in found.measured)
    assert not whole.seen and whole.measured["h = 16, α = 1: change when fitted ÷ change at the end"] == pytest.approx(1 / 200)
    assert not at_one.seen and at_one.measured["h = 16, α = 1: change when fitted ÷ ‖Θ_0‖"] == pytest.approx(3)
    assert wider.seen and wider.measured["change when fitted ÷ ‖Θ_0‖, α = 1, widest ÷ narrowest"] == pytest.approx(0.01)


def test_what_never_groks_or_moves_more_when_wider_is_not_seen_and_all_of_it_is_where_it_is():
    never = {place: (moved, later, False) for place, (moved, later, _) in PLANTED.items()}
    assert not picture(never).verdicts[0].seen
    swapped = PLANTED | {(16, 1.0): PLANTED[4, 1.0], (4, 1.0): PLANTED[16, 1.0]}
    assert not picture(swapped).verdicts[3].seen
    assert all(verdict.seen for verdict in picture(PLANTED | {(16, 1.0): (0.04, 500.0, True)}).verdicts)


def test_one_seed_that_does_not_grok_or_is_not_lazy_counts():
    runs = [run(*place, *numbers) for place, numbers in PLANTED.items()]
    assert not LazinessDiagram().picture([*runs, run(16, 4.0, 0.04, 20.0, False, seed=1)]).verdicts[0].seen
    assert not LazinessDiagram().picture([*runs, run(16, 4.0, 0.2, 20.0, True, seed=1)]).verdicts[0].seen


def test_each_number_stands_in_the_cell_of_its_width_and_scale():
    (moved, _), (share, steps), panels = picture(PLANTED).rows
    assert all(isinstance(heat, HeatMap) for heat in (moved, share, steps)) and all(isinstance(panel, Panel) for panel in panels)
    assert moved.x.values == [4, 16] and moved.y.values == [1.0, 4.0]
    np.testing.assert_allclose(moved.values, [[300, 3], [0.4, 0.04]])
    np.testing.assert_allclose(share.values, [[1 / 4, 1 / 200], [1 / 3, 1 / 20]])
    assert steps.words == [["1,000", "1,000"], ["test 0.20", "1,000"]] and steps.hatched.tolist() == [[False, False], [True, False]]
    assert "laziest that groks: h = 16, α = 4" in panels[0].title


def test_a_setting_without_a_run_is_an_empty_cell():
    some = {place: numbers for place, numbers in PLANTED.items() if place != (16, 4.0)}
    moved = picture(some).rows[0][0]
    assert np.isnan(moved.values[1, 1]) and not moved.hatched[1, 1] and moved.words[1][1] == ""


def test_heat_maps_and_curves_share_a_picture_and_its_table():
    rows = picture(PLANTED, seeds=2).rows
    axes = draw(new_figure(), rows)
    assert [text.get_text() for text in axes[0][0].texts] == ["3e+02", "3", "0.4", "0.04"]
    table = list(csv.reader(io.StringIO(as_csv([panel for row in rows for panel in row]))))
    moved = [float(y) for panel, _, curve, x, y in table if panel.startswith("Change when fitted ÷ ‖") and (curve, x) == ("α = 4", "16")]
    assert moved == pytest.approx([0.04])
    assert ["Step of grokking", "step of grokking", "α = 4", "4", ""] in table
