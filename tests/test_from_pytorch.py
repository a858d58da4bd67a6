"""docs/from_pytorch.md: the left column is a whole script, the right one is the file shown there, and both are one experiment."""

import ast
import re
from pathlib import Path

import pytest

from framework.config import load_config

PAGE = (Path(__file__).parents[1] / "docs" / "from_pytorch.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (.*) \| (.*) \|$", PAGE, re.MULTILINE)[1:]  # without the head
FILE = re.search(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[1]


def lines(cell):
    return re.findall(r"`([^`]+)`", cell)


SCRIPT = "\n".join(line for left, _ in ROWS for line in lines(left))


def test_the_left_column_is_a_script_from_top_to_bottom():
    names = {node.name for node in ast.walk(ast.parse(SCRIPT)) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert names == {"Net", "__init__", "forward", "main"} and SCRIPT.endswith("main(seed)")


def test_the_right_column_is_the_file():
    shown = [line for _, right in ROWS if not right.startswith("(") for line in lines(right)]
    inside = [line.strip() for line in FILE.splitlines()]
    assert len(shown) > 8 and [line for line in inside if line in shown] == shown  # in this order, too


def test_numbers_of_the_script_are_those_of_the_config(tmp_path):
    (tmp_path / "addition.py").write_text(FILE)
    config = load_config(str(tmp_path / "addition.py"))
    optimizer = re.search(r"lr=(\S+), betas=\((\S+), (\S+)\), weight_decay=(\S+)\)", SCRIPT)
    assert [float(number) for number in optimizer.groups()] == [
        config.optimizer[name] for name in ("learning_rate", "b1", "b2", "weight_decay")
    ]
    assert f"p = {config.task.p}\n" in SCRIPT and f"w.data *= {config.model.init_scale:g}" in SCRIPT
    assert f"range({config.steps + 1:_})" in SCRIPT and f"Net({config.model.width.replace('*', ' * ')})" in SCRIPT


@pytest.mark.slow
def test_the_script_groks_when_the_config_does(tmp_path):
    """Where PyTorch is installed."""
    torch = pytest.importorskip("torch")
    said = []
    space = {"print": lambda *words: said.append([float(word) for word in words])}
    script = SCRIPT.replace("range(3)", "range(1)").replace('"last.pt"', repr(str(tmp_path / "last.pt")))
    exec(compile(script, "script", "exec"), space)
    step, _, train, test = said[-2]
    assert torch.is_tensor(space["x"]) and train == 1 and test >= 0.99 and 800 <= step <= 5_000  # the quickstart: 2,200
