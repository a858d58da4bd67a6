"""A few of the faults of tests/faults, of which python -m tests.faults tries thousands."""

import errno
import subprocess
import sys
from random import Random

import pytest

from framework.errors import StorageError
from framework.storage import write_json
from tests.faults import lines, mutations, soak
from tests.faults.interruptions import killed, signalled
from tests.faults.prepared import in_process
from tests.faults.results import EQUAL, LOST, REFUSED, Case, Results, table, write_table
from tests.faults.soak import Sample, grown
from tests.faults.watched import OWN
from tests.faults.writes import ERRORS, Disk, some_calls


def lost(cases):
    return [(case.where, case.number, case.moment, case.said) for case in cases if case.came not in (EQUAL, REFUSED)]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tmp_path_factory.mktemp("faults")


def test_a_file_is_the_old_one_whichever_of_the_calls_that_write_it_fails(tmp_path):
    file = tmp_path / "file.json"
    write_json(file, "old")
    with Disk(tmp_path) as disk:
        write_json(file, "old")
    assert disk.calls == ["open", "write", "os.fsync", "os.replace"]
    for number in range(len(disk.calls)):
        for error in ERRORS:
            with Disk(tmp_path, number, error), pytest.raises(StorageError) as failed:
                write_json(file, "new")
            assert "\n" not in str(failed.value) and str(file) in str(failed.value)
            assert file.read_text() == '"old"\n' and list(tmp_path.iterdir()) == [file]
    with Disk(tmp_path / "elsewhere", 0, errno.EIO):
        write_json(file, "new")
    assert file.read_text() == '"new"\n'


def test_a_line_and_a_mutation_are_made_again_by_their_numbers():
    known = lines.examples()
    for number in range(200):
        assert lines.line(Random(number), known) == lines.line(Random(number), known)
        assert mutations.mutated(Random(number), OWN.encode()) == mutations.mutated(Random(number), OWN.encode())
    made = [lines.line(Random(number), known) for number in range(200)]
    assert len({tuple(words) for words in made}) > 150 and sum(words in known for words in made) > 10


def test_results_are_kept_and_the_table_counts_them(tmp_path):
    results = Results(tmp_path)
    results.add(Case("kill", "run", 0, 3).ended(EQUAL))
    results.add(Case("kill", "run", 1, 2).ended(LOST, "why"))
    results.add(Case("line", "command", 0).ended(REFUSED))
    again = Results(tmp_path)
    assert again.done("kill", "run") == {0, 1} and again.times("kill", "run") == 5 and again.cases == results.cases
    assert table(again.cases).splitlines()[2:] == ["| kill | run | 5 | 3 | 0 | 2 |", "| line | command | 1 | 0 | 1 | 0 |"]
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- written by python -m tests.faults -->\nold\n<!-- to here -->\nafter\n")
    write_table(again.cases, page)
    assert page.read_text().startswith("before\n") and "\nafter\n" in page.read_text() and "old" not in page.read_text()


def test_what_grows_in_a_soak_is_named():
    flat = [Sample(1 << 30, 10, 2, 5000, 700, 900, 0)] * 8
    assert grown(flat) == ""
    more = {"memory": 1 << 31, "descriptors": 11, "threads": 3, "checkpoints": 6001, "rows": 800, "events": 1000, "left": 1}
    for name, value in more.items():
        assert grown([*flat[:-1], type(flat[0])(**{**vars(flat[0]), name: value})]).startswith(f"{name}: ")


@pytest.mark.slow
@pytest.mark.parametrize(("where", "number"), [("run", 0), ("batch", 1), ("sweep", 0)])
def test_a_command_killed_several_times_ends_in_the_same_bits(where, number, base):
    case = killed(where, number, base)
    assert not lost([case]) and case.times > 0


@pytest.mark.slow
@pytest.mark.parametrize(("where", "number"), [("run", 0), ("run", 1), ("batch", 2)])
def test_of_two_signals_the_first_counts_and_the_same_bits_follow(where, number, base):
    assert not lost([signalled(where, number, base)])


@pytest.mark.slow
def test_a_write_that_fails_is_a_sentence_and_the_same_bits_follow(base):
    cases = in_process(some_calls, "run", str(base), list(range(0, 200, 28)))
    assert len(cases) > 5 and not lost(cases) and {case.came for case in cases} == {EQUAL, REFUSED}


@pytest.mark.slow
def test_command_lines_that_nobody_means_end_in_words(base):
    assert not lost(in_process(lines.some_lines, "whygrok", str(base), list(range(100))))


@pytest.mark.slow
@pytest.mark.parametrize("where", mutations.COMMANDS)
def test_mutated_files_end_in_words(where, base):
    assert not lost(in_process(mutations.some_files, where, str(base), list(range(12))))


@pytest.mark.slow
def test_with_everything_on_nothing_grows(base):
    assert not lost(in_process(soak.soak, "here", str(base), 0.0, ("norms", "margins", "ntk_drift")))


OUTSIDE = """
import sys
from pathlib import Path
from tests.faults.watched import Sandbox
sandbox = Sandbox(Path(sys.argv[1]))
with sandbox.inside():
    print(sandbox.wrong(["new-plugin", "probe", "mine"]) or "nothing", flush=True)
    sandbox.root = sandbox.root / "elsewhere"
    print(sandbox.wrong(["new-plugin", "probe", "other"]), flush=True)
    import os
    os._exit(0)
"""


@pytest.mark.slow
def test_what_is_written_outside_of_the_sandbox_is_noticed(base, tmp_path):
    done = subprocess.run([sys.executable, "-c", OUTSIDE, str(tmp_path / "sandbox")], capture_output=True, text=True)
    inside, outside = done.stdout.splitlines()
    assert inside == "nothing" and "other.py" in outside, done.stderr
