"""The page that `whygrok report` writes: what it says, and that a stranger's run cannot put code into it."""

import html
import html.parser
import json
import re
import sys

import numpy as np
import pytest

from framework.cli import run_command
from framework.errors import UserError
from framework.evidence.report import write_report
from framework.evidence.report.page import BROWSER, Part, digest, json_in_html, page_html
from framework.evidence.report.plain import film_data, panel_data, short, thinned
from framework.pictures import Curve, Film, Panel
from tests.runs_by_hand import rows_of, write_run

EVIL = "$$x^2$$</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Two rates, two seeds: the larger rate groks at step 20."""
    root = tmp_path_factory.mktemp("runs") / "map"
    for rate, curve in ((0.001, (0.1, 0.2, 0.3)), (0.01, (0.1, 0.5, 1.0))):
        for seed in (0, 1):
            changes = {"optimizer.learning_rate": rate, "seed": seed, "recording.plot": bool(seed)}  # of which the last trains nothing else
            write_run(root / f"{rate}-{seed}", changes, rows_of(curve))
    return root


def text_of(page):
    """What a reader of the page sees without its scripts."""
    text = page.read_text(encoding="utf-8")
    return html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<(script|style).*?</\1>", "", text)))


def parsed(text):
    """(the tags of a page, the text of its scripts), as a browser finds them."""
    tags, scripts = [], []

    class Reader(html.parser.HTMLParser):
        def handle_starttag(self, tag, attrs):
            tags.append(tag)
            assert not [name for name, _ in attrs if name.startswith("on")]
            assert all((value or "").startswith(("data:", "#")) for name, value in attrs if name in ("src", "href"))

        def handle_data(self, data):
            if tags and tags[-1] == "script" and self.cdata_elem == "script":
                scripts.append(data)

    reader = Reader()
    reader.feed(text)
    reader.close()
    return tags, scripts


def data_in(page):
    return json.loads(re.search(r'<script type="application/json" id=data>(.*?)</script>', page.read_text(encoding="utf-8"))[1])


def test_a_folder_of_runs_is_a_table_and_the_curves_of_each(sweep, capsys):
    assert run_command(["report", str(sweep)]) == 0
    page = sweep / "report.html"
    assert capsys.readouterr().out.strip() == str(page)
    assert "4 runs: 4 finished. 4 fitted their training set, and 2 grokked." in text_of(page)
    data = data_in(page)
    about, curves = data["source-0"], data["source-0-curves"]
    assert about["columns"][:3] == ["optimizer.learning_rate", "seed", "state"] and about["numbers"] == ["optimizer.learning_rate"]
    grokked = about["columns"].index("grokked")
    assert [(row[0], row[1], row[grokked]) for row in about["rows"]] == [(0.001, 0, None), (0.001, 1, None), (0.01, 0, 20), (0.01, 1, 20)]
    assert curves["steps"] == [[0, 10, 20]]
    assert curves["columns"]["test/accuracy"] == [[0, [0.1, 0.2, 0.3]]] * 2 + [[0, [0.1, 0.5, 1]]] * 2


def test_one_run_below_a_folder_and_one_without_rows_have_a_page(tmp_path):
    write_run(tmp_path / "runs" / "only", {}, rows_of((0.1, 0.5)))
    write_report([tmp_path / "runs"], tmp_path / "page.html")
    assert "1 runs" not in text_of(tmp_path / "page.html") and "1 run: 1 finished." in text_of(tmp_path / "page.html")
    write_run(tmp_path / "runs" / "empty", {"seed": 1}, (), reason="killed, or still running")
    (tmp_path / "runs" / "damaged").mkdir()
    (tmp_path / "runs" / "damaged" / "config.json").write_text("{")
    write_report([tmp_path / "runs"], tmp_path / "page.html")
    assert "2 runs: 1 stopped, 1 finished. 1 fitted their training set" in text_of(tmp_path / "page.html")
    assert "damaged: config.json is not JSON" in text_of(tmp_path / "page.html")
    curves = data_in(tmp_path / "page.html")["source-0-curves"]["columns"]
    assert curves["test/accuracy"] == [None, [0, [0.1, 0.5]]]


