"""Files of a run that are half written, or never were ours: read up to what is sound or refused, at every byte; nothing hangs."""

import contextlib
import json
import os
import shutil
import socket
import zlib

import pytest

from framework.cli import run_command
from framework.config import load_config
from framework.errors import Damage, UserError
from framework.records import collect, index, read_environment, read_lines
from framework.records import record as records
from framework.run.checkpoints import Damaged, read_leaves
from framework.storage import PLUGINS, Lock, holder, parse_json, read_npz, trust, trusted
from tests.helpers import content

pytestmark = pytest.mark.usefixtures("clean_registry")


@pytest.fixture
def run(uninterrupted, tmp_path):
    """A copy of a finished run with rows, arrays and states."""
    return shutil.copytree(uninterrupted, tmp_path / "all" / "run")


def cuts(data, most=300):
    """The beginnings of a file: all of them, or of a long one some hundred."""
    return [data[:at] for at in range(0, len(data), max(1, len(data) // most))]


def test_rows_that_are_cut_at_any_byte_are_those_before_the_cut(run):
    metrics = run / "metrics.jsonl"
    data, rows = metrics.read_bytes(), read_lines(metrics)[0]
    for at in range(0, len(data), 3):
        metrics.write_bytes(data[:at])
        whole = data[:at].count(b"\n")
        assert read_lines(metrics) == (rows[: whole + (data[at : at + 1] == b"\n")], not data[:at].endswith(b"\n") and at > 0)


@pytest.mark.parametrize("fill", [b"\x00", b"\x00\xff\xfe", b"{", b"[" * 100_000, b"}", b"\xef\xbb\xbf"])
def test_what_a_power_cut_leaves_at_the_end_is_a_torn_line(fill, run):
    metrics = run / "metrics.jsonl"
    rows = read_lines(metrics)[0]
    metrics.write_bytes(metrics.read_bytes() + fill)
    assert read_lines(metrics) == (rows, True)


def test_a_byte_order_mark_and_the_line_ends_of_windows_change_nothing(run):
    metrics = run / "metrics.jsonl"
    rows = read_lines(metrics)[0]
    metrics.write_bytes(b"\xef\xbb\xbf" + metrics.read_bytes().replace(b"\n", b"\r\n"))
    assert read_lines(metrics) == (rows, False)


@pytest.mark.parametrize("line", [b"", b"\x00\xff\xfe", b"[1]", b"{}", b"null", b"[" * 100_000, b'{"a":' * 50_000, b"1e999", b"\xff{}"])
@pytest.mark.parametrize("place", [0, 1, -2])
def test_a_line_that_is_no_row_is_named_with_what_helps(line, place, run):
    lines = (run / "metrics.jsonl").read_bytes().split(b"\n")
    at = place % len(lines)
    (run / "metrics.jsonl").write_bytes(b"\n".join([*lines[:at], line, *lines[at:]]))
    with pytest.raises(Damage, match=rf"line {at + 1} is no.*whygrok doctor .*run --repair; then give the same command again"):
        read_lines(run / "metrics.jsonl")


@pytest.mark.parametrize("size", [10**9, 2**40])
def test_a_file_that_claims_any_size_is_refused_at_once(size, run):
    sparse = run / "metrics.jsonl"
    rows = read_lines(sparse)[0]
    os.truncate(sparse, size)
    with pytest.raises(Damage, match=f"line {len(rows) + 1} is not JSON"):
        read_lines(sparse)
    for name in ("config.json", "environment.json"):
        os.truncate(run / name, size)
    with pytest.raises(ValueError, match=f"it has {size:,} bytes, and at most 100,000,000 are read"):
        read_environment(run / "environment.json")
    with pytest.raises(UserError, match=f"config.json.*{size:,} bytes, and at most"):
        load_config(f"{run}")


def test_rows_share_the_names_of_their_columns(run):
    first, *others = read_lines(run / "metrics.jsonl")[0]
    once = {name: name for name in first}
    assert others and all(name is once[name] for row in others for name in row if name in once)


ODD = [
    *({"step": value} for value in (6.0, "6", True, None, -1, 10**30, [6])),
    *({"test/accuracy": value} for value in ("0.5", [0.5], {"a": 1})),
    *({"seconds": value} for value in (None, "1", True)),
    *({"nonfinite": value} for value in ("x", [1], {"a": 1}, {"a": [1]})),
]


@pytest.mark.parametrize("change", ODD, ids=str)
def test_a_row_that_no_event_records_is_none(change, run):
    lines = (run / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    lines[2] = json.dumps(json.loads(lines[2]) | change).encode() + b"\n"
    (run / "metrics.jsonl").write_bytes(b"".join(lines))
    with pytest.raises(Damage, match="line 3 is no row"):
        read_lines(run / "metrics.jsonl")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "1" + "0" * 400, "1" * 5_000])
def test_a_number_that_no_float_holds_is_no_number_of_a_row(number, run):
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    lines[1] = json.dumps(json.loads(lines[1]) | {"objective": 12345}).replace("12345", number) + "\n"
    (run / "metrics.jsonl").write_text("".join(lines))
    with pytest.raises(Damage, match="line 2 is not? "):
        read_lines(run / "metrics.jsonl")


@pytest.mark.parametrize("name", ["environment.json", "config.json"])
def test_json_that_is_cut_at_any_byte_is_refused(name, run):
    data = (run / name).read_bytes().rstrip()
    for beginning in cuts(data, most=100):
        (run / name).write_bytes(beginning)
        with pytest.raises(ValueError, match="."):
            read_environment(run / name)
    with pytest.raises(records.Damaged, match=f"{name} "):
        records.read_record(str(run))


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 100_000, "NaN", "[1, -Infinity]", '"\\ud800"', '{"\\udfff": 1}', "\xff", ""])
def test_what_is_no_standard_json_is_refused(text):
    with pytest.raises(ValueError, match="."):
        parse_json(text.encode("latin-1"))


