"""Reports opened in Chromium: nothing goes wrong, nothing is asked of a network, and what can be pressed does what it says."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from framework import train
from framework.config import select
from framework.evidence.report import write_report
from framework.pictures import collapse_exponent
from tests.browser import WIDTHS, chromium
from tests.runs_by_hand import rows_of, write_run
from tests.small_runs import small_config
from tests.test_report import EVIL

pytestmark = pytest.mark.slow
CHART = "document.querySelectorAll('.canvas')[0]"
PROBES = ("fourier", "weights")
TEXT_INSIDE = """function inside(node) {
    const children = [...node.childNodes, ...(node.shadowRoot?.childNodes ?? [])];
    return children.map(one => one.nodeType === 3 ? one.data : one.nodeName === 'STYLE' ? '' : inside(one)).join(' ');
}"""
PLACE_OF_A_POINT = """chart => {
    const {frame, el} = chart.view, data = chart.figure.renderers[0].data_source.data, box = el.getBoundingClientRect();
    return [box.left + frame.x_scale.compute(data.x[3]), box.top + frame.y_scale.compute(data.y[3])];
}"""
PLACE_ON_A_LINE = """chart => {
    const {frame, el} = chart.view, {xs, ys} = chart.figure.renderers[0].data_source.data, box = el.getBoundingClientRect();
    const at = i => [box.left + frame.x_scale.compute(xs[0][i]), box.top + frame.y_scale.compute(ys[0][i])];
    return [0, 1].map(k => (at(0)[k] + at(1)[k]) / 2);
}"""
COLUMN = "(name => [...document.querySelectorAll('.runs th')].findIndex(th => th.textContent === name))"
PLANTED = 1.5  # accuracies are a function of examples / p^PLANTED


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def of_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    probes = {name: select(name, schedule="log 3") for name in PROBES}
    train(small_config(probes, steps=40), folder / "run")
    return write_report([folder / "run"], folder / "run.html")


@pytest.fixture(scope="module")
def of_sweep(tmp_path_factory):
    """Three sizes, four numbers of examples and two seeds, on one curve over examples / p^PLANTED; one run has hostile words."""
    folder = tmp_path_factory.mktemp("report")
    for p in (7, 11, 23):
        for place in (0.5, 1.0, 2.0, 4.0):
            n = round(place * p**PLANTED)
            for seed in (0, 1):
                test = 1 / (1 + 1 / (n / p**PLANTED) ** 2)
                changes = {"task.p": p, "task.train_size": n, "seed": seed, "model.width": EVIL if (p, place) == (7, 0.5) else "44"}
                write_run(folder / "map" / f"{p}-{n}-{seed}", changes, rows_of((0.1, test)), examples={"train": n})
    return write_report([folder / "map"], folder / "map.html")


def clicked(browser, words, within="document"):
    """Presses the button with these words."""
    done = browser.js(
        f"(b => b && (b.click(), true))([...{within}.querySelectorAll('button')].find(b => b.textContent.trim() === {words!r}))"
    )
    assert done, words


def ground(browser):
    """The mean brightness of a screenshot, 0 to 255, and its width."""
    picture = Image.open(io.BytesIO(browser.screenshot())).convert("L")
    return float(np.mean(np.asarray(picture))), picture.width


@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_opens_at_every_width_light_and_dark(browser, of_run, of_sweep, width):
    for page in (of_run, of_sweep):
        brightness = []
        for dark in (False, True):
            browser.open(page, width, dark)
            browser.scroll_through()
            brightness.append(ground(browser)[0])
            assert browser.js("document.documentElement.scrollWidth") <= width  # nothing sticks out at the side
            assert browser.problems() == []
        assert brightness[0] > 2 * brightness[1]


def test_a_chart_zooms_by_keys_switches_its_axes_and_hides_a_line(browser, of_run):
    browser.open(of_run)
    browser.js(f"{CHART}.scrollIntoView(), {CHART}.focus({{preventScroll: true}})")
    browser.wait(f"{CHART}.dataset.drawn")
    browser.wait(f"Number.isFinite({CHART}.figure.x_range.end)")
    width = f"Math.log10({CHART}.figure.x_range.end / {CHART}.figure.x_range.start)"
    whole = browser.js(width)
    browser.press("+")
    assert browser.js(width) == pytest.approx(0.7 * whole)  # 15 % from each side, on a logarithmic axis
    start = browser.js(f"{CHART}.figure.x_range.start")
    browser.press("ArrowRight")
    assert math.log10(browser.js(f"{CHART}.figure.x_range.start") / start) == pytest.approx(0.2 * 0.7 * whole)
    browser.press("0")
    browser.wait(f"Math.abs({width} - {whole}) < 1e-6")
    chart = f"{CHART}.parentNode"
    assert browser.js(f"{CHART}.figure.x_scale.type") == "LogScale"
    clicked(browser, "x axis: log", chart)
    browser.wait(f"{CHART}.figure.x_scale.type === 'LinearScale'")
    lines = f"{CHART}.figure.renderers.filter(r => r.glyph.type === 'Line').length"
    assert browser.js(lines) == 2
    clicked(browser, "train/accuracy", chart)
    browser.wait(f"{lines} === 1")
    assert browser.js(f"{chart}.querySelector('.legend button').getAttribute('aria-pressed')") == "false"
    assert browser.problems() == []


def test_a_value_is_shown_where_the_pointer_is(browser, of_run):
    browser.open(of_run)
    browser.js(f"{CHART}.scrollIntoView()")
    browser.wait(f"{CHART}.dataset.drawn")
    x, y = browser.js(f"({PLACE_OF_A_POINT})({CHART})")
    for near in (1.0, 0.0):
        browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x + near, y=y)
    browser.wait(f"({TEXT_INSIDE})(document.querySelector('.bk-Tooltip')).includes('train/accuracy')")
    step, value = browser.js(f"(curve => [curve.x[3], curve.y[3]])(report.data[{CHART}.parentNode.dataset.chart].curves[0])")
    said = browser.js(f"({TEXT_INSIDE})(document.querySelector('.bk-Tooltip'))").split()
    assert said[said.index("step:") + 1] == str(step) and float(said[said.index("value:") + 1]) == pytest.approx(value, abs=1e-3)
    assert browser.problems() == []


def test_a_film_moves_with_its_slider(browser, of_run):
    browser.open(of_run)
    film = "document.querySelector('canvas.film')"
    browser.js(f"{film}.scrollIntoView()")
    browser.wait(f"{film}.parentNode.querySelector('output').textContent")
    slider, words = (f"{film}.parentNode.querySelector('{one}')" for one in ("input", "output"))
    assert browser.js(f"{words}.textContent") == "step 40"
    last = browser.js(f"{film}.toDataURL()")
    browser.js(f"{slider}.focus()")
    browser.press("Home")
    browser.wait(f"{words}.textContent === 'step 0'")
    assert browser.js(f"{film}.toDataURL()") != last
    assert browser.js("[...document.querySelectorAll('canvas.film')].length") == 3  # the Fourier map, W and V


def test_a_filter_leaves_rows_and_their_curves_and_a_heading_sorts(browser, of_sweep):
    browser.open(of_sweep)
    browser.scroll_through()
    curves, rows = (
        "document.querySelector('[data-view=curves] .canvas').dataset.runs",
        "document.querySelectorAll('.runs tbody tr:not([hidden])')",
    )
    assert browser.js(f"[{curves}, {rows}.length]") == ["24", 24]
    column = browser.js(f"{COLUMN} ('p')")
    typed = f"(i => (i.value = '>=11', i.dispatchEvent(new Event('input'))))(document.querySelectorAll('.filters input')[{column}])"
    browser.js(typed)
    browser.wait(f"{curves} === '16'")
    assert browser.js(f"{rows}.length") == 16
    assert browser.js("document.querySelector('.count').textContent") == "16 of 24 runs shown"
    heading = f"document.querySelectorAll('.runs th button')[{column}]"
    browser.js(f"{heading}.click(), {heading}.click()")
    cells = browser.js(f"[...{rows}].map(row => Number(row.cells[{column}].textContent))")
    assert cells == [23] * 8 + [11] * 8
    assert browser.js("document.title") == "map" and browser.problems() == []


def test_words_of_a_strangers_run_are_words_in_the_browser_too(browser, of_sweep):
    """In the name of a run under the pointer, and in the legend of a field."""
    browser.open(of_sweep)
    browser.scroll_through()
    browser.js(
        "(s => (s.value = 'model.width', s.dispatchEvent(new Event('change'))))(document.querySelectorAll('[data-view=curves] select')[1])"
    )
    legend = "document.querySelector('[data-view=curves] .legend').textContent"
    browser.wait(f"{legend}.includes('onerror')")
    chart = "document.querySelector('[data-view=curves] .canvas')"
    typed = "(i => (i.value = 'onerror', i.dispatchEvent(new Event('input'))))"
    browser.js(f"{typed}(document.querySelectorAll('.filters input')[{COLUMN} ('width')])")
    browser.wait(f"{chart}.dataset.runs === '2'")
    browser.js(f"{chart}.scrollIntoView({{block: 'center'}})")
    browser.wait(f"{chart}.view.frame?.x_scale && {chart}.figure.renderers[0].data_source.data.xs.length === 2")
    x, y = browser.js(f"({PLACE_ON_A_LINE})({chart})")
    for near in (2.0, 1.0, 0.0):
        browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x + near, y=y)
    browser.wait(f"({TEXT_INSIDE})(document.querySelector('.bk-Tooltip')).includes('onerror')")
    assert not browser.js("document.querySelector('.bk-Tooltip').shadowRoot.querySelector('img, script')")
    assert browser.js("[document.title, document.querySelectorAll('img').length]") == ["map", 0]
    assert browser.problems() == []


def test_the_exponent_of_a_collapse_is_the_planted_one_and_that_of_plot(browser, of_sweep):
    browser.open(of_sweep)
    browser.scroll_through()
    view = "document.querySelector('[data-view=collapse]')"
    button = f"[...{view}.querySelectorAll('button')].find(b => b.dataset.exponent)"
    found = float(browser.js(f"{button}.dataset.exponent"))
    assert found == pytest.approx(PLANTED, abs=0.02)  # examples are whole numbers
    means = {}
    for p in (7, 11, 23):
        n = [round(place * p**PLANTED) for place in (0.5, 1.0, 2.0, 4.0)]
        means[p] = (n, [1 / (1 + 1 / (one / p**PLANTED) ** 2) for one in n])
    low, high = max(y[0] for _, y in means.values()), min(y[-1] for _, y in means.values())
    levels = low + (high - low) * np.arange(0.1, 0.95, 0.1)
    assert found == pytest.approx(collapse_exponent(means, levels), rel=1e-4)
    browser.js(f"{button}.click()")
    browser.wait(f"{view}.querySelector('output').textContent.startsWith('e = 1.5')")
    assert browser.problems() == []


def test_the_button_switches_to_dark_and_paper_is_light(browser, of_run):
    browser.open(of_run)
    light = ground(browser)[0]
    browser.js("document.getElementById('theme').click()")
    assert ground(browser)[0] < light / 2
    browser.wait("document.documentElement.dataset.complete === 'yes'")
    browser.js("dispatchEvent(new Event('beforeprint'))")
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert ground(browser)[0] > 0.8 * light  # paper is white
    drawn = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 3 && v > 99).length"
    assert browser.js(f"({drawn})({CHART}.querySelector('.copy'))") > 500 and browser.js(
        f"{CHART}.querySelector('.copy').matches('.turned')"
    )
    browser.call("Emulation.setEmulatedMedia", media="screen")
    browser.js("dispatchEvent(new Event('afterprint'))")
    assert browser.js("document.querySelectorAll('.copy').length") == 0 and ground(browser)[0] < light / 2
    assert browser.problems() == []
