"""Pictures of many runs: which number stands in which cell, what is hatched, how wide a band is, which exponent is found."""

import csv
import json
import math

import numpy as np
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.text import Text
from PIL import Image

from framework import collect
from framework.cli import run_command
from framework.pictures import LEVELS, Axis, Curve, Panel, draw, new_figure, rendered, spacing
from framework.records.pictures import draw_bands, draw_collapse, draw_map, points
from framework.records.pictures.bands import interval
from framework.records.pictures.collapses import bootstrap
from tests.runs_by_hand import rows_of, write_run

RATE, DECAY = "optimizer.learning_rate", "optimizer.weight_decay"
NEVER, AT_20, AT_30 = [0.1, 0.1, 0.1, 0.1], [0.1, 0.1, 1.0, 1.0], [0.1, 0.1, 0.1, 1.0]


def table_of(file):
    with open(file, newline="") as text:
        return list(csv.DictReader(text))


@pytest.fixture
def grid(tmp_path):
    """Three rates and two decays, two seeds each: all grok, one of two does, none does, one is not over, one is not there."""
    tests = {
        (0.01, 0.1): (NEVER, NEVER),
        (0.1, 0.1): (AT_20, NEVER),
        (1.0, 0.1): (AT_20, AT_30),
        (0.01, 1.0): (AT_30, AT_30),
        (0.1, 1.0): (AT_20, AT_20),
    }
    for (rate, decay), seeds in tests.items():
        for seed, test in enumerate(seeds):
            write_run(tmp_path / f"{rate},{decay},{seed}", {RATE: rate, DECAY: decay, "seed": seed}, rows_of(test))
    write_run(tmp_path / "on", {RATE: 1.0, DECAY: 1.0}, rows_of(NEVER), "killed, or still running")
    return tmp_path


def test_a_cell_is_the_mean_over_the_seeds_in_which_it_happened(grid):
    picture, data = draw_map(collect(grid, columns=["grokked"]), RATE, DECAY, "grokked", grid / "map.png")
    cells = {(row[RATE], row[DECAY]): [row["mean grokked"], row["runs"], row["happened"], row["share"]] for row in table_of(data)}
    assert cells == {
        ("0.01", "0.1"): ["", "2", "0", "0.0"],
        ("0.1", "0.1"): ["20.0", "2", "1", "0.5"],
        ("1.0", "0.1"): ["25.0", "2", "2", "1.0"],
        ("0.01", "1.0"): ["30.0", "2", "2", "1.0"],
        ("0.1", "1.0"): ["20.0", "2", "2", "1.0"],
    }
    with Image.open(picture) as image:
        assert image.size[0] > 800 and '"color": "grokked"' in image.text["Description"]


def drawn_map(grid, monkeypatch, y=DECAY, **keywords):
    """The heat map as data."""
    kept = []
    monkeypatch.setattr("framework.records.pictures.maps.draw_heat_map", lambda figure, heat: kept.append(heat))
    draw_map(collect(grid, columns=["grokked"]), RATE, y, "grokked", grid / "map.png", **keywords)
    return kept[0]


def test_where_it_never_happened_is_hatched_and_where_no_run_is_over_is_left_white(grid, monkeypatch):
    heat = drawn_map(grid, monkeypatch)
    assert heat.hatched.tolist() == [[True, False, False], [False, False, False]]
    assert np.isnan(heat.values).tolist() == [[True, False, False], [False, False, True]]
    assert heat.words == [["", "1/2", ""], ["", "", ""]]
    assert heat.title == "Step from which test accuracy stays at 0.99\nmean over the runs in which it happened, 2 seeds in each cell"
    assert heat.caption == (
        "hatched: it happened in none of the runs; 1/2: in so many of the runs; white: no run; not shown: 1 run that is not over\n"
        "modular addition, quadratic, adamw, 10 runs"
    )
    assert (heat.x.label, heat.x.kind, heat.y.label) == (
        "learning rate (optimizer.learning_rate)",
        "log",
        "weight decay (optimizer.weight_decay)",
    )
    share = drawn_map(grid, monkeypatch, share=True)
    assert share.values[0].tolist() == [0, 0.5, 1] and share.title.startswith("Share of the runs that grokked")
    assert share.limits == (0, 1), "the brightest colour is all runs, also where the largest share is smaller"
    over_seed = drawn_map(grid, monkeypatch, y="seed")
    assert over_seed.title.endswith(f"1 to 2 runs that differ in {DECAY} in each cell"), "in a cell there is one seed"


def test_a_run_that_lies_in_two_folders_is_one_sample(grid, monkeypatch):
    write_run(grid / "copies" / "again", {RATE: 0.1, DECAY: 0.1, "seed": 1}, rows_of(NEVER))
    heat = drawn_map(grid, monkeypatch)
    assert heat.words[0][1] == "1/2" and "not shown: 1 run that is not over, 1 run that is another one again" in heat.caption


