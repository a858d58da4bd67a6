"""Fuzzed command lines, thousands in one process: each ends with an exit code that is documented, in a sentence, and inside its folder.

They are the examples of the help, with words lost, doubled, swapped, misspelt, and values of every kind.
"""

import importlib
import re
import shlex
from pathlib import Path
from random import Random
from unittest.mock import patch

from framework import cli
from tests.faults import watched
from tests.faults.results import LOST, REFUSED, Case

FAULT = "a fuzzed command line"
RENEWED = 100  # after how many lines everything is as it was
FULL = 6  # one of so many lines may start JAX, and works until its time is over
VALUES = (
    *(
        "",
        " ",
        "0",
        "-1",
        "1",
        "7",
        "1e3",
        "3.0",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "true",
        "false",
        "none",
        "None",
        "'",
        '"',
        "[]",
        "{}",
        "()",
    ),
    *("a,b", ",", "=", ":", "@", "@3", "runs", "runs/first", "runs/first@6", "runs/first@999", "runs/none", ".", "..", "/", "/dev/null"),
    *("drift.py", "own.py", "own.py:model=mlp", "quickstart", "quickstart:optimizer=gd", "paper/fig1:scale=smoke", "broken.py", "data.bin"),
    *("every 3", "at 1 2", "log 5", "last", "test/accuracy >= 0.9", "2*p^(5/3)", "p", "9**9**9", "1/0", "((((", "50%", "150%", "-5%"),
    *("𝛼", "ü\u202e", "\x1b[31m", "a\nb", "x" * 5000, "../../x", "~", "~nobody", "$HOME", "%s", "{0}", "\\", "|", ";", "*"),
)
FIELDS = (
    *("steps", "seed", "task", "task.p", "task.name", "task.k", "task.train_size", "model", "model.width", "model.name", "optimizer.name"),
    *("optimizer.learning_rate", "penalty.coefficient", "penalty.name", "probes", "probes.x.name", "probes.norms.schedule", "events"),
    *("events.metrics", "checkpoint.every_steps", "checkpoint.keep", "numerics.precision", "numerics.on_divergence", "recording.plot"),
    *("plugins", "stop_when", "interventions.a.name", "interventions.a.schedule", "name", "a.b.c.d", "", ".", "..", "task.", ".p", "Lr"),
)
OPTIONS = (
    *(
        "--workdir",
        "--config",
        "--fresh",
        "--json",
        "--engine",
        "--jobs",
        "--batch",
        "--wait",
        "--scale",
        "--sweep",
        "--sources",
        "--debug",
    ),
    *("--metrics", "--probe", "--output", "--init_from", "--undrawn", "--hosts", "--host", "--coordinator", "--repair", "--repeats"),
    *("--verify", "--report", "--config.plugins", "--x", "-x", "--", "-", "--help", "--by", "--kind", "--step", "--points", "--package"),
)
FILES = ("runs/first", "runs/small", "runs/scales", "runs/none", "own.py", "drift.py", "data.bin", ".")


OURS = (
    *("run --config=own.py --workdir=runs/new", "sweep --config=own.py --workdir=runs/new --engine=batch", "config --config=own.py"),
    *("run --workdir=runs/first --config.steps=8", "plot runs/first runs/small --output=new.png", "plot runs/scales --output=new.png"),
    *(
        "collect runs",
        "diff runs/first runs/small",
        "fork runs/first@3 --workdir=runs/new",
        "evaluate runs/first@3 --config.interventions.a.name=scale",
    ),
    *("run --config=own.py --config.plugins=drift.py --config.probes.drift.name=parameter_drift --workdir=runs/new", "doctor runs/scales"),
)


def examples() -> list[list[str]]:
    """The words after `whygrok` of every example that a command's help shows, and every command alone."""
    found = [[name] for name in cli.COMMANDS] + [words.split() for words in OURS] * 3
    for module, _ in cli.COMMANDS.values():
        for line in importlib.import_module(module).EXAMPLES.splitlines():
            if "whygrok " in line:
                words = re.split(r" {3,}", line.partition("whygrok ")[2])[0]
                found.append(shlex.split(words.partition(")")[0] if '"$(whygrok' in line else words))
    return found


def line(random: Random, known: list[list[str]]) -> list[str]:
    """A command line: an example, changed up to four times."""
    words = list(random.choice(known))
    for _ in range(random.choice([0, 1, 1, 1, 2, 2, 3, 4])):
        random.choice(CHANGES)(random, words)
    return words


def _lose(random: Random, words: list[str]) -> None:
    if len(words) > 1:
        words.pop(random.randrange(1, len(words)))


def _double(random: Random, words: list[str]) -> None:
    words.insert(random.randrange(len(words) + 1), random.choice(words or ["run"]))


def _swap(random: Random, words: list[str]) -> None:
    random.shuffle(words) if random.random() < 0.2 else words.sort(key=lambda word: word.startswith("--") and random.random() < 0.5)


def _misspell(random: Random, words: list[str]) -> None:
    if words:
        which = random.randrange(len(words))
        letters = list(words[which])
        place = random.randrange(len(letters) + 1)
        letters[place : place + random.randint(0, 2)] = random.choice(["", "x", "_", "=", ".", "-", "é", " "])
        words[which] = "".join(letters)


def _value(random: Random, words: list[str]) -> None:
    given = [number for number, word in enumerate(words) if "=" in word]
    if given:
        which = random.choice(given)
        words[which] = f"{words[which].partition('=')[0]}={random.choice(VALUES)}"


def _place(random: Random, words: list[str]) -> None:
    if len(words) > 1:
        words[random.randrange(1, len(words))] = random.choice([*FILES, *VALUES])


def _field(random: Random, words: list[str]) -> None:
    words.append(f"--config.{random.choice(FIELDS)}" + random.choice(["=", "=", ""]) + random.choice(VALUES))


def _option(random: Random, words: list[str]) -> None:
    words.append(random.choice(OPTIONS) + random.choice(["", f"={random.choice(VALUES)}"]))


def _command(random: Random, words: list[str]) -> None:
    if words:
        words[0] = random.choice(list(cli.COMMANDS))


CHANGES = (_lose, _double, _swap, _misspell, _value, _value, _value, _place, _field, _field, _field, _option, _command)


def some_lines(where: str, base: str, numbers: list[int]) -> list[Case]:
    """The cases of these numbers."""
    sandbox, known, cases = watched.Sandbox(Path(base) / "lines" / str(numbers[0])), examples(), []
    with sandbox.inside(), watched.working():
        for count, number in enumerate(numbers):
            if count % RENEWED == 0:
                sandbox.renew()
            random = Random(f"line {number}")
            words = line(random, known)
            with patch("framework.run.start_backend", _begun) if random.randrange(FULL) else patch("framework.run.FAULTS", 0, create=True):
                wrong = sandbox.wrong(words)
            cases.append(Case(FAULT, where, number, 1, repr(words)[:300]).ended(LOST if wrong else REFUSED, wrong))
    return cases


def _begun() -> None:
    raise watched.Begun
