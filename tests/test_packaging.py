"""The wheel, installed in an empty environment and run from an empty folder, does what the checkout does."""

import ast
import functools
import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """The folder of the source distribution and of the wheel that is built from it.

    From a copy of the tracked files' folders, so that nothing is left behind in the checkout.
    """
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("framework", "plugins", "configs", "whygrok.py", "pyproject.toml", "README.md", "LICENSE"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(source)], check=True)
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    return out


@pytest.fixture(scope="module")
def wheel(distributions):
    [file] = distributions.glob("*.whl")
    return file


@pytest.mark.slow
def test_an_index_of_packages_would_take_both_distributions(distributions):
    files = sorted(distributions.iterdir())
    assert [file.name.removeprefix("whygrok-0.1.0") for file in files] == ["-py3-none-any.whl", ".tar.gz"]
    done = subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *map(str, files)], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count("PASSED") == 2, done.stdout + done.stderr


@pytest.mark.slow
def test_the_wheel_holds_the_product_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"framework", "plugins", "configs", "whygrok.py"}
    shipped = {name for name in names if name.endswith(".py")}
    here = {str(file.relative_to(ROOT)) for part in ("framework", "plugins", "configs") for file in (ROOT / part).rglob("*.py")}
    assert shipped == here | {"whygrok.py"}
    templates = {name for name in names if name.endswith(".txt") and "templates" in name}
    assert templates == {str(file.relative_to(ROOT)) for file in (ROOT / "framework/cli/checking/templates").rglob("*.txt")}
    browser = {name for name in names if name.endswith((".css", ".js"))}
    assert browser == {str(file.relative_to(ROOT)) for file in (ROOT / "framework/evidence/report/browser").iterdir()}


OPTIONAL = {
    "mlflow",
    "pandas",
    "pyarrow",
    "pytest",
    "sklearn",
    "submitit",
    "torch",
    "wandb",
}  # imported in a function, where a person asks for what needs them


@pytest.mark.slow
def test_the_wheel_asks_for_every_package_that_it_imports(wheel):
    """Its metadata against the imports of its files, since the environment below has more than what it asks for."""
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        asked = message_from_bytes(archive.read(metadata)).get_all("Requires-Dist", [])
        trees = [ast.parse(archive.read(name)) for name in archive.namelist() if name.endswith(".py")]
    needed = {plain(re.split("[ <>=!~;]", line)[0]) for line in asked if "extra ==" not in line}
    imported = {name for tree in trees for name in imports(tree)} - sys.stdlib_module_names - {"framework", "plugins", "configs"}
    assert {plain({"PIL": "pillow"}.get(name, name)) for name in imported - OPTIONAL} | {"orbax_checkpoint"} == (needed - {"absl_py"}) | {
        "orbax"
    }
    at_the_top = {name for tree in trees for name in imports(tree, deep=False)}
    assert not at_the_top & OPTIONAL


def plain(name):
    """The name of a package as all of its spellings have it."""
    return re.sub("[-_.]+", "_", name).lower()


def imports(tree, deep=True):
    """The packages that a file imports: anywhere, or at its top."""
    for node in ast.walk(tree) if deep else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).partition(".")[0]


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """A virtual environment with the wheel and nothing of the checkout; what is not whygrok's is that of this environment."""
    folder = tmp_path_factory.mktemp("wheel") / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "beside.pth").write_text(sysconfig.get_path("purelib"))  # a path alone: the checkout's own .pth is not read
    install(folder, str(wheel))
    assert at(folder, folder, "python", "-c", "import framework; print(framework.__file__)").startswith(str(packages))
    return folder


def install(environment, *what):
    """A wheel or a package's folder, without its dependencies, which are there."""
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin/python"), "--disable-pip-version-check"]
    here = ["install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed"]
    subprocess.run([*pip, *here, *what], check=True, capture_output=True)