def test_an_axis_may_be_a_list(grid, capfd):
    write_run(grid / "listed", {"task.coefficients": [1, 2], RATE: 0.1, DECAY: 0.1}, rows_of(AT_20))
    write_run(grid / "other", {"task.coefficients": [1, 3], RATE: 0.1, DECAY: 0.1}, rows_of(NEVER))
    assert run_command(["plot", str(grid), "--x=task.coefficients", f"--y={DECAY}", "--color=grokked"]) == 0
    out, err = capfd.readouterr()
    assert "Warning" not in err and [row["task.coefficients"] for row in table_of(out.split()[1])] == ["[1, 2]", "[1, 3]"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0.001, 0.003, 0.01, 0.03], "log"),
        ([1, 2, 4, 8], "log"),
        ([0.1, 0.2, 0.3, 0.4], "linear"),
        ([7, 11, 13, 17], "linear"),
        ([0, 0.1, 0.3, 1, 3], "words"),
        (["adamw", "gd"], "words"),
        ([5], "words"),
    ],
)
def test_an_axis_is_to_scale_where_its_values_are_evenly_spaced(values, kind):
    assert spacing(values) == kind


def test_cells_meet_half_way_between_values():
    assert Axis("", [1, 100, 10_000]).edges == pytest.approx([0.1, 10, 1_000, 100_000])
    assert Axis("", [1, 2, 3]).edges == pytest.approx([0.5, 1.5, 2.5, 3.5])
    assert Axis("", ["a", "b"]).edges == pytest.approx([-0.5, 0.5, 1.5])


def test_the_interval_of_a_mean_is_students():
    mean, half = interval([1.0, 2.0, 3.0])
    assert mean == 2 and half == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)  # t of 0.975 with two degrees of freedom, from a table
    assert math.isnan(interval([1.0])[1])


def test_a_band_is_drawn_for_each_setting_of_the_other_fields(tmp_path):
    for p in (7, 11):
        for width in ("28", "44"):
            for seed in range(3):
                changes = {"task.p": p, "model.width": width, "seed": seed, "recording.plot": bool(seed)}
                write_run(tmp_path / f"{p},{width},{seed}", changes, rows_of([0.1], **{"norms/linf": p + seed + (width == "44")}))
    _, data = draw_bands(collect(tmp_path, columns=["norms/linf"]), "task.p", "norms/linf", tmp_path / "band.png")
    rows = table_of(data)
    assert [(row["curve"], row["task.p"], row["mean norms/linf"], row["runs"]) for row in rows] == [
        ("width 28", "7.0", "8.0", "3"),
        ("width 28", "11.0", "12.0", "3"),
        ("width 44", "7.0", "9.0", "3"),
        ("width 44", "11.0", "13.0", "3"),
    ]
    assert float(rows[0]["high"]) - float(rows[0]["low"]) == pytest.approx(2 * 4.302653 / math.sqrt(3), rel=1e-6)


def test_dollars_in_values_of_fields_begin_no_formula(tmp_path, monkeypatch):
    made, render = [], points.rendered
    monkeypatch.setattr(points, "rendered", lambda figure, *rest: made.append(figure) or render(figure, *rest))
    for p in (7, 11):
        for name in ("$x$", "$\\bad{$"):
            changes = {"task.p": p, "model.$w$": name, "task.$s$": 1 + (p == 7)}
            write_run(tmp_path / f"{p}{name}", changes, rows_of([0.1], **{"norms/$y$": p}))
    table = collect(tmp_path, columns=["norms/$y$"])
    _, data = draw_bands(table, "task.p", "norms/$y$", tmp_path / "band.png")
    assert "$w$ $x$" in {row["curve"] for row in table_of(data)}
    draw_map(table, "task.p", "model.$w$", "norms/$y$", tmp_path / "map.png")
    words = [text.get_text() for figure in made for text in figure.findobj(Text) if "$" in text.get_text()]
    assert len(words) >= 6 and not [one for one in words if any(map(is_math_text, one.split("\n"))) and "mathdefault" not in one]
    assert {"$x$", "$\\bad{$"} <= {one.replace("\\$", "$") for one in words}


@pytest.mark.parametrize(
    ("label", "values", "top"),
    [("step from which test accuracy stays at 0.99", [794, 2512], 2512), ("test accuracy", [0.1, 0.6], 1.04)],
)
def test_an_axis_ends_at_1_for_accuracies_and_not_for_steps_that_are_named_after_them(label, values, top):
    [[axes]] = draw(new_figure(), [[Panel("", "decay", label, [Curve("mean", [1, 2], values)], "log")]])
    low, high = axes.get_ylim()
    assert low < values[0] and values[1] <= top <= high < 1.5 * top


