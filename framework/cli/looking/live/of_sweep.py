"""The screen of a sweep: how many members are done, the test curves of all, a table of those that run, and why others failed."""

from rich.text import Text

from framework.cli.looking.live.panel import AROUND, LEAST_ROWS, Line, Panel
from framework.cli.looking.live.quantiles import quantiles
from framework.cli.looking.live.words import STYLES, bar, broken, duration, flowing, pace, printable
from framework.cli.tables import aligned, cell, initialled, shortened
from framework.records.live import ORDER, LiveSweep, Member

MOST_ROWS = 11
MOST_CURVES = 30  # beyond which single ones cannot be told apart
MOST_OF_NAME = 48  # characters
MOST_NAMED = 20  # members that have failed alike
LEAST_RUNNING, LEAST_FAILED = 3, 3  # lines of each list that have room before curves do
COLUMNS = ("step", "of", "train", "test", "fitted", "grokked", "left")
WORTH = ("grokked", "fitted", "of", "left", "train")  # columns that go first where there is no room


def screen(sweep: LiveSweep, width: int, height: int, ascii_only: bool = False) -> list[Text]:
    """Lines of at most so many characters, at most so many."""
    head = [*title(sweep, width), *progress(sweep, width, ascii_only)]
    head += [line for said in sweep.damage for line in broken(f"warning: {said}", width, "yellow", 2)]
    running, failed = sweep.in_state("running", "starting"), sweep.in_state("failed", "killed")
    room = height - len(head)
    lists = [_lines_for(LEAST_RUNNING, running, 1), _lines_for(LEAST_FAILED, failed, 0)]
    drawn = _curves(sweep, width, room - sum(lists), ascii_only)
    room -= len(drawn)
    said = _failures(failed, width, max(room - _lines_for(len(running), running, 1), lists[1]))
    shown = _table(running, width, room - len(said))
    return [*head, *drawn, *shown, *said][:height]


def title(sweep: LiveSweep, width: int) -> list[Text]:
    """Which sweep it is, and how many members stand in which way."""
    counts = [Text(f"{sweep.counts[state]:,} {state}", STYLES.get(state, "")) for state in ORDER if sweep.counts[state]]
    counts += [Text("still reading: there may be more", "dim")] if sweep.is_partial else []
    named = f"{len(sweep.members):,} member{'s' * (len(sweep.members) != 1)}:"
    return flowing([Text(printable(sweep.folder), "bold"), Text(named), *counts], width)


def progress(sweep: LiveSweep, width: int, ascii_only: bool) -> list[Text]:
    """The steps of all members, how fast those that run are together, and the time left."""
    share = f" ({sweep.steps_done / sweep.steps:.0%})" if sweep.steps else ""
    said = Text(f"step {sweep.steps_done:,} of {sweep.steps:,}{share}")
    parts = [bar(sweep.steps_done, sweep.steps, width, ascii_only), said]
    if sweep.rate:
        parts.append(pace(sweep.rate))
    if sweep.left is not None:
        parts.append(Text(f"about {duration(sweep.left)} left", "bold"))
    return flowing(parts, width)


def _lines_for(least: int, members: list[Member], more: int) -> int:
    """The lines that so many members at least would take."""
    return min(least, len(members)) + more if members else 0


def _curves(sweep: LiveSweep, width: int, room: int, ascii_only: bool) -> list[Text]:
    """The test values of all members in one panel: those that run above those that ended, or of very many how they are spread."""
    rows = min(room - AROUND - 1, MOST_ROWS)
    there = [member for member in sweep.members if member.run.outcome.test is not None]
    if rows < LEAST_ROWS or not there:
        return []
    there.sort(key=lambda member: member.state == "running")
    most = max(max(member.steps, member.run.step) for member in sweep.members)
    grokked = [member.run.outcome.grokked for member in there if member.run.outcome.grokked is not None]
    headlines = " or ".join(sorted({member.run.headline for member in there}))
    named = f"test {printable(headlines).replace('_', ' ')}, {len(there):,} member{'s' * (len(there) > 1)}, {len(grokked):,} grokked"
    lines = quantiles([_of_test(member) for member in there], most) if len(there) > MOST_CURVES else [_line(member) for member in there]
    return Panel(named, lines, most, {"first grokked": min(grokked)} if grokked else {}).drawn(width, rows, ascii_only)


def _line(member: Member) -> Line:
    style, letter = ("bold cyan", "o") if member.state == "running" else ("dim", ".")
    return Line("", *_of_test(member), style, letter)


def _of_test(member: Member) -> tuple[list[int], list[float]]:
    return member.run.curves[f"test/{member.run.headline}"]


def _table(members: list[Member], width: int, room: int) -> list[Text]:
    """A line per member, with as many columns as there is room for; the last line says how many more there are."""
    if room < 2 or not members:
        return []
    shown = members if len(members) < room else members[: room - 2]
    names, columns = _names(shown, width), list(COLUMNS)
    cells = [_cells(member) for member in shown]
    for worth in ("", *WORTH):
        columns = [column for column in columns if column != worth]
        lines = aligned([["running", *columns], *([name, *(one[c] for c in columns)] for name, one in zip(names, cells, strict=True))])
        if max(map(len, lines)) <= width:
            break
    found = [Text(lines[0], "dim"), *map(Text, lines[1:])]
    return found + ([Text(f"and {len(members) - len(shown):,} more", "dim")] if len(shown) < len(members) else [])


def _cells(member: Member) -> dict[str, str]:
    outcome, left = member.run.outcome, member.run.left
    numbers = {name: cell(getattr(outcome, name)) for name in ("train", "test", "fitted", "grokked")}
    step = f"{member.run.step:,}" if member.state == "running" else member.state
    return numbers | {"step": step, "of": f"{member.steps:,}", "left": "-" if left is None else duration(left)}


def _failures(members: list[Member], width: int, room: int) -> list[Text]:
    """Why members failed: one that is alone with its sentence, or how many there are, and which."""
    alike: dict[str, list[Member]] = {}
    for member in members:
        unsaid = "killed, without a word" if member.state == "killed" else "failed, without a word"
        alike.setdefault(f"{member.state}: {member.said}" if member.said else unsaid, []).append(member)
    found: list[Text] = []
    left = len(members)
    for said, those in sorted(alike.items(), key=lambda one: -len(one[1])):
        names = _names(those, width)
        lines = broken(f"{names[0] if len(those) == 1 else f'{len(those):,}'} {said}", width, "red", 2)
        lines += broken(", ".join(names[:MOST_NAMED]), width, "dim", 2) if len(those) > 1 else []
        if len(found) + len(lines) > room - (left > len(those)):
            return [*found, Text(f"and {left:,} more that failed or were killed", "red")] if room > len(found) else found
        found, left = found + lines, left - len(those)
    return found


def _names(members: list[Member], width: int) -> list[str]:
    room = min(MOST_OF_NAME, max(width // 2, 12))
    names = [printable(member.name) for member in members]
    if max(map(len, names), default=0) > room:
        names = initialled(names)[0]
    return [shortened(name, room) for name in names]
