"""Config files, plugin files and files of runs with a few bytes changed: every command that reads one ends in words, inside its folder."""

import re
from pathlib import Path
from random import Random

import jax

from tests.faults import watched
from tests.faults.lines import VALUES
from tests.faults.results import EQUAL, LOST, REFUSED, Case
from tests.helpers import leaves

FAULT = "a mutated file"
NAMED = ["--config.plugins=drift.py", "--config.probes.drift.name=parameter_drift"]
COMMANDS = {
    "config": (
        ["config", "--config={file}"],
        ["config", "--config={file}", "--sources"],
        ["config", "--config={file}", "--sweep"],
        ["run", "--config={file}", "--workdir=runs/new"],
        ["sweep", "--config={file}", "--workdir=runs/new", "--engine=batch"],
        ["diff", "{file}", "quickstart"],
    ),
    "plugin": (
        ["config", "--config=own.py", *NAMED],
        ["run", "--config=own.py", "--workdir=runs/new", *NAMED],
        ["run", "--config=own.py", "--workdir=runs/new", *NAMED],
        ["check", "drift.py"],
    ),
    "run": (
        ["run", "--workdir=runs/first", "--config.steps=8"],
        ["run", "--workdir=runs/first"],
        ["plot", "runs/first", "--output=drawn.png"],
        ["doctor", "runs/first"],
        ["doctor", "runs/first", "--repair"],
        ["diff", "runs/first", "runs/small"],
        ["collect", "runs"],
        ["config", "--config=runs/first/config.json"],
        ["fork", "runs/first@3", "--workdir=runs/fork", "--config.steps=5"],
    ),
}


def mutated(random: Random, content: bytes) -> bytes:
    """The content of a file, changed once to three times."""
    for _ in range(random.randint(1, 3)):
        content = random.choice(CHANGES)(random, content)
    return content


def _flip(random: Random, content: bytes) -> bytes:
    place = random.randrange(len(content) or 1)
    return content[:place] + bytes([random.randrange(256)]) + content[place + 1 :]


def _cut(random: Random, content: bytes) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def _lose(random: Random, content: bytes) -> bytes:
    place = random.randrange(len(content) + 1)
    return content[:place] + content[place + random.randint(1, 30) :]


def _double(random: Random, content: bytes) -> bytes:
    begin, end = sorted(random.randrange(len(content) + 1) for _ in range(2))
    return content[:end] + content[begin:]


def _lines(random: Random, content: bytes) -> bytes:
    lines = content.split(b"\n")
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def _word(random: Random, content: bytes) -> bytes:
    words = list(re.finditer(rb"[\w.]+", content))
    if not words:
        return content
    one = random.choice(words)
    other = random.choice(words)[0] if random.random() < 0.5 else random.choice(VALUES).encode()
    return content[: one.start()] + other + content[one.end() :]


def _mark(random: Random, content: bytes) -> bytes:
    marks = list(re.finditer(rb"[^\w\s]", content))
    if not marks:
        return content
    place = random.choice(marks).start()
    return (
        content[:place] + random.choice([b"", b"[", b"{", b'"', b",", b":", b"(", b"null", b"-", b"\x00", b"\xff"]) + content[place + 1 :]
    )


CHANGES = (_flip, _cut, _lose, _double, _lines, _word, _word, _word, _mark, _mark)


def some_files(where: str, base: str, numbers: list[int]) -> list[Case]:
    """The cases of these numbers."""
    sandbox = watched.Sandbox(Path(base) / "mutations" / where / str(numbers[0]))
    with sandbox.inside():
        return [_one(sandbox, where, number) for number in numbers]


def _one(sandbox: watched.Sandbox, where: str, number: int) -> Case:
    random = Random(f"mutation {where} {number}")
    sandbox.renew()
    file = _file(random, where)
    content = mutated(random, file.read_bytes())
    if where == "run" and random.random() < 0.05:
        content = b""
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes(content)
    words = [word.replace("{file}", str(file)) for word in random.choice(COMMANDS[where])]
    wrong = sandbox.wrong(words)
    if not wrong and file.parts[2:3] == ("checkpoints",) and words[:2] == ["run", "--workdir=runs/first"]:
        wrong = _other_bits(sandbox)
    if number % 50 == 0:
        jax.clear_caches()
    case = Case(FAULT, where, number, 1, f"{file}: {' '.join(words)}")
    return case.ended(LOST if wrong else EQUAL if where == "run" and words[0] == "run" else REFUSED, wrong)


def _file(random: Random, where: str) -> Path:
    if where == "run":
        return random.choice([file for file in sorted(Path("runs/first").rglob("*")) if file.is_file()])
    return Path(random.choice(["own.py", "own.json"]) if where == "config" else "drift.py")


def _other_bits(sandbox: watched.Sandbox) -> str:
    """Whether a run whose checkpoint was damaged ends in other bits, in words."""
    if not Path("runs/first/checkpoints/6/checksums.json").exists():
        return ""  # it was refused, or left at work
    same = leaves(sandbox.here / "runs" / "first", 6) == leaves(sandbox.made / "runs" / "first", 6)
    return "" if same else "step 6 has other bits"
