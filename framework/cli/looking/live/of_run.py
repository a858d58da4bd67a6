"""The screen of one run: how it stands, its curves so far, and what has happened to it last."""

from rich.text import Text

from framework.cli.looking.live.panel import AROUND, LEAST_ROWS, Line, Panel
from framework.cli.looking.live.words import STYLES, bar, beside, broken, duration, flowing, pace, printable
from framework.records.live import KILLED, MISSING, STARTING, LiveRun

WIDE, NARROW = 110, 80  # characters from which two panels lie beside one another; where there are few lines, as in most terminals
FEW = 7  # rows of a canvas, below which it is better narrow than low
MOST_ROWS = 16  # of a canvas: a curve is not clearer on more
MOST_HAPPENED, LEAST_HAPPENED = 6, 2
AGAIN = "Give the command that trained it again, and it goes on."
SILENT_SECONDS = 60.0  # since its last row, from which a run's silence is said


def screen(run: LiveRun, width: int, height: int, ascii_only: bool = False) -> list[Text]:
    """Lines of at most so many characters, at most so many."""
    head = [*title(run, width), *progress(run, width, ascii_only)]
    notes = [line for said in run.damage for line in broken(f"warning: {said}", width, "yellow", 2)]
    happened = _happened(run, width, MOST_HAPPENED)
    room = height - len(head) - len(notes)
    kept = min(len(happened), max(room - 2 * (AROUND + LEAST_ROWS) - 2, LEAST_HAPPENED))
    happened = happened[len(happened) - kept :]
    drawn = _panels(run, width, room - len(happened) - 1, ascii_only) or _numbers(run, width)
    return [*head, *notes, *drawn, *([Text()] if happened else []), *happened][:height]


def title(run: LiveRun, width: int) -> list[Text]:
    """Which run it is, and how it stands."""
    said = {
        MISSING: "does not exist yet",
        STARTING: "is starting: no row is there yet",
        KILLED: "was killed, or its machine went down: nobody writes it",
    }.get(run.state, run.state)
    parts = [Text(printable(run.folder), "bold"), Text(said, STYLES.get(run.state, ""))]
    parts += [Text(printable(run.who), "dim")] if run.who else []
    explained = broken(run.said, width, STYLES.get(run.state, "")) if run.state in ("failed", "stopped") else []
    explained += broken(AGAIN, width, "dim") if run.state in ("killed", "stopped") else []
    return [*flowing(parts, width), *explained]


def progress(run: LiveRun, width: int, ascii_only: bool) -> list[Text]:
    """Steps, rate and time left; the accuracies, and when it fitted and grokked."""
    if run.state == MISSING:
        return []
    share = f" ({run.step / run.steps:.0%})" if run.steps else ""
    parts = [bar(run.step, run.steps, width, ascii_only), Text(f"step {run.step:,} of {run.steps:,}{share}")]
    if run.rate:
        parts.append(pace(run.rate))
    if run.left is not None and run.step < run.steps:
        parts.append(Text(f"{duration(run.left)} left", "bold"))
    if run.took is not None:
        parts.append(Text(f"trained for {duration(run.took)}", "dim"))
    if run.who and (run.since or 0.0) > SILENT_SECONDS:
        parts.append(Text(f"last row {duration(run.since or 0.0)} ago", "dim"))
    return flowing(parts, width)


def _happened(run: LiveRun, width: int, most: int) -> list[Text]:
    """A line for each event, or two; the date where there is room."""
    shown, lines = run.happened[-most:], list[Text]()
    across = max((len(f"{one.step:,}") for one in shown), default=0)
    for one in shown:
        at = f"step {one.step:>{across},}  "
        moment = f"  {one.moment:%d %b %H:%M}" if one.moment else ""
        first, *others = broken(one.said, width - len(at), most=2)
        line = Text().append(at, "dim").append_text(first)
        lines.append(line.append(moment if not others and line.cell_len + len(moment) <= width else "", "dim"))
        lines += [Text(" " * len(at)).append_text(other) for other in others]
    return lines


def _panels(run: LiveRun, width: int, room: int, ascii_only: bool) -> list[Text]:
    """Accuracy and loss: beside one another, or one above the other, or accuracy alone where there is no room for both."""
    if run.outcome.step is None:
        return []
    marks = {word: step for word, step in (("fitted", run.outcome.fitted), ("grokked", run.outcome.grokked)) if step is not None}
    panels = [panel for panel in (_panel(run, run.headline, marks, False), _panel(run, "loss", marks, True)) if panel.lines]
    if len(panels) == 2 and width >= (WIDE if room // 2 - AROUND >= FEW else NARROW):
        rows, half = _rows(room - AROUND), width // 2
        left, right = (panel.drawn(half - 1, rows, ascii_only) for panel in panels)
        return beside(left, right, half) if rows else []
    while panels and not (rows := _rows(room // len(panels) - AROUND)):
        panels.pop()
    return [line for panel in panels for line in panel.drawn(width, rows, ascii_only)]


def _numbers(run: LiveRun, width: int) -> list[Text]:
    """What curves would show, where there is no room for any."""
    outcome = run.outcome
    there = {"train": outcome.train, "test": outcome.test}
    return flowing([Text(f"{part} {value:.3f}") for part, value in there.items() if value is not None], width)


def _panel(run: LiveRun, quantity: str, marks: dict[str, int], log_y: bool) -> Panel:
    lines = []
    for part, style, letter, dashed in (("train", "cyan", ".", True), ("test", "magenta", "o", False)):
        steps, values = run.curves.get(f"{part}/{quantity}", ([], []))
        if steps:
            lines.append(Line(f"{part} {values[-1]:.2g}" if log_y else f"{part} {values[-1]:.3f}", steps, values, style, letter, dashed))
    return Panel(printable(quantity).replace("_", " "), lines, max(run.steps, run.step), marks, log_y)


def _rows(room: int) -> int:
    """How many rows a canvas has where there is room for so many; none where it would show nothing."""
    return 0 if room < LEAST_ROWS else min(room - (room % 2 == 0), MOST_ROWS - 1)
