import re
import shutil
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.text import Text
from PIL import Image

from framework import build, load_run, train
from framework.cli import run_command
from framework.config import select
from framework.errors import FieldError, UserError
from framework.pictures import new_figure, rendered
from framework.reading import columns_of, draw_probe, figure_of_probe, finish
from framework.reading.probe_pictures import draw_columns, pick_events
from tests.constructions import all_inputs
from tests.helpers import slow_but
from tests.runs_by_hand import rows_of, write_run
from tests.small_runs import TASKS, small_config

pytestmark = pytest.mark.usefixtures("quick_compilation")

PROBES = ("norms", "margins", "fourier", "progress_measures", "sharpness", "laziness", "grokking", "weights")


@pytest.fixture(scope="module", params=slow_but(lambda task: task == "modular_addition", TASKS))
def run(request, tmp_path_factory):
    probes = {f"my_{name}": select(name, schedule="log 3") for name in PROBES}
    probes["my_sharpness"] |= {"iterations": 5, "samples": 2}
    probes["my_weights"] |= {"hidden": True, "points": "population"}
    return train(small_config(probes, request.param, events={"metrics": "log 3"}), tmp_path_factory.mktemp("run") / "run")


def text_of(figure):
    return " ".join(text.get_text() for text in figure.findobj(Text))


@pytest.mark.parametrize("name", PROBES)
def test_every_probe_draws_itself_with_its_numbers_beside_it(run, name, capsys):
    assert run_command(["plot", str(run.path), f"--probe=my_{name}"]) == 0
    picture, table = capsys.readouterr().out.split()
    image = matplotlib.image.imread(picture)
    assert picture.endswith(f"figures/my_{name}.png") and image.shape[1] >= 1000 and image[..., :3].std() > 0.03
    header = Path(table).read_text(encoding="utf-8").splitlines()[0].split(",")
    assert header[2:] == columns_of(run, f"my_{name}") and all(column.startswith(f"my_{name}/") for column in header[2:])


@pytest.mark.parametrize("words", [[], ["--probe=my_fourier"], ["--metrics", "my_norms/linf"]])
def test_a_run_is_drawn_for_a_paper(run, words, tmp_path, capfd):
    output = tmp_path / "figure.pdf"
    assert run_command(["plot", str(run.path), *words, "--style=paper", "--width=single", f"--output={output}"]) == 0
    assert "Warning" not in capfd.readouterr().err
    pdf = output.read_bytes()
    assert b"/MediaBox [ 0 0 234 " in pdf and b"/FontFile2" in pdf and b"/Type3" not in pdf


def test_what_probes_kept_is_a_movie(run, tmp_path, capfd):
    output = tmp_path / "power.gif"
    assert run_command(["movie", str(run.path), "--probe=my_fourier", f"--output={output}"]) == 0
    with Image.open(output) as movie:
        assert movie.n_frames == len(run.arrays("my_fourier/power"))
    assert run_command(["movie", str(run.path), "--probe=my_norms", f"--output={output}"]) == 2
    assert "Probes that do: my_fourier, my_weights" in capfd.readouterr().err


def test_another_probe_is_refused_and_the_nearest_named(run, tmp_path):
    with pytest.raises(UserError, match="Did you mean 'my_norms'"):
        draw_probe(run, "my_norm", tmp_path / "x.png")


def test_the_default_puts_splits_and_matrices_of_a_quantity_in_one_panel(run):
    figure = new_figure()
    draw_columns(figure, run, "my_laziness")
    labels = [axes.get_ylabel() for axes in figure.axes if axes.get_visible()]
    assert sorted(labels) == sorted(set(labels)) and {"moved", "error", "loss", "accuracy"} <= set(labels)
    error = next(axes for axes in figure.axes if axes.get_ylabel() == "error")
    assert {(line.get_label(), line.get_linestyle()) for line in error.lines[:2]} == {("train", "--"), ("test", "-")}


def test_the_step_of_interpolation_is_marked_where_there_is_one(run):
    figure = new_figure()
    axes = figure.subplots()
    finish(axes, run)
    headline = run.experiment.task.headline
    steps, values = run.series(f"train/{headline}")
    reached = steps[values >= 1]
    assert [line.get_xdata()[0] for line in axes.lines] == ([max(reached[0], 0.5)] if len(reached) else [])
    assert bool(re.search("fitted: ", text_of(figure))) == bool(len(reached))


