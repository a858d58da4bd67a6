"""What came of faults: a line of JSON each, so that a long trial goes on where it was stopped, and the table of docs/reliability.md."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

EQUAL, REFUSED, LOST = "equal bits", "clear refusal", "loss"
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- written by python -m tests.faults -->\n", "<!-- to here -->\n"


@dataclass(frozen=True)
class Case:
    """One trial: a fault of a kind, in what it fell, the number that makes it again, how often it was injected, and what came of it."""

    fault: str
    where: str
    number: int
    times: int = 1
    moment: str = ""
    came: str = ""
    said: str = ""

    def ended(self, came: str, said: str = "") -> "Case":
        """The same case, with what came of it."""
        return replace(self, came=came, said=said)


class Results:
    """The cases of a folder, done before or now."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "results.jsonl"
        text = self._file.read_text() if self._file.exists() else ""
        self.cases = [Case(**json.loads(line)) for line in text.splitlines() if line.endswith("}")]

    def add(self, case: Case) -> None:
        """Notes a case, at once."""
        with open(self._file, "a") as file:
            file.write(json.dumps(asdict(case)) + "\n")
        self.cases.append(case)

    def done(self, fault: str, where: str) -> set[int]:
        """The numbers of the cases that were tried."""
        return {case.number for case in self.cases if (case.fault, case.where) == (fault, where)}

    def times(self, fault: str, where: str) -> int:
        """How often a fault was injected."""
        return sum(case.times for case in self.cases if (case.fault, case.where) == (fault, where))


def table(cases: Iterable[Case]) -> str:
    """One row for each fault and place: injected, equal bits, clear refusals, losses."""
    kinds: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        kinds.setdefault((case.fault, case.where), []).append(case)
    lines = ["| fault | in | times | equal bits | clear refusal | loss |", "|---|---|---:|---:|---:|---:|"]
    for (fault, where), some in sorted(kinds.items()):
        counts = [sum(case.times for case in some if case.came == came) for came in (EQUAL, REFUSED, LOST)]
        lines.append(f"| {fault} | {where} | {' | '.join(f'{count:,}' for count in (sum(case.times for case in some), *counts))} |")
    return "\n".join(lines) + "\n"


def write_table(cases: Iterable[Case], page: Path = PAGE) -> None:
    """Puts the table between the two marks of the page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{table(cases)}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
