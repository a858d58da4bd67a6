"""The page that `whygrok verify --report` writes."""

import base64
import re
import subprocess
import sys

import numpy as np
import pytest

from framework import Panel, registry
from framework.cli import run_command
from framework.pictures import svg_of

CLAIM = '''
"""Claims of a test."""

from dataclasses import dataclass

import numpy as np

from framework import Claim, Panel, Row, field, register


@register("doubles")
@dataclass(frozen=True, kw_only=True)
class Doubles(Claim):
    """2 <x> is x + x (a test)."""

    x: float = field(1.5, "what is doubled")
    note = "as printed, 2 <x> & 3"

    def check(self, seed):
        return [Row("2<x>", 2 * self.x, self.x + self.x), Row("3x", 3 * self.x, 2 * self.x, expected_to_hold=False)]

    def charts(self, seed):
        x = np.array([1.0, 10.0, 100.0])
        line = np.array([2.0, np.nan, 200.0])
        return [Panel.of_lines("Doubles & more", "x", "2x", x, {"sum": line}, {"product": 2 * x}, {"ten": 10.0}, log="xy")]


@register("stops")
@dataclass(frozen=True, kw_only=True)
class Stops(Claim):
    """A claim with a bug (a test)."""

    def check(self, seed):
        raise RuntimeError('a bug')
'''


@pytest.fixture
def plugin(tmp_path):
    file = tmp_path / "claims_of_a_test.py"
    file.write_text(CLAIM)
    with registry.temporary():
        yield f"--config.plugins={file}"


def inside(page, kind):
    return [base64.b64decode(found).decode() for found in re.findall(rf"data:{re.escape(kind)};base64,([A-Za-z0-9+/=]+)", page)]


def test_a_page_holds_rows_notes_pictures_and_numbers_and_needs_no_network(tmp_path, plugin, capsys):
    file = tmp_path / "new" / "verify.html"
    assert run_command(["verify", "doubles", f"--report={file}", plugin]) == 0
    assert "2 of 2 rows as expected; 1 claim," in capsys.readouterr().out
    page = file.read_text()
    assert "2&lt;x&gt;" in page and "2 &lt;x&gt; &amp; 3" in page and "does not hold, as expected" in page
    (table,) = inside(page, "text/csv")
    header, *lines = table.splitlines()
    assert header == "panel,quantity,curve,x,y"
    assert lines[:3] == [f"Doubles & more,2x,sum,{point}" for point in ("1.0,2.0", "10.0,", "100.0,200.0")]
    assert "Doubles & more,2x,product,100.0,200.0" in table
    (picture,) = inside(page, "image/svg+xml")
    assert "Doubles" in picture and picture.count("<svg") == 1
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page) and "<script" not in page


def test_a_page_holds_what_was_checked_until_then(tmp_path, plugin, capsys):
    file = tmp_path / "verify.html"
    assert run_command(["verify", "doubles", "stops", f"--report={file}", plugin]) == 2
    assert "RuntimeError: a bug" in capsys.readouterr().err
    assert "Only 1 of 2 claims were checked" in file.read_text() and "1 claim," in file.read_text()


def test_a_page_that_cannot_be_written_is_told_before_any_work(tmp_path, plugin, capsys):
    (tmp_path / "file").write_text("")
    assert run_command(["verify", "stops", f"--report={tmp_path}/file/verify.html", plugin]) not in (0, 1)
    said = capsys.readouterr().err
    assert f"making the folder {tmp_path}/file" in said and "Traceback" not in said
    assert run_command(["verify", "stops", "--report=verify.pdf", plugin]) == 2


def test_a_picture_is_the_same_for_the_same_numbers():
    x = np.arange(1.0, 20.0)
    charts = [Panel.of_lines("squares", "x", "x²", x, {"a": x**2}, log="y") for _ in range(2)]
    assert svg_of(charts[0]) == svg_of(charts[1])


def test_a_line_of_another_length_is_refused():
    with pytest.raises(ValueError, match="'a' has 2 values, x has 3"):
        Panel.of_lines("squares", "x", "x²", np.arange(3.0), {"a": np.arange(2.0)})


def test_verify_does_not_load_matplotlib_without_a_report(plugin):
    code = f"import sys; from framework.cli import run_command; run_command(['verify', 'doubles', {plugin!r}]); "
    code += "sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
