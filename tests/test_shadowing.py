"""The names of our packages are generic: whoever hides or overwrites one is named, before anything of ours is imported."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("framework", "plugins", "configs")


def whygrok(cwd: Path, *paths: Path, bare: bool = False) -> subprocess.CompletedProcess[str]:
    """`whygrok list` in a process that looks for modules in `paths` first; bare: without this environment's packages."""
    inserted = f"import sys; sys.path[:0] = {[str(path) for path in paths]}; sys.argv = ['whygrok', 'list']; import whygrok; whygrok.main()"
    options = ["-I", "-S"] if bare else ["-P"]
    return subprocess.run([sys.executable, *options, "-c", inserted], cwd=cwd, capture_output=True, text=True)


@pytest.fixture
def site(tmp_path) -> Path:
    """A site-packages folder with whygrok installed in it, as far as its packages go."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    shutil.copy(ROOT / "whygrok.py", folder)
    for package in PACKAGES:
        (folder / package).mkdir()
        shutil.copy(ROOT / package / "__init__.py", folder / package)
    record(folder, "whygrok", *(f"{package}/__init__.py" for package in PACKAGES), "whygrok.py")
    return folder


def record(site: Path, name: str, *files: str) -> None:
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_users_module_on_the_path_is_named(tmp_path, package):
    mine = tmp_path / f"{package}.py"
    mine.write_text("1 / 0")
    done = whygrok(tmp_path, tmp_path)
    assert done.returncode == 2
    assert str(mine) in done.stderr
    assert f"hides our package {package!r}" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("file", ["framework/__init__.py", "configs/experiment_one.py"])
def test_a_users_folder_on_the_path_is_named(tmp_path, site, file):
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_text("")
    done = whygrok(tmp_path, tmp_path, ROOT)
    if file.endswith("__init__.py"):
        assert done.returncode == 2
        assert str(tmp_path / "framework") in done.stderr
    else:  # a folder without __init__.py hides no package that comes later on the path
        assert done.returncode == 0, done.stderr


def test_a_distribution_that_overwrote_our_package_is_named(site):
    (site / "framework" / "__init__.py").write_text('"""A web framework."""\n')
    record(site, "webby", "framework/__init__.py", "webby.py")
    done = whygrok(site, site, bare=True)
    assert done.returncode == 2
    assert "was overwritten by the distribution webby" in done.stderr
    assert "ImportError" not in done.stderr


def test_a_distribution_whose_package_comes_first_is_named(site, tmp_path):
    other = tmp_path / "other"
    (other / "plugins").mkdir(parents=True)
    (other / "plugins" / "__init__.py").write_text("")
    record(other, "pluggy-things", "plugins/__init__.py")
    done = whygrok(site, other, site, bare=True)
    assert done.returncode == 2
    assert "of the distribution pluggy-things hides our package 'plugins'" in done.stderr


def test_a_package_that_was_uninstalled_with_another_is_named(site):
    shutil.rmtree(site / "framework")  # pip removed it together with the distribution that had overwritten it
    done = whygrok(site, site, bare=True)
    assert done.returncode == 2
    assert "'framework' is missing" in done.stderr
    assert "install whygrok again" in done.stderr


def test_an_installation_of_our_own_is_let_through(site):
    check = f"import sys; sys.path[:0] = [{str(site)!r}]; import whygrok; print(whygrok.shadowed())"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", check], capture_output=True, text=True)
    assert done.stdout == "None\n", done.stderr