def clean(environment, long=False):
    """Environment variables; a long run has a user's machine code, of others programs are compiled with less effort."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return kept | {"PATH": f"{environment}/bin:/usr/bin:/bin"} | ({"XLA_FLAGS": ""} if long else {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"})


def at(folder, environment, *command, long=False):
    """What a command prints that is given in a folder, in the environment of the wheel."""
    result = subprocess.run(command, cwd=folder, env=clean(environment, long), capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.slow
def test_a_new_plugin_runs_and_keeps_its_promises_as_written(environment, tmp_path):
    whygrok = functools.partial(at, tmp_path, environment, "whygrok")
    whygrok("new-plugin", "probe", "my_probe")
    assert "14 of 14 promises kept" in whygrok("check", "my_probe.py")
    whygrok("run", "--config=quickstart:probes=my_probe", "--config.plugins=my_probe.py", "--config.steps=100", "--workdir=runs/first")
    assert "my_probe/moved" in (tmp_path / "runs/first/metrics.jsonl").read_text().splitlines()[-1]


@pytest.mark.slow
def test_a_new_package_is_installed_found_and_passes_its_tests(environment, tmp_path):
    at(tmp_path, environment, "whygrok", "new-plugin", "penalty", "soft_limit", "--package")
    install(environment, str(tmp_path / "soft-limit"))
    try:
        assert "soft_limit" in at(tmp_path, environment, "whygrok", "list", "penalties")
        assert "1 passed" in at(tmp_path / "soft-limit", environment, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    finally:
        at(tmp_path, environment, "python", "-m", "pip", "uninstall", "--quiet", "--yes", "soft-limit")


@pytest.mark.slow
def test_the_example_package_beside_the_wheel_is_found_runs_and_passes_its_tests(environment, tmp_path):
    """From a copy: building leaves folders behind."""
    subprocess.run(["cp", "-r", str(ROOT / "examples/whygrok-parity"), str(tmp_path)], check=True)
    folder = tmp_path / "whygrok-parity"
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path / "dist"), str(folder)]
    subprocess.run(build, check=True, capture_output=True)
    install(environment, str(next((tmp_path / "dist").glob("*.whl"))))
    commands = [line.strip() for line in (folder / "README.md").read_text().splitlines() if line.startswith("    whygrok ")]
    assert len(commands) == 4
    said = [at(folder, environment, *shlex.split(command)) for command in commands]
    assert "walsh_coefficients" in said[0] and "15 of 15 promises kept" in said[1] and "grokked" in said[2]
    assert (folder / "runs/parity/figures/walsh.png").is_file()
    assert "passed" in at(folder, environment, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider")


@pytest.mark.slow
def test_the_wheel_trains_from_an_empty_folder(environment, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    whygrok = functools.partial(at, empty, environment, "whygrok")
    listed = json.loads(whygrok("list", "configs", "--json"))
    assert [row["name"] for row in listed] == [config.name for config in shipped_here()]
    said = whygrok("run", "--config=quickstart", "--workdir=runs/first", long=True)
    assert re.search(r"grokked +step \d+", said)
    assert (empty / "runs/first/figures/curves.png").is_file()
    core = ["test_reference.py", "test_numbers.py", "test_events.py", "test_expressions.py"]
    core += ["reference.py", "conftest.py", "helpers.py", "dying_members.py", "batches_of_members.py", "__init__.py"]
    tests = tmp_path / "core" / "tests"
    tests.mkdir(parents=True)
    for name in core:
        (tests / name).write_text((ROOT / "tests" / name).read_text())
    subprocess.run(["cp", "-r", str(ROOT / "tests/data"), str(tests)], check=True)
    run = [str(environment / "bin/python"), "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", str(tests)]
    there = clean(environment) | {"PYTHONPATH": str(tmp_path / "core")}
    result = subprocess.run(run, cwd=tmp_path / "core", env=there, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def shipped_here():
    from framework.config import shipped_configs

    return shipped_configs()


def test_ci_gives_the_readmes_test_command():
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci/run").read_text()
    assert "\ntools/venv pytest\n" in readme and "\ntools/venv pytest\n" in ci
    assert ci.splitlines()[-1].startswith("tools/one-node-slurm tools/venv pytest -m slow")


def test_pins_name_versions_and_nothing_else():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert lines and all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line) for line in lines)
