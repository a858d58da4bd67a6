"""Every command and every file shown in README and docs, done in order in an empty folder."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from framework import load_run
from framework.config import from_dict, load_config, load_sweep, to_dict
from framework.evidence.reproduce import QUIET, figures
from tests.helpers import command_server

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference.md"  # written by tools/reference
GALLERY = ROOT / "docs" / "gallery.md"  # by tools/gallery
PAGES = [ROOT / "README.md", *sorted({*(ROOT / "docs").glob("*.md")} - {REFERENCE, GALLERY})]
SHOWN = ("first_ten_minutes", "tutorial")  # pages with screens, whose commands tools/screens runs
ANY_BLOCK = re.compile(r"^```\w+\n.*?^```\n", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def steps(page):
    """("file", name, text) for a Python block that names its file, ("command", line) for each line of a shell block."""
    for language, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "sh":
            yield from (("command", line) for line in text.splitlines() if line)
        else:
            name = re.match(r"# (\w+\.py)\n", text)
            assert name, f"{page.name}: a Python block begins with the name of its file"
            yield "file", name[1], text


@pytest.fixture
def commands():
    """A function of folder and words: runs `whygrok …` or a script, each in a process of its own."""
    with command_server(shell_environment()) as run:
        yield run


def as_typed(folder, words, environment):
    result = subprocess.run(["sh", "-c", words], cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    return result.returncode, result.stderr


def shell_environment(long=False):
    """Programs are compiled with less effort, but for a long run."""
    path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return os.environ | path | ({} if long else {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"})


def assert_went_well(line, code, error):
    assert code == 0, f"{line}\n{error}"
    # What probes cost is said where they take longer than training, which depends on what else the machine does.
    lines = [words for words in error.lower().splitlines() if " per event, " not in words]
    assert "Traceback" not in error and not any("warning" in words for words in lines), error


def test_the_readmes_first_command_trains_until_the_network_generalizes(tmp_path):
    """In a process of its own, as a user types it, with a user's machine code."""
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    _, line = next(steps(PAGES[0]))
    assert line == "tools/venv whygrok run --config=configs/quickstart.py --workdir=runs/first"
    assert_went_well(line, *as_typed(tmp_path, line.removeprefix("tools/venv "), shell_environment(long=True) | {"XLA_FLAGS": ""}))
    assert (tmp_path / "runs/first/figures/curves.png").is_file()
    assert load_run(tmp_path / "runs/first").metrics()["test/accuracy"][-1] == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if any(steps(page)) and page.stem not in SHOWN], ids=lambda page: page.stem)
def test_a_page_does_what_it_shows(page, tmp_path, commands):
    if page.stem == "slurm" and "SLURM_CONF" not in os.environ:
        pytest.skip("no Slurm here: tools/one-node-slurm pytest tests/test_docs.py")
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    done = 0
    for kind, *rest in steps(page):
        if kind == "file":
            name, text = rest
            (tmp_path / name).write_text(text, encoding="utf-8")
            is_script = "@register(" not in text and "def get_config(" not in text  # plugins and configs are files for later
            command = f"{sys.executable} {name}" if is_script else ""
        else:
            # The README's test command is what runs these tests: tests/test_packaging.py holds that CI gives it.
            command = rest[0].removeprefix("tools/venv ").removeprefix("pytest")
        if command:
            # The first commands of the README are typed into a shell, and so is what only a shell understands.
            first = page.stem == "README" and done < 2
            plain = re.fullmatch(r"(whygrok|\S*/python\S*) [^|&;<>$`*\"'()]+", command)
            if plain and not first:
                assert_went_well(command, *commands(tmp_path, command.split()))
            else:
                assert_went_well(command, *as_typed(tmp_path, command, shell_environment(long=first)))
            done += 1
    assert done
    if page.stem == "README":
        assert (tmp_path / "runs/first/figures/curves.png").is_file() and (tmp_path / "compared.png").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("page", SHOWN)
def test_a_page_shows_what_its_commands_print(page):
    """Apart from times and rates; and each of its commands goes well."""
    done = subprocess.run([sys.executable, str(ROOT / "tools/screens"), "--check", page], capture_output=True, text=True)
    assert done.returncode == 0, f"tools/screens makes the page anew\n{done.stdout}{done.stderr}"


def test_docs_are_short_and_links_lead_somewhere():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if page.stem != "README":
            written = ANY_BLOCK.sub("", text) if page.stem in SHOWN else text  # screens and whole files have as many lines as they have
            assert len(written.splitlines()) <= 60, page.name
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (page.parent / target).is_file(), f"{page.name} links to {target}"


@pytest.mark.slow
def test_the_reference_is_what_the_docstrings_say(tmp_path):
    subprocess.run([sys.executable, str(ROOT / "tools/reference"), str(tmp_path / "reference.md")], check=True)
    assert (tmp_path / "reference.md").read_text() == REFERENCE.read_text(), "run tools/reference"


def configs_in(picture):
    """The configs that drew a picture; a field that was added since has its default."""
    return [to_dict(from_dict(plain)) for plain in json.loads(picture.text["Description"])]


def test_the_picture_of_the_readme_was_made_by_its_first_command():
    """The config that drew a picture is inside it."""
    with Image.open(ROOT / "docs/images/quickstart.png") as picture:
        drawn = configs_in(picture)
    assert drawn == [to_dict(load_config("quickstart"))]


@pytest.mark.parametrize("name", figures())
def test_a_picture_of_the_gallery_is_of_the_sweep_that_ships_and_its_data_beside_it(name):
    sweep = [to_dict(member.config) for member in load_sweep(f"paper/{name}:scale=laptop", QUIET)]
    with Image.open(GALLERY.parent / "gallery" / f"{name}.png") as picture:
        assert configs_in(picture) == sweep
    with open(GALLERY.parent / "gallery" / f"{name}.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) > 100
    assert json.loads((GALLERY.parent / "gallery" / f"{name}.json").read_text())["members"] == len(sweep)


@pytest.mark.slow
def test_the_gallery_is_what_its_files_say(tmp_path):
    subprocess.run([sys.executable, str(ROOT / "tools/gallery"), f"--page={tmp_path / 'gallery.md'}"], check=True)
    assert (tmp_path / "gallery.md").read_text() == GALLERY.read_text(), "run tools/gallery"
