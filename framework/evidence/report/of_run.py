"""What the report of one run shows, as parts of a page."""

import base64
import json
import shlex
from html import escape
from typing import Any

import numpy as np

from framework.config import to_dict
from framework.config.sources import sourced
from framework.errors import UserError
from framework.evidence.report.page import Part, attribute, figure_html, table_html
from framework.evidence.report.plain import film_data, panel_data
from framework.evidence.report.story import key_numbers, story
from framework.pictures import Film, Panel, by_frequency, rendered
from framework.reading import (
    MOST_PANELS,
    curves_of,
    figure_of_probe,
    films_of,
    label_of,
    of_stored,
    pair_of,
    panel_of,
    pick_events,
    quantities_of,
    title_of,
    warn_of,
)
from framework.reading.curves import milestones_of
from framework.run import Run, RunDirectory, Sessions

CHECKPOINTS = 20  # that are read for films
MATRICES = 2  # of parameters, the largest ones, where no probe recorded any
OTHERS = ("objective", "gradient_norm")
NARROW = "\u202f"  # the space before a per cent sign, at which no line ends


def run_parts(run: Run, title: str, key: str) -> list[Part]:
    """The parts of the page on one run. key: what begins the names of its charts."""
    tiles = "".join(f"<div><dt>{escape(what)}</dt><dd>{escape(much)}</dd></div>" for what, much in key_numbers(run))
    told: dict[str, str] = {}
    words = "".join(f"<p>{escape(sentence).replace(' %', NARROW + '%')}</p>" for sentence in story(run, told))
    parts = [Part(title, f"<p class=about>{escape(title_of([run]))}</p><dl class=tiles>{tiles}</dl><div class=story>{words}</div>")]
    parts += [_charts("Curves", main_panels(run), f"{key}-curve")] if run.rows else []
    parts += [part for part in (_films(run, key, told), _pictures(run, told), _recorded(run, f"{key}-more")) if part.html]
    return [*parts, _config(run), *_environment(run)]


def main_panels(run: Run) -> list[Panel]:
    """Accuracy and loss, and what else was measured besides the probes."""
    found = []
    for quantity in dict.fromkeys((run.headline, "loss")):
        try:
            names = pair_of([run], quantity)
        except UserError:  # not recorded
            continue
        found.append(panel_of([run], names, quantity.replace("_", " ").capitalize(), "step"))
    return found


def probe_panels(run: Run) -> dict[str, list[Panel]]:
    """What recorded it, in words → a panel for every quantity."""
    marks = milestones_of(run)
    recorded = run.metrics()
    columns = [(name.replace("_", " "), [name]) for name in OTHERS if name in recorded and not np.all(np.isnan(recorded[name]))]
    panels = {"the objective": columns}
    panels |= {f"the probe {probe}": list(quantities_of(run, probe).items()) for probe in run.experiment.probes}
    found: dict[str, list[Panel]] = {}
    for words, some in panels.items():
        more = f", {MOST_PANELS:,} of its {len(some):,} quantities" if len(some) > MOST_PANELS else ""
        labelled = [(label_of(title, names), names) for title, names in some[:MOST_PANELS]]
        made = [Panel(title, "step", title, curves_of(run, names), log_y=_wide(run, names), marks=marks) for title, names in labelled]
        found |= {words + more: made} if made else {}
    return found


def films(run: Run, told: dict[str, str] | None = None) -> list[Film]:
    """What probes kept as pictures through training; where they kept no parameters, the largest matrices of the saved checkpoints.

    told: gets what is said of probes that fail at what they stored.
    """
    found = []
    for name in run.experiment.probes:
        try:
            found += [film for film in films_of(run, name) if len(film.frames) > 1]
        except UserError as error:
            warn_of({} if told is None else told, name, error)
    return found if any(film.signed for film in found) else [*found, *_of_checkpoints(run)]


def _of_checkpoints(run: Run) -> list[Film]:
    saved = {step: leaves for step in pick_events(run.steps, CHECKPOINTS) if (leaves := _parameters(run, step))}
    steps = sorted(saved)
    if run.path is None or len(steps) < 2:
        return []
    newest = {name: leaf for name, leaf in saved[steps[-1]].items() if np.ndim(leaf) > 1 and leaf.size}
    last = {name: _matrix(leaf) for name, leaf in newest.items() if np.issubdtype(leaf.dtype, np.floating)}
    made = []
    for name in sorted(last, key=lambda name: -last[name].size)[:MATRICES]:
        turned = last[name].shape[0] > last[name].shape[1]
        there = {step: leaves[name] for step, leaves in saved.items() if name in leaves}
        frames = {step: _matrix(leaf) for step, leaf in there.items() if leaf.shape == newest[name].shape}
        if len(frames) < 2:
            continue
        frames = {step: frame.T if turned else frame for step, frame in frames.items()}
        order = by_frequency(frames[steps[-1]])
        label = name.removeprefix("params.") + ("[0]" if np.ndim(saved[steps[-1]][name]) > 2 else "")
        across, up = (f"{side} of {label}" for side in (("row", "column") if turned else ("column", "row")))
        ordered = {step: frame[:, order] for step, frame in frames.items()}
        made.append(Film(label, ordered, f"{across}, by frequency", up, "entry / largest entry", signed=True))
    return made