@pytest.mark.slow
def test_the_margins_picture_shows_the_known_maximum_and_sharpness_its_line(run):
    for name, words in (("my_margins", "γ* = 0.01714"), ("my_sharpness", "2/η, of plain gradient descent = 200")):
        figure = new_figure()
        run.experiment.probes[name].draw(figure, run, name)
        assert words in text_of(figure)


def test_hidden_activations_are_those_of_the_saved_weights(run):
    last = max(run.arrays("my_weights/W"))
    W, hidden = (run.arrays(f"my_weights/{name}")[last] for name in ("W", "hidden"))
    inputs, _ = all_inputs(7, 2)
    np.testing.assert_allclose(hidden, (W[0, inputs[:, 0]] + W[1, inputs[:, 1]]) ** 2, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(run.params()["W"], W)


def test_a_loaded_run_is_drawn_like_a_living_one(run, tmp_path):
    first = draw_probe(run, "my_fourier", tmp_path / "a.png")
    second = draw_probe(load_run(run.path), "my_fourier", tmp_path / "b.png")
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]


def test_wrong_names_of_parameters_are_said_before_training():
    with pytest.raises(UserError, match="no parameter 'U'; parameters: V, W"):
        train(small_config({"weights": select("weights", leaves=("U",))}))
    with pytest.raises(FieldError, match="a number of random points"):
        build("probe", "weights", points="0")


def test_few_events_are_picked_evenly_on_a_logarithmic_axis():
    assert pick_events([0, 1, 2, 5, 10, 50, 100, 1000], 4) == [0, 5, 100, 1000]
    assert pick_events([0, 1, 10, 100], 9) == [0, 1, 10, 100]
    assert pick_events([7], 5) == [7]


def drawn(folder):
    """The picture of norms as SVG, which has every text in a comment and every glyph by its number."""
    return rendered(figure_of_probe(load_run(folder), "norms"), "svg").decode()


