"""whygrok evaluate: losses and accuracies of a saved network, and of what interventions would make of it."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from framework.cli import Parser
from framework.cli.answers import answer
from framework.cli.overrides import add_plugins
from framework.errors import UserError

if TYPE_CHECKING:
    from framework.reading.evaluation import Evaluation

EXAMPLES = """\
  whygrok evaluate runs/first                                                             the newest network, as it is
  whygrok evaluate runs/first@3500 --intervention=scale --intervention.factor=0.5         twice as small
  whygrok evaluate runs/first --intervention=frequencies --intervention.mode=remove --json
  whygrok evaluate runs/first --intervention=noise --intervention=neurons --intervention.count=10   one after another
"""
FLAG = "--intervention"


def main(arguments: Sequence[str]) -> int:
    """Prints a table of numbers, or JSON."""
    parser = Parser("evaluate", EXAMPLES)
    parser.add_argument("run", metavar="RUN[@STEP]", help="a run directory, and a step whose state is saved; by default the newest")
    said = "an intervention to make first; its fields follow as --intervention.FIELD=VALUE, and others after it"
    parser.add_argument(FLAG, metavar="NAME", action="append", help=said)
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_plugins(parser)
    rest, asked = _asked(arguments)
    options = parser.parse(rest)
    from framework.reading.evaluation import evaluate  # after the arguments are read: JAX is not imported for --help
    from framework.registry import from_section
    from framework.run import load_run, run_and_step, start_backend

    path, step = run_and_step(options.run)
    run = load_run(path, options.plugins)
    start_backend()
    made = [from_section("intervention", fields, "intervention") for fields in asked]
    found = evaluate(run, made, step)
    answer(json.dumps(_plain(str(run.path), found), indent=2) if options.json else _text(str(run.path), found))
    return 0


def _asked(arguments: Sequence[str]) -> tuple[list[str], list[dict[str, str]]]:
    """(the other arguments, the section of each intervention in order)."""
    rest: list[str] = []
    asked: list[dict[str, str]] = []
    pending = list(arguments)
    while pending:
        argument = pending.pop(0)
        flag, equals, value = argument.partition("=")
        if flag != FLAG and not flag.startswith(f"{FLAG}."):
            rest.append(argument)
            continue
        if not equals:
            value = pending.pop(0) if pending and not pending[0].startswith("--") else ""
        if not value and flag == FLAG:
            raise UserError(f"{FLAG} names none: write {FLAG}=scale (whygrok list interventions)")
        if flag == FLAG:
            asked.append({"name": value})
        elif not asked:
            raise UserError(f"{argument!r}: the field belongs to no intervention: write {FLAG}=NAME before it")
        else:
            asked[-1][flag.removeprefix(f"{FLAG}.")] = value
    return rest, asked


def _plain(path: str, found: "Evaluation") -> dict[str, Any]:
    from framework.storage import json_number

    def numbers(values: dict[str, Any]) -> dict[str, Any]:
        plain = {name: value.tolist() if getattr(value, "ndim", 0) else json_number(value) for name, value in values.items()}
        return {name: None if isinstance(value, str) else value for name, value in plain.items()}  # JSON has no infinities

    changed = [{"intervention": name, **numbers(values)} for name, values in found.changed]
    return {"run": path, "step": found.step, "interventions": changed, "before": numbers(found.before), "after": numbers(found.after)}


def _text(path: str, found: "Evaluation") -> str:
    lines = [f"run   {path}", f"step  {found.step}"]
    for name, values in found.changed:
        lines.append(f"{name}: " + ", ".join(f"{what} {_short(value)}" for what, value in values.items() if _is_told(value)))
    widest = max([22, *map(len, found.before)]) + 2
    head = f"{'before':>12}  {'after':>12}" if found.changed else ""
    lines.append(f"\n{'':{widest}}{head}".rstrip())
    for column, value in found.before.items():
        after = f"  {found.after[column]:12.6g}" if found.changed else ""
        lines.append(f"{column:{widest}}{value:12.6g}{after}")
    return "\n".join(lines)


def _is_told(value: Any) -> bool:
    return bool(value.size) if getattr(value, "ndim", 0) else bool(value)


def _short(value: Any) -> str:
    return "[" + " ".join(f"{one:.6g}" for one in value.ravel()) + "]" if getattr(value, "ndim", 0) else f"{value:.6g}"