def _parameters(run: Run, step: int) -> dict[str, np.ndarray]:
    """The parameters of a checkpoint; none where it is damaged, of which `whygrok doctor` speaks."""
    try:
        return {name: leaf for name, leaf in run.leaves(step).items() if name.startswith("params.")}
    except UserError:
        return {}


def _matrix(array: Any) -> np.ndarray:
    """The first matrix of a stack."""
    array = np.asarray(array)
    return array if array.ndim == 2 else _matrix(array[0])


def _wide(run: Run, names: list[str]) -> bool:
    """Whether values span so much that a logarithmic axis shows them better."""
    values = np.concatenate([run.series(name)[1] for name in names])
    values = values[np.isfinite(values)]
    return bool(len(values) and values.min() > 0 and values.max() / 100 > values.min())


def _recorded(run: Run, key: str) -> Part:
    """Every quantity, folded away: there are many."""
    found = {words: _charts(words, panels, f"{key}-{number}") for number, (words, panels) in enumerate(probe_panels(run).items())}
    html = "".join(f"<details><summary>{escape(words)}</summary>{part.html}</details>" for words, part in found.items())
    return Part("Everything recorded", html, {name: one for part in found.values() for name, one in part.data.items()})


def _charts(title: str, panels: list[Panel], key: str) -> Part:
    panels = [panel for panel in panels if panel.curves]
    data = {f"{key}-{number}": panel_data(panel) for number, panel in enumerate(panels)}
    return Part(title, _grid(data), data)


def _films(run: Run, key: str, told: dict[str, str]) -> Part:
    data = {f"{key}-film-{number}": film_data(film) for number, film in enumerate(films(run, told))}
    return Part("Through training", _grid(data), data)


def _grid(data: dict[str, Any]) -> str:
    """The places of charts, beside one another."""
    html = "".join(figure_html(name, one["title"]) for name, one in data.items())
    return f"<div class=charts>{html}</div>" if data else ""


def _pictures(run: Run, told: dict[str, str]) -> Part:
    """The probes' own pictures, and what is said of probes that fail at what they stored."""
    made = []
    for name in run.experiment.probes if run.rows else ():
        try:
            figure = figure_of_probe(run, name)
            with of_stored(run, name):
                picture = rendered(figure, "png") if figure.axes else b""
        except UserError as error:
            warn_of(told, name, error)
            continue
        if picture:
            words = attribute(f"what the probe {name} recorded")
            image = f'<img alt="{words}" src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
            made.append(f"<figure class=picture><figcaption>{escape(name)}</figcaption>{image}</figure>")
    pictures = f"<div class=pictures>{''.join(made)}</div>" if made else ""
    return Part("The probes' pictures", pictures + "".join(f"<p>{escape(said)}</p>" for said in told.values()))


def _config(run: Run) -> Part:
    rows = [one for one in sourced(run.config, {}, "config", "") if one.help != "which plugin" or one.value != "none"]
    changed = [[one.field, _said(one.value), one.help] for one in rows if one.source != "default"]
    same = [[one.field, _said(one.value), one.help] for one in rows if one.source == "default"]
    table = table_html(["field", "value", "meaning"], changed)
    rest = f"<details><summary>{len(same)} fields with their defaults</summary>{table_html(['field', 'value', 'meaning'], same)}</details>"
    return Part("Config: what differs from the defaults", table + rest)


def _said(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)


def _environment(run: Run) -> list[Part]:
    if run.path is None:
        return []
    content = Sessions(RunDirectory(run.path).environment).content
    versions = [[name, _said(value)] for name, value in (content.get("bits_depend_on") or {}).items()]
    versions += [[name, _said(content[name])] for name in ("git_commit", "data") if content.get(name)]
    sessions = [[str(one.get(key) or "") for key in ("start", "from_step", "at_step", "reason", "command")] for one in content["sessions"]]
    config = base64.b64encode(json.dumps(to_dict(run.config), indent=2).encode()).decode()
    again = shlex.join(["whygrok", "run", "--config=config.json", f"--workdir=runs/{run.path.name}-again"])
    exact = shlex.join(["whygrok", "rerun", str(run.path.name), "--verify"])
    how = f"""<p>Save the <a download="config.json" href="data:application/json;base64,{config}">config of this run</a> as
<code>config.json</code>, and train it with the versions below:</p><pre><code>{escape(again)}</code></pre>
<p>Where the folder of this run is at hand, this trains it again and compares every bit:</p><pre><code>{escape(exact)}</code></pre>"""
    heads = ["started", "from step", "to step", "ended", "command"]
    return [Part("How to make it again", how), Part("Environment", table_html(["what", "value"], versions) + table_html(heads, sessions))]
