"""The wheel, installed in an empty environment and run from an empty folder, does what the checkout does."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy of the tracked files' folders, so that nothing is left behind in the checkout."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("framework", "plugins", "configs", "whygrok.py", "pyproject.toml", "README.md", "LICENSE"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(source)], check=True)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_the_product_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"framework", "plugins", "configs", "whygrok.py"}
    shipped = {name for name in names if name.endswith(".py")}
    here = {str(file.relative_to(ROOT)) for part in ("framework", "plugins", "configs") for file in (ROOT / part).rglob("*.py")}
    assert shipped == here | {"whygrok.py"}


@pytest.mark.slow
def test_the_wheel_trains_from_an_empty_folder(wheel, tmp_path):
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    install = [str(environment / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "-c", str(ROOT / "constraints.txt"), str(wheel), "pytest"], check=True, capture_output=True)
    empty = tmp_path / "empty"
    empty.mkdir()
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PATH": f"{environment}/bin:/usr/bin:/bin"}

    def whygrok(*arguments):
        result = subprocess.run(["whygrok", *arguments], cwd=empty, env=clean, capture_output=True, text=True, timeout=300)
        assert result.returncode == 0, result.stderr
        return result.stdout

    listed = json.loads(whygrok("list", "configs", "--json"))
    assert [row["name"] for row in listed] == [config.name for config in shipped_here()]
    said = whygrok("run", "--config=quickstart", "--workdir=runs/first")
    assert re.search(r"grokked +step \d+", said)
    assert (empty / "runs/first/figures/curves.png").is_file()
    core = ["test_reference.py", "test_numbers.py", "test_events.py", "test_expressions.py", "reference.py", "__init__.py"]
    tests = tmp_path / "core" / "tests"
    tests.mkdir(parents=True)
    for name in core:
        (tests / name).write_text((ROOT / "tests" / name).read_text())
    subprocess.run(["cp", "-r", str(ROOT / "tests/data"), str(tests)], check=True)
    subprocess.run([*install, "-c", str(ROOT / "constraints.txt"), "hypothesis"], check=True, capture_output=True)
    run = [str(environment / "bin/python"), "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", str(tests)]
    result = subprocess.run(run, cwd=tmp_path / "core", env=clean | {"PYTHONPATH": str(tmp_path / "core")}, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def shipped_here():
    from framework.config_files import shipped_configs

    return shipped_configs()


def test_ci_gives_the_readmes_test_command():
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci/run").read_text()
    assert "\ntools/venv pytest\n" in readme and ci.rstrip().endswith("\ntools/venv pytest")


def test_pins_name_versions_and_nothing_else():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert lines and all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line) for line in lines)
