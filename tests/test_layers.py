"""Who may import whom, and what an import may not do."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("framework", "plugins", "configs")
FILES = [ROOT / "whygrok.py", *(file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")))]
OURS = {*PACKAGES, "tests", "tools", "whygrok"}
MAY_IMPORT = {
    "framework": lambda module: module.split(".")[0] == "framework",
    "plugins": lambda module: module.split(".")[0] in ("framework", "plugins"),
    "configs": lambda module: module in ("framework.config", "configs") or module.startswith("configs."),
    "whygrok.py": lambda module: module == "framework.cli",
}


def imported(file: Path) -> list[str]:
    """Every module of ours that a file imports, anywhere in it."""
    modules = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: imports are absolute here"
            modules.append(node.module or "")
    return [module for module in modules if module.split(".")[0] in OURS]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_go_one_way_and_files_are_short(file):
    allowed = MAY_IMPORT[file.relative_to(ROOT).parts[0]]
    assert [module for module in imported(file) if not allowed(module)] == []
    assert len(file.read_text().splitlines()) <= 300


def test_the_rule_would_notice():
    assert not MAY_IMPORT["framework"]("plugins.probes.norms")
    assert not MAY_IMPORT["configs"]("framework.training.experiment")
    assert imported(ROOT / "plugins" / "probes" / "norms.py")


IMPORTS = """
import sys
import framework, plugins, configs
from framework import *
heavy = sorted({name.split(".")[0] for name in sys.modules} & {"matplotlib", "tensorboardX", "orbax", "tensorflow", "torch"})
assert "jax" in sys.modules and not heavy, f"the names of the framework import {heavy}"
from framework import registry
from framework.config import load_config, shipped_configs
assert all(registry.entries(kind) for kind in registry.KINDS if kind != "claim")
for config in shipped_configs():
    load_config(config.name)
from jax._src import xla_bridge
assert not xla_bridge._backends, "something was computed while plugins and configs were imported"
"""


def test_imports_compute_nothing_and_leave_heavy_libraries_alone(tmp_path):
    done = subprocess.run([sys.executable, "-c", IMPORTS], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_product_draws_without_pyplot():
    code = {file: [line.partition("#")[0] for line in file.read_text().splitlines()] for file in FILES}
    assert [file for file, lines in code.items() if any("import" in line and "pyplot" in line for line in lines)] == []