def test_where_every_run_is_damaged_it_says_why_of_each(tmp_path, capsys):
    for name in ("one", "other"):
        write_run(tmp_path / "runs" / name, {}, rows_of((0.1, 0.5)))
        (tmp_path / "runs" / name / "environment.json").write_text("{")
    assert run_command(["report", str(tmp_path / "runs")]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert "none of the runs can be read: " in said and "one: environment.json" in said and "other: environment.json" in said
    assert "whygrok doctor RUN" in said and "--repair" in said
    assert not (tmp_path / "runs" / "report.html").exists()


def test_a_file_of_verify_is_its_rows(tmp_path, capsys):
    rows = [
        {
            "claim": "first",
            "quantity": "2 <x>",
            "predicted": 3.0,
            "measured": 3.0,
            "tolerance": 0.0,
            "relation": "=",
            "expected_to_hold": True,
        },
        {
            "claim": "second",
            "quantity": "y",
            "predicted": 1.0,
            "measured": None,
            "tolerance": 0.1,
            "relation": "<=",
            "expected_to_hold": True,
        },
    ]
    (tmp_path / "claims.json").write_text(json.dumps(rows))
    assert run_command(["report", str(tmp_path / "claims.json")]) == 0
    said = text_of(tmp_path / "claims.html")
    assert (tmp_path / "claims.html").stat().st_size < 60_000  # there is nothing to draw, and so no library
    assert "1 of 2 rows as expected, of 2 claims." in said and "2 <x>" in said and "NaN, NOT AS EXPECTED" in said


@pytest.mark.parametrize("content", ["[{", "{}x", '[{"claim": "a"}]', "[1]", '[{"claim": "a", "quantity": "b", "predicted": "c"}]'])
def test_another_file_is_refused_in_one_sentence(tmp_path, content, capsys):
    (tmp_path / "claims.json").write_text(content)
    assert run_command(["report", str(tmp_path / "claims.json")]) == 2
    assert "holds no rows of claims; write one with: whygrok verify --json > claims.json" in capsys.readouterr().err


def test_text_of_a_run_stays_text(tmp_path):
    for seed in (0, 1):
        changes = {"task.train_size": EVIL, "model.width": f"{seed}{EVIL}", "optimizer.name": "adamw\u2028", "seed": seed}
        write_run(tmp_path / "runs" / f"<b>{seed}", changes, rows_of((0.1, 1.0)), reason=f"died: {EVIL}")
    text = write_report([tmp_path / "runs"], tmp_path / "page.html").read_text(encoding="utf-8")
    tags, scripts = parsed(text)
    assert "taken" in text and EVIL not in text
    assert "img" not in tags and "b" not in tags
    named = re.search(r"script-src ([^;\"]*)", text)[1].split()
    assert named == [digest(script) for script in scripts[1:]]  # the page runs these, and no other
    assert json.loads(scripts[0])["source-0"]["rows"][0][0] == f"0{EVIL}"


def test_the_policy_of_the_page_allows_nothing_from_a_network():
    text = page_html("<title>", [[Part("<part>", "", {"x": ["</script>"]})]])
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none';") and "http" not in policy and "unsafe-eval" not in policy
    assert "<part>" not in text and "<h1>&lt;title&gt;</h1>" in text
    assert parsed(text)[0].count("script") == 1 + len(policy.split("'sha256-")) - 1


def test_json_in_a_page_says_what_it_said():
    value = {"a": [EVIL, "é\u2028", 1.5, None, True]}
    assert json.loads(json_in_html(value)) == value
    assert not set("<>&\u2028") & set(json_in_html(value))
    with pytest.raises(ValueError, match="JSON"):
        json_in_html(np.nan)


def test_numbers_of_a_page_are_short_and_never_infinite():
    assert [short(value) for value in (1 / 3, 2.0, np.float64(np.nan), np.inf, np.int64(3), True, "x")] == [
        0.333333,
        2,
        None,
        None,
        3,
        True,
        "x",
    ]


def test_a_panel_keeps_its_numbers_and_thins_out_what_no_screen_shows():
    x = np.arange(10_000)
    panel = Panel("t", "step", "y", [Curve("few", [0, 1], [0.5, np.nan]), Curve("many", x, x / 7)], marks={"fitted": 3})
    few, many = panel_data(panel)["curves"]
    assert (few["x"], few["y"]) == ([0, 1], [0.5, None])
    assert len(many["x"]) <= 2_000 and (many["x"][0], many["x"][-1]) == (0, 9_999)
    assert all(y == short(x / 7) for x, y in zip(many["x"], many["y"], strict=True))


def test_places_are_thinned_evenly_by_their_logarithms():
    assert thinned([1, 2, 3], 5) == [0, 1, 2]
    assert thinned([10**i for i in range(9)], 3) == [0, 4, 8]


def test_a_film_is_bytes_of_which_the_largest_is_its_bound():
    import base64

    frames = {0: np.array([[-2.0, 0.0], [1.0, 2.0]]), 5: np.array([[-1.0, 0.0], [0.5, 0.25]])}
    data = film_data(Film("W", frames, "x", "y", "value", signed=True))
    assert (data["steps"], data["size"], data["largest"]) == ([0, 5], [2, 2], [2, 1])
    assert list(base64.b64decode(data["frames"][0])) == [1, 128, 192, 255]
    data = film_data(Film("P", {0: np.array([[0.0, 0.2, 1.0]]), 1: np.zeros((1, 3))}, "x", "y", "value", bound=1.0))
    assert list(base64.b64decode(data["frames"][0])) == [0, 51, 255]


def test_a_film_of_a_large_array_stays_small():
    frames = {step: np.ones((1_000, 2_000), np.float32) for step in range(3)}
    data = film_data(Film("W", frames, "x", "y", "value"))
    assert data["thinned"] > 1 and sum(map(len, data["frames"])) < 600_000 and data["size"][1] == -(-2_000 // data["thinned"])


def test_without_bokeh_the_command_says_what_to_install(sweep, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run_command(["report", str(sweep), "--output", str(sweep / "other.html")]) == 2
    assert "pip install 'whygrok[report]'" in capsys.readouterr().err and not (sweep / "other.html").exists()


def test_bokeh_itself_is_not_imported(sweep):
    write_report([sweep], sweep / "again.html")
    assert "bokeh" not in sys.modules


def test_what_is_no_source_is_refused(sweep, capsys):
    for words, said in (
        ([str(sweep / "nothing")], "there is no folder"),
        ([str(sweep), "--output=page.pdf"], "end it in .html"),
    ):
        assert run_command(["report", *words]) == 2
        assert said in capsys.readouterr().err
    with pytest.raises(UserError, match="needs a run"):
        write_report([], sweep / "x.html")


def colours(block):
    return dict(re.findall(r"--([\w-]+): (#\w{6})", block))


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return sum(
        w * (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for w, c in zip((0.2126, 0.7152, 0.0722), parts, strict=True)
    )


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_words_and_lines_stand_out_as_wcag_asks():
    """AA: 4.5 for text and 3 for lines, on every ground, light and dark (WCAG 2.1, 1.4.3 and 1.4.11)."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    blocks = re.findall(r"(?s):root[^{]*\{(.*?)\}", (BROWSER / "page.css").read_text(encoding="utf-8"))
    assert len(blocks) == 3 and colours(blocks[1]) == colours(blocks[2])  # dark by the system, and by the button
    for block in blocks:
        tone = colours(block)
        for ground in ("paper", "back"):
            assert min(contrast(tone[name], tone[ground]) for name in ("ink", "soft", "link", "good", "bad", "control")) >= 4.5
            assert min(contrast(tone[f"line-{i}"], tone[ground]) for i in range(6)) >= 3