def logistic(n, p, power, shift=0.0):
    return float(1 / (1 + np.exp(-6 * (np.log(n / p**power) - shift))))


@pytest.mark.parametrize("falls", [False, True])
def test_the_exponent_of_a_collapse_and_its_interval_are_found(tmp_path, falls, monkeypatch):
    """Accuracy is a logistic function of log(n / p^1.5), shifted a little for each seed."""
    monkeypatch.setattr("framework.records.pictures.collapses.DRAWS", 200)
    shifts = np.random.default_rng(1).normal(0, 0.05, (4, 3))
    for row, p in enumerate((11, 17, 23, 31)):
        for seed in range(3):
            for n in map(round, np.geomspace(0.2, 5, 7) * p**1.5):
                value = logistic(n, p, 1.5, shifts[row, seed])
                changes = {"task.p": p, "seed": seed, "task.train_size": f"{n}"}
                rows = rows_of([0.1], curve=1 - value if falls else value)
                write_run(tmp_path / f"{p},{seed},{n}", changes, rows, examples={"train": n})
    picture, data = draw_collapse(
        collect(tmp_path, columns=["examples", "curve", "task.p"]), "examples", "curve", "task.p", tmp_path / "c.png"
    )
    with Image.open(picture) as image:
        about = json.loads(image.text["Description"])
    low, high = about["interval"]
    assert low < 1.5 < high and high - low < 0.3 and low < about["exponent"] < high
    row = table_of(data)[0]
    assert float(row["examples / task.p^e"]) == pytest.approx(float(row["examples"]) / 11 ** about["exponent"])


def test_one_seed_gives_an_exponent_without_an_interval():
    curve = {float(n): n / 20 for n in (1, 5, 10, 15, 20)}
    assert bootstrap({11.0: [curve], 22.0: [curve]}, 1.0, LEVELS) is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--x=optimizer.lerning_rate", f"--y={DECAY}", "--color=grokked"],
            "'optimizer.lerning_rate' is no field and no column of these runs. Did you mean 'optimizer.learning_rate'?",
        ),
        ([f"--x={RATE}", f"--y={DECAY}", "--color=groked"], "Did you mean 'grokked'?"),
        ([f"--x={RATE}", f"--y={DECAY}", "--color=optimizer"], "optimizer is 'adamw' in"),
        ([f"--x={RATE}", f"--y={DECAY}"], "--x needs --y=FIELD and --color=COLUMN for a heat map, or --value=COLUMN for a curve"),
        ([f"--x={RATE}", "--value=test", "--share"], "--share does not go with --value"),
        ([f"--x={RATE}", "--value=test", "--collapse"], f"Besides {RATE}, the runs differ in these numbers: model.width, {DECAY}"),
        ([f"--x={RATE}", "--value=test", "--collapse=seed"], f"the runs also differ in {DECAY}"),
        ([f"--x={RATE}", f"--y={RATE}", "--color=grokked"], f"--x={RATE} and --y={RATE} are the same: a heat map needs two fields"),
        (["--y=seed"], "--y needs --x=FIELD"),
        (["--x=task.train_size", "--value=test"], "task.train_size is '50%' in"),
        ([f"--x={RATE}", "--value=test", "--band=runs"], "invalid choice: 'runs'"),
    ],
)
def test_mistakes_are_a_sentence(grid, words, message, capfd):
    if words[-1] == "--collapse":
        write_run(grid / "wide", {"model.width": "12"}, rows_of([0.1]))
    assert run_command(["plot", str(grid), *words]) == 2
    err = capfd.readouterr().err
    assert message in err and "Traceback" not in err
    assert not (grid / "figures").exists()


def test_the_command_draws_beside_the_runs(grid, capfd):
    assert run_command(["plot", str(grid), f"--x={RATE}", "--value=test"]) == 0
    name = grid / "figures" / "optimizer.learning_rate_test"
    assert capfd.readouterr().out.split() == [f"{name}.png", f"{name}.csv"]
    assert run_command(["plot", str(grid), f"--x={RATE}", f"--y={DECAY}", "--color=grokked", f"--output={grid}/map.png"]) == 0
    assert (grid / "map.csv").is_file()


@pytest.mark.parametrize(("values", "scale"), [([-1.0, -2.0], "linear"), ([0.0, 0.0], "linear"), ([-1.0, 2.0], "log")])
def test_a_loss_that_is_never_positive_is_drawn_on_a_linear_axis(values, scale):
    figure = new_figure()
    [[axes]] = draw(figure, [[Panel("", "step", "loss", [Curve("train", [0, 1], values)], log_y=True)]])
    assert axes.get_yscale() == scale
    rendered(figure, "png")