OF_ENVIRONMENT = [
    *({name: value} for name in ("bits_depend_on", "headline", "examples", "data") for value in ([], 3)),
    *({"sessions": value} for value in (None, {}, [1], [{}], [{"start": "yesterday"}], "x")),
]


@pytest.mark.parametrize("change", OF_ENVIRONMENT, ids=str)
def test_an_environment_that_no_session_writes_is_said_and_put_aside(change, run, warnings_said, capsys):
    stored = json.loads((run / "environment.json").read_text()) | change
    (run / "environment.json").write_text(json.dumps(stored))
    assert run_command(["doctor", str(run)]) == 1
    assert "BAD  environment.json" in capsys.readouterr().out
    assert run_command(["collect", str(run.parent)]) == 0
    assert "environment.json cannot be read" in warnings_said[-1]
    assert run_command(["doctor", str(run), "--repair"]) == 0
    assert json.loads((run / "environment.json.damaged").read_text()) == stored


def test_states_and_arrays_that_are_cut_at_any_byte_are_damaged(run):
    checksums, arrays = run / "checkpoints" / "6" / "checksums.json", next((run / "arrays").glob("*6.npz"))
    for file, read, place, error in ((checksums, read_leaves, checksums.parent, Damaged), (arrays, read_npz, arrays, ValueError)):
        data = file.read_bytes().rstrip() if file == checksums else file.read_bytes()
        for beginning in cuts(data, most=100):
            file.write_bytes(beginning)
            with pytest.raises(error):
                read(place)


OWNERS = [
    *({"heartbeat": value, "host": "elsewhere"} for value in (None, [], "x", "0001-01-01", 1e300, 10**400, "2020-01-01")),
    *({"host": value} for value in ([], {}, None)),
    *({}, {"pid": []}, {"heartbeat": 0.0, "host": "elsewhere"}),
]


@pytest.mark.parametrize("owner", OWNERS, ids=lambda owner: str(owner)[:40])
def test_a_lock_of_any_content_that_is_old_is_taken_over(owner, tmp_path):
    (tmp_path / "LOCK").write_text(json.dumps(owner))
    os.utime(tmp_path / "LOCK", (0, 0))
    assert holder(tmp_path / "LOCK") is None
    with Lock(tmp_path / "LOCK"):
        assert f"process {os.getpid()} on {socket.gethostname()}" == holder(tmp_path / "LOCK")


