"""The notebooks of examples/: what is stored in them is what they show, and they are small."""

import json
import re
import runpy
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from framework import run_sweep, train
from framework.config import experiment, members, product, select
from framework.fields.shown import MOST, table
from framework.sweep import FINISHED, Standing, Standings
from framework.training import Experiment
from tests.helpers import Here, tiny

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?(?![\w.])")


def outputs(notebook):
    """Per cell, what it shows: text, HTML, and that there is a picture."""
    found = []
    for cell in notebook.cells:
        said = []
        for output in cell.get("outputs", ()):
            assert output.output_type in ("stream", "execute_result", "display_data"), output
            data = output.get("data", {})
            said += [output.get("text", ""), data.get("text/html", ""), data.get("text/plain", ""), "picture" * ("image/png" in data)]
        found.append("\n".join(filter(None, said)))
    return found


def numbers(text):
    return [float(number.replace(",", "")) for number in NUMBER.findall(text)]


@pytest.mark.slow
@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_shows_what_is_stored_in_it(file, monkeypatch):
    """The words are the same, and numbers are near: another processor rounds otherwise, and a network grokks a little sooner or later."""
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    stored = outputs(nbformat.read(file, as_version=4))
    shown = outputs(runpy.run_path(str(ROOT / "tools" / "notebooks"))["executed"](file))
    assert [NUMBER.sub("#", text) for text in shown] == [NUMBER.sub("#", text) for text in stored]
    for one, other in zip(shown, stored, strict=True):
        assert numbers(one) == pytest.approx(numbers(other), rel=0.25, abs=0.15), one


def test_the_notebooks_are_those_that_the_pages_name_and_they_are_small():
    assert [file.stem for file in NOTEBOOKS] == ["quickstart", "your_own_experiment"]
    assert sum(file.stat().st_size for file in NOTEBOOKS) < 300_000
    for file in NOTEBOOKS:
        notebook = nbformat.read(file, as_version=4)
        nbformat.validate(notebook)
        assert any(outputs(notebook)) and "/home" not in json.dumps(notebook) and "/tmp" not in json.dumps(notebook)


class Cells(HTMLParser):
    """The texts of all cells, and every tag."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.cells = set(), []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.cells += [""] * (tag in ("td", "th", "strong"))

    def handle_data(self, data):
        if self.cells:
            self.cells[-1] += data


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
TAGS = {"div", "strong", "table", "thead", "tbody", "tr", "th", "td"}


def test_no_word_of_a_table_is_code():
    read = Cells(table(HOSTILE, [HOSTILE], [[HOSTILE], [{HOSTILE: 1}]]))
    assert read.tags <= TAGS
    assert read.cells[:3] == [HOSTILE] * 3
    standing = Standing(HOSTILE, {HOSTILE: HOSTILE}, 4, FINISHED, said=HOSTILE)
    assert Cells(Standings([standing])._repr_html_()).tags <= TAGS


def test_a_long_table_says_how_much_it_leaves_out():
    read = Cells(table("t", ["n"], [[number] for number in range(MOST + 1234)]))
    assert len(read.cells) == MOST + 2 and read.cells[-1] == "99and 1,234 more"


@pytest.mark.usefixtures("clean_registry")
def test_a_config_and_an_experiment_are_tables_of_what_differs_from_the_defaults():
    config = experiment(
        task=select("modular_addition", p=5),
        model=select("quadratic", width="4"),
        optimizer=select("grokfast", inner=select("sgd", learning_rate=0.5)),
        steps=7,
    )
    for title, shown in {"config": config, "experiment": Experiment.from_config(config)}.items():
        cells = Cells(shown._repr_html_()).cells
        lines = {cells[at]: cells[at + 1 : at + 3] for at in range(4, len(cells), 3)}
        assert cells[0] == title
        assert lines["at the top"] == ["–", "steps = 7"]
        assert lines["task"] == ["modular_addition", "p = 5"]
        assert lines["optimizer.inner"] == ["sgd", "learning_rate = 0.5"]
        assert lines["writers.tensorboard"] == ["tensorboard", "–"] and "checkpoint" not in lines


@pytest.mark.usefixtures("clean_registry")
def test_a_run_and_a_sweep_are_tables_and_training_prints_nothing(tmp_path, capfd):
    run = train(tiny(6))
    cells = Cells(run._repr_html_()).cells
    said = dict(zip(cells[1::2], cells[2::2], strict=True))
    assert cells[0] == "run in memory" and said["step"] == "6 of 6" and said["grokked"] == "–"
    assert float(said["train/accuracy"]) == pytest.approx(run.rows[-1]["train/accuracy"], rel=1e-4)
    assert repr(run) == "<run in memory at step 6 of 6>"
    standings = run_sweep(members(tiny(4), product({"seed": [0, 1]})), tmp_path, engine=Here())
    cells = Cells(standings._repr_html_()).cells
    assert cells[0] == "sweep: 2 finished" and cells[1:5] == ["member", "seed", "state", "step"]
    assert cells[10:14] == ["seed=0", "0", "finished", "4"] or "seed=0" in cells
    assert standings[:1] == [standings[0]] and len(standings) == 2
    assert capfd.readouterr() == ("", "")