@pytest.mark.parametrize("name", ["$\\bad{ of $", "$\\frac{1}{2}$"])
def test_a_dollar_in_a_name_begins_no_formula(name, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    for folder in ("run", f"cost {name}"):
        write_run(tmp_path / folder, {}, rows_of((0.1, 1.0), **{f"norms/{name}": 2.0, f"norms/{name}/linf": 3.0, "train/loss": 1.0}))
    both = ["run", f"cost {name}", "--output=both.png"]
    for words in (both, [*both, "--metrics", f"norms/{name}"], ["run", "--probe=norms"], [*both[:2], "--style=paper", "--output=x.pdf"]):
        assert run_command(["plot", *words]) == 0, words
    assert run_command(["report", f"cost {name}", "--output=page.html"]) == 0
    assert f"cost {name}" in Path("page.html").read_text(encoding="utf-8") and "Warning" not in capfd.readouterr().err
    assert f"<!-- {name} -->" in drawn(tmp_path / "run")
    shown = [text.get_text() for text in figure_of_probe(load_run(tmp_path / "run"), "norms").findobj(Text)]
    formulas = [words for words in shown if is_math_text(words.replace("\n", " "))]
    assert formulas == ["largest parameter\n" r"$\|\theta\|_\infty$"]  # which is our own


def test_control_characters_in_names_reach_no_terminal(tmp_path, capfd):
    esc = "\x1b[31mred\u202e"
    for folder in ("run", f"r{esc}"):
        write_run(tmp_path / folder, {}, rows_of((0.1, 1.0), **{f"norms/{esc}": 2.0, "norms/二": 3.0, "train/loss": 1.0}))
    both = [str(tmp_path / folder) for folder in ("run", f"r{esc}")]
    for words in (["plot", *both, "--output=x.png"], ["plot", both[0], "--probe=norms"], ["report", both[1], "--output=page.html"]):
        assert run_command([*words[:-1], words[-1].replace("=", f"={tmp_path}/") if "output" in words[-1] else words[-1]]) == 0
    said = capfd.readouterr()
    assert "\x1b" not in said.out + said.err and said.err == ""
    assert "\\x1b[31mred\\u202e" in drawn(tmp_path / "run")


@pytest.mark.parametrize("value", [9e307, 1.7e308, -1.7e308])
def test_the_largest_numbers_are_drawn_too(value, tmp_path, capfd):
    rows = [
        {**row, **dict.fromkeys(("train/loss", "test/loss", "norms/l2", "norms/linf", "gradient_norm"), value)}
        for row in rows_of((0.1, 1.0))
    ]
    rows[0] |= {"norms/l2": -value, "test/accuracy": value}
    rows[-1] |= {"step": 2**63 - 1, "grokking/area": value}
    write_run(tmp_path / "run", {"probes.grokking": {"name": "grokking"}}, rows)
    assert load_run(tmp_path / "run").metrics()["step"].tolist() == [0, 2**63 - 1]
    run = str(tmp_path / "run")
    for words in (["plot"], ["plot", "--probe=norms"], ["plot", "--probe=grokking"], ["plot", "--style=paper"], ["report"]):
        assert run_command([words[0], run, *words[1:]]) == 0, words
    assert "Warning" not in capfd.readouterr().err


def test_of_many_quantities_some_are_drawn_and_the_picture_counts_the_others(tmp_path):
    many = {f"norms/q{number}": 1.0 for number in range(100)} | {f"norms/m{number}/same": 1.0 for number in range(100)}
    write_run(tmp_path / "run", {}, rows_of((0.1, 1.0), **many))
    figure = figure_of_probe(load_run(tmp_path / "run"), "norms")
    panels = [axes for axes in figure.axes if axes.get_visible() and axes.lines]
    assert len(panels) == 40 and "and 61 more" in text_of(figure)
    same = [{**dict.fromkeys(list(many)[100:], 1.0), "step": 0, "seconds": 0.0}]
    write_run(tmp_path / "other", {}, same)
    (panel,) = figure_of_probe(load_run(tmp_path / "other"), "norms").axes
    assert len(panel.get_legend().get_texts()) == 40 and "and 60 more" in panel.get_ylabel()


def test_a_name_that_is_too_long_for_a_picture_is_shortened(tmp_path):
    write_run(tmp_path / "run", {}, rows_of((0.1, 1.0), **{f"norms/{'x' * 100_000}": 1.0, f"norms/{'y' * 100_000}/l2": 1.0}))
    assert max(len(text) for text in re.findall("<!-- (.*?) -->", drawn(tmp_path / "run"))) <= 80


def test_a_probe_without_arrays_that_fails_is_told_of_by_its_rows(tmp_path, monkeypatch, capfd):
    write_run(tmp_path / "run", {}, rows_of((0.1, 1.0), **{"norms/l2": 2.0, "train/loss": 1.0}))
    monkeypatch.setattr(build("probe", "norms").__class__, "draw", lambda *_: 1 / 0)
    assert run_command(["plot", str(tmp_path / "run"), "--probe=norms"]) == 2
    said = capfd.readouterr().err
    assert (
        "probe 'norms'" in said
        and "ZeroDivisionError" in said
        and str(tmp_path / "run" / "metrics.jsonl") in said
        and "that folder" not in said
    )


@pytest.mark.parametrize("change", ["scalar", "words", "dates", "scalar everywhere", "words everywhere", "empty", "longer"])
def test_arrays_that_no_probe_wrote_are_one_sentence(change, run, tmp_path, capfd):
    change, _, everywhere = change.partition(" ")
    folder = tmp_path / "run"
    shutil.copytree(run.path, folder)
    files = sorted((folder / "arrays").glob("*.npz"))
    assert len(files) > 2
    for file in files if everywhere else files[-1:]:
        arrays = dict(np.load(file))
        power = arrays["my_fourier/power"]
        made = {"scalar": np.float32(1), "words": np.full(power.shape, "x"), "empty": np.zeros(0), "dates": np.zeros(power.shape, "M8[s]")}
        np.savez(file, **arrays | {"my_fourier/power": {**made, "longer": np.concatenate([power] * 2)}[change]})
    for command in ("plot", "movie"):
        assert run_command([command, str(folder), "--probe=my_fourier"]) == 2
        (said,) = capfd.readouterr().err.splitlines()
        assert "probe 'my_fourier'" in said and str(folder / "arrays") in said and "--debug" in said
        assert everywhere or files[-1].name in said
    assert run_command(["report", str(folder)]) == 0
    (said,) = capfd.readouterr().err.splitlines()
    page = (folder / "figures" / "report.html").read_text(encoding="utf-8")
    assert "warning: probe 'my_fourier'" in said and "what the probe my_norms recorded" in page and str(folder / "arrays") in page
    for file in files if everywhere else files[-1:]:  # which is the advice
        file.rename(tmp_path / file.name)
    assert run_command(["plot", str(folder), "--probe=my_fourier"]) == 0