def test_a_heartbeat_that_is_to_come_is_judged_by_the_time_of_its_file(tmp_path):
    (tmp_path / "LOCK").write_text(json.dumps({"host": "elsewhere", "heartbeat": "2999-01-01T00:00:00+00:00"}))
    assert "elsewhere" in str(holder(tmp_path / "LOCK"))
    os.utime(tmp_path / "LOCK", (0, 0))
    assert holder(tmp_path / "LOCK") is None


def test_a_lock_that_is_cut_at_any_byte_is_taken_over(tmp_path):
    lock = tmp_path / "LOCK"
    with Lock(lock):
        data = lock.read_bytes()
    for beginning in [*cuts(data), b"[" * 100_000, b"\xff\x00"]:
        lock.write_bytes(beginning)
        assert holder(lock) is None
    with Lock(lock):
        assert holder(lock) is not None


def test_a_record_of_trust_that_is_cut_at_any_byte_forgets_at_most_what_was_cut(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv(PLUGINS.variable, raising=False)
    trust(PLUGINS, ["folder/one.py", "two"])
    record = tmp_path / "whygrok" / "trusted_plugins"
    for beginning in cuts(record.read_bytes()):
        record.write_bytes(beginning)
        monkeypatch.delenv(PLUGINS.variable, raising=False)
        trust(PLUGINS, ["three"])
        monkeypatch.delenv(PLUGINS.variable)
        assert {"three"} <= trusted(PLUGINS) and len(trusted(PLUGINS) - {"folder/one.py", "two", "three"}) <= 1


@pytest.mark.parametrize("name", ["\x00", "\ud800", "a\nb"])
def test_a_name_that_no_file_can_hold_is_not_remembered(name, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv(PLUGINS.variable, raising=False)
    trust(PLUGINS, [name])
    assert trusted(PLUGINS) == set()


TABLES = [b"", b"\x00" * 50, b"member\n\x00\n", b"member,state\nlost", b'member,state\n"lost', b"\xff\xfe", b"member\n" + b"x" * 200_000]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: repr(table[:20]))
def test_a_table_of_a_sweep_of_any_content_ends_no_collection(table, run, capsys):
    (run.parent / "sweep.csv").write_bytes(table)
    assert run_command(["collect", str(run.parent)]) == 0
    out, err = capsys.readouterr()
    assert "run" in out and len(err) < 1_000_000


STORED = [
    {},
    {"common": 1},
    {"common": {}, "columns": [], "runs": {"/run": 1}},
    {"common": {}, "columns": [], "runs": {"/run": {}}},
    [],
    None,
]


@pytest.mark.parametrize("stored", STORED, ids=str)
def test_an_index_that_is_whole_and_not_ours_counts_as_none(stored, run):
    body = json.dumps(stored).encode()
    head = f'{{"whygrok": "collected runs", "format": {index.FORMAT}, "crc32": {zlib.crc32(body)}}}'
    (run.parent / index.NAME).write_bytes(head.encode() + b"\n" + body)
    assert [row["step"] for row in collect(run.parent)] == [6]


def folder(file):
    file.mkdir()


def pipe(file):
    os.mkfifo(file)


def leads_nowhere(file):
    file.symlink_to(file.parent / "nowhere")


def leads_to_itself(file):
    file.symlink_to(file.name)


@pytest.mark.parametrize("shape", [folder, pipe, leads_nowhere, leads_to_itself])
@pytest.mark.parametrize(
    "name", ["metrics.jsonl", "environment.json", "config.json", "LOCK", "arrays", "checkpoints", "arrays/0000000006.npz"]
)
@pytest.mark.parametrize("words", [["doctor", "{run}"], ["collect", "{all}"], ["config", "--config={run}"]], ids=lambda words: words[0])
def test_what_is_no_file_hangs_no_command_that_reads(words, shape, name, run, capsys):
    file = run / name
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    shape(file)
    before = content(run)
    assert run_command([word.format(run=run, all=run.parent) for word in words]) in (0, 1, 2)
    assert content(run) == before
    assert len(capsys.readouterr().err.splitlines()) <= 3
