"""Figures for papers: what the PDF holds, and that no word stands on a curve."""

import re

import numpy as np
import pytest

from framework.cli import run_command
from framework.pictures import Curve, Panel, as_pdf, draw, new_figure, plain_style
from framework.pictures.paper import for_paper
from framework.reading.curves import in_words
from tests.test_pictures_of_many import DECAY, RATE, grid

__all__ = ["grid"]  # a fixture

STEPS = np.array([0, 1, 10, 100, 300, 1000, 3000])
LEARNT = np.array([0.0, 0.01, 0.05, 0.3, 0.9, 1.0, 1.0])
PANELS = [
    Panel("", "training step", "accuracy", [Curve("train accuracy", STEPS, LEARNT)], marks={"fitted: 300": 300, "grokked: 1,000": 1000}),
    Panel("", "training step", "loss", [Curve(name, STEPS, 10.0 ** -(8 * LEARNT)) for name in ("train", "test")], log_y=True),
]


@pytest.fixture
def figure():
    with plain_style():
        made = new_figure(3.25)
        draw(made, [[panel] for panel in PANELS], size=(3.25, 2.0), stacked=True)
        yield made


def points_of(axes):
    """Many points of every curve, in pixels; of lines straight down none."""
    for line in axes.lines:
        places = axes.transData.transform(np.column_stack([line.get_xdata(), line.get_ydata()]))
        if len(places) > 2:
            share = np.linspace(0, len(places) - 1, 5000)
            yield from np.column_stack([np.interp(share, np.arange(len(places)), column) for column in places.T])


def test_the_pdf_has_its_width_its_fonts_and_only_vectors(figure):
    pdf = as_pdf(figure, 3.25, "how it was made")
    width, height = map(float, re.search(rb"/MediaBox \[ 0 0 (\S+) (\S+) \]", pdf).groups())
    assert width == 3.25 * 72 and 2 * 72 < height < 9 * 72
    assert b"/FontFile2" in pdf and b"/Type3" not in pdf and b"/Subtype /Image" not in pdf
    assert b"how it was made" in pdf and b"/CreationDate" not in pdf


def test_all_words_have_eight_points_and_none_stands_on_a_curve(figure):
    for_paper(figure, 3.25)
    for axes in figure.axes:
        words = [*axes.texts, *(axes.get_legend().get_texts() if axes.get_legend() else [])]
        boxes = [text.get_window_extent() for text in words]
        assert {text.get_fontsize() for text in [*words, axes.xaxis.label, axes.yaxis.label, *axes.get_xticklabels()]} == {8}
        assert words and not any(box.contains(x, y) for box in boxes for x, y in points_of(axes))
        assert not any(one.overlaps(other) for number, one in enumerate(boxes) for other in boxes[:number])


def test_a_legend_below_stands_clear_of_the_numbers_and_the_label():
    """As in the figures that are reproduced, whose panels have titles above them."""
    curves = [Curve(f"p = {p}", STEPS, LEARNT * p / 13) for p in (7, 11, 13)]
    with plain_style():
        made = new_figure()
        draw(made, [[Panel(f"several p, {word}", "training step", "accuracy", curves) for word in ("left", "right", "far right")]])
        for_paper(made, 6.75)
        legends = [axes.get_legend() for axes in made.axes]
        assert len(legends) == 3 and all(legends)
        for axes, legend in zip(made.axes, legends, strict=True):
            top = legend.get_window_extent().y1
            assert top <= axes.xaxis.label.get_window_extent().y0 + 1
            assert all(top < tick.get_window_extent().y0 for tick in axes.get_xticklabels() if tick.get_text())


def test_every_decade_has_a_tick(figure):
    for_paper(figure, 3.25)
    accuracy, loss = figure.axes
    assert {round(float(power), 9) for power in np.log10(loss.yaxis.get_majorticklocs())} >= set(range(-8, 1))
    assert list(accuracy.xaxis.get_majorticklocs()) == [0.5, 1, 10, 100, 1000]
    assert [text.get_text() for text in accuracy.get_xticklabels()] == ["0", "1", "$10^{1}$", "$10^{2}$", "$10^{3}$"]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("test/accuracy", "test accuracy"),
        ("test/accuracy/first", "test accuracy, first"),
        ("seed=1: train/loss", "seed=1: train loss"),
        ("gradient_norm", "gradient norm"),
        ("norms/at_linf", "norms: at linf"),
    ],
)
def test_columns_are_named_in_words(column, words):
    assert in_words(column) == words


@pytest.mark.parametrize("words", [[f"--y={DECAY}", "--color=grokked"], ["--value=test"]])
def test_pictures_of_many_runs_are_made_for_papers_too(grid, words, capfd):
    assert run_command(["plot", str(grid), f"--x={RATE}", *words, "--style=paper", "--width=double"]) == 0
    out, err = capfd.readouterr()
    picture, table = out.split()
    assert picture.endswith(".pdf") and table.endswith(".csv") and "Warning" not in err
    with open(picture, "rb") as file:
        assert b"/MediaBox [ 0 0 486 " in file.read()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--width=single"], "--width=single needs --style=paper"),
        (["--style=paper", "--output=x.png"], "--output=x.png: figures for papers are PDF; end it in .pdf"),
        (["--output=x.pdf"], "--output=x.pdf: pictures are PNG; end it in .png"),
        (["--style=papr"], "invalid choice: 'papr'"),
    ],
)
def test_mistakes_are_a_sentence(grid, words, message, capfd):
    assert run_command(["plot", str(grid), f"--x={RATE}", "--value=test", *words]) == 2
    assert message in capfd.readouterr().err
