"""Files of a run that claim to be huge, or lead elsewhere: refused or set aside at once, and nothing of that size is read or kept."""

import io
import json
import os
import shutil
import time
import zipfile

import numpy as np
import pytest

from framework import registry, train
from framework.cli import run_command
from framework.records import index, read_environment
from framework.run.checkpoints import CHECKSUMS, Damaged, read_leaves
from framework.storage import PLUGINS, Lock, holder, parse_json, read_json, read_npy, read_npz, trust, trusted
from tests.helpers import assert_same_run, tiny

pytestmark = pytest.mark.usefixtures("clean_registry")

TERABYTE = 2**40


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A finished run with rows, arrays and two saved states."""
    from framework.config import select

    path = tmp_path_factory.mktemp("sound") / "run"
    with registry.temporary():
        train(tiny(probes={"map": select("fourier", schedule="every 3")}), path)
    return path


@pytest.fixture
def run(sound, tmp_path):
    """A copy of it."""
    return shutil.copytree(sound, tmp_path / "all" / "run")


def leads_out(run):
    """A state in whose place lies a link to the whole system."""
    shutil.rmtree(run / "checkpoints" / "6" / "default")
    (run / "checkpoints" / "6" / "default").symlink_to("/usr")


def leads_out_inside(run):
    (run / "checkpoints" / "6" / "default" / "more").symlink_to("/usr")


def file_leads_out(run):
    file = run / "checkpoints" / "6" / "default" / "manifest.ocdbt"
    file.rename(run / "elsewhere")
    file.symlink_to(run / "elsewhere")


def is_a_pipe(run):
    os.mkfifo(run / "checkpoints" / "6" / "default" / "_sharding.pipe")


def claims_a_terabyte(run):
    os.truncate(run / "checkpoints" / "6" / "default" / "manifest.ocdbt", TERABYTE)


@pytest.mark.parametrize("damage", [leads_out, leads_out_inside, file_leads_out, is_a_pipe, claims_a_terabyte])
def test_a_state_that_leads_elsewhere_or_claims_any_size_is_damaged_at_once(damage, run, sound, capsys):
    damage(run)
    began = time.monotonic()
    with pytest.raises(Damaged, match="default"):
        read_leaves(run / "checkpoints" / "6")
    assert run_command(["doctor", str(run)]) == 1
    assert time.monotonic() - began < 5.0
    assert "BAD  checkpoints/6" in capsys.readouterr().out
    assert run_command(["doctor", str(run), "--repair"]) == 0


def test_the_size_of_each_file_is_kept_and_a_state_without_sizes_is_read(run):
    place = run / "checkpoints" / "6"
    content = json.loads((place / CHECKSUMS).read_text())
    assert content["sizes"] == {name: (place / name).stat().st_size for name in content["files"]}
    leaves = read_leaves(place)
    (place / CHECKSUMS).write_text(json.dumps({name: value for name, value in content.items() if name != "sizes"}))
    assert read_leaves(place).keys() == leaves.keys()
    (place / CHECKSUMS).write_text(json.dumps(content | {"sizes": dict.fromkeys(content["sizes"], 1)}))
    with pytest.raises(Damaged, match="default/.* is not what was written"):
        read_leaves(place)


OF_CHECKSUMS = [
    *({"files": value} for value in (["a"], None, 5, {"a": 1}, "x")),
    *({"leaves": value} for value in (["step"], {"step": 1}, None, "step")),
    *({"odd": value} for value in (["a"], 5, None, {"step": 5}, {"step": ["uint8", "x"]}, {"x": ["uint8", [1]]})),
    *({"sizes": value} for value in (["a"], 5, {"a": "b"}, None)),
    *({"step": value} for value in ([], "6", None)),
]


@pytest.mark.parametrize("change", OF_CHECKSUMS, ids=str)
def test_checksums_of_other_kinds_are_damaged(change, run, capsys):
    file = run / "checkpoints" / "6" / CHECKSUMS
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    try:
        read_leaves(file.parent)
    except Damaged:
        assert run_command(["doctor", str(run)]) == 1
    else:
        assert change in ({"odd": {"x": ["uint8", [1]]}},), "only what names no leaf may be read"


TOO_LARGE = ["1e999", "-1e999", "1" + "0" * 400, "-1" + "0" * 400]


@pytest.mark.parametrize("number", TOO_LARGE, ids=lambda number: number[:9])
def test_json_with_a_number_that_no_float_holds_is_refused(number, run, capsys):
    file = run / "environment.json"
    file.write_text(file.read_text().replace('"sessions":', f'"note": {number}, "sessions":', 1))
    for name in (read_json, read_environment):
        with pytest.raises(ValueError, match="greater than any number"):
            name(file)
    assert run_command(["doctor", str(run)]) == 1
    assert "BAD  environment.json" in capsys.readouterr().out
    assert run_command(["doctor", str(run), "--repair"]) == 0


@pytest.mark.parametrize("seconds", [1e308, -1e300, 1e15])
def test_seconds_that_no_session_takes_are_no_seconds(seconds, run):
    content = json.loads((run / "environment.json").read_text())
    content["sessions"][-1]["seconds"] = {"training": seconds, "drawing": seconds}
    (run / "environment.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="of session 1, seconds are no numbers"):
        read_environment(run / "environment.json")


def test_a_row_is_read_as_fast_as_before():
    assert parse_json(b'{"step": 1e999}')["step"] == float("inf")  # rows check their numbers themselves


def test_a_lock_that_claims_a_terabyte_is_taken_over(tmp_path):
    (tmp_path / "LOCK").write_text("{}")
    os.truncate(tmp_path / "LOCK", TERABYTE)
    assert holder(tmp_path / "LOCK") is None
    with Lock(tmp_path / "LOCK"):
        assert f"process {os.getpid()} on" in str(holder(tmp_path / "LOCK"))
        assert (tmp_path / "LOCK").stat().st_size < 1000


@pytest.mark.parametrize("name", ["sweep.csv", index.NAME])
@pytest.mark.parametrize(
    "words", [["collect", "{all}"], ["report", "{all}", "--output={all}/r.html"], ["watch", "{all}", "--once"]], ids=str
)
def test_a_table_or_an_index_that_claims_a_terabyte_ends_no_command(words, name, run, capsys):
    (run.parent / name).write_text("member,state\n")
    os.truncate(run.parent / name, TERABYTE)
    assert run_command([word.format(all=run.parent) for word in words]) == 0
    out, err = capsys.readouterr()
    assert "Traceback" not in err and (words[0] != "collect" or (name == "sweep.csv") == ("at most 100,000,000 are read" in out + err))


def test_a_record_of_trust_that_claims_a_terabyte_is_set_aside_when_a_plugin_is_named(tmp_path, monkeypatch, warnings_said):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv(PLUGINS.variable, raising=False)
    trust(PLUGINS, ["one"])
    record = tmp_path / "whygrok" / "trusted_plugins"
    os.truncate(record, TERABYTE)
    monkeypatch.delenv(PLUGINS.variable)
    assert trusted(PLUGINS) == set()
    trust(PLUGINS, ["two"])
    monkeypatch.delenv(PLUGINS.variable)
    assert trusted(PLUGINS) == {"two"} and record.with_name("trusted_plugins.damaged").stat().st_size == TERABYTE
    assert "trusted_plugins.damaged" in warnings_said[-1]


def header(shape, dtype="<f8"):
    """The head of an .npy file, as the format is described by NumPy: magic, version 1.0, length, and a dict as text."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (63 - (10 + len(text)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def zipped(content, kind=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive, archive.open("map/power.npy", "w", force_zip64=True) as member:
        for part in content:
            member.write(part)
    return buffer.getvalue()


def bomb(kind):
    """A gigabyte of zeros, which is what its header says."""
    return lambda: zipped([header((2**27,)), *[bytes(2**23)] * 2**7], kind)


ARCHIVES = {
    "claims": lambda: zipped([header((2**45,))]),
    "claims to overflow": lambda: zipped([header((2**32, 2**32))]),
    "negative": lambda: zipped([header((-1, -1)), bytes(8)]),
    "more than it says": lambda: zipped([header((1,)), bytes(80)]),
    "bomb": bomb(zipfile.ZIP_DEFLATED),
    "bomb of another kind": bomb(zipfile.ZIP_BZIP2),
    "array alone": lambda: header((2**45,)),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_that_claims_or_unfolds_to_too_much_is_damaged_and_set_aside(name, run, sound, capsys):
    file = sorted((run / "arrays").glob("*.npz"))[-1]
    whole = file.read_bytes()
    file.write_bytes(ARCHIVES[name]())
    with pytest.raises(ValueError, match="no whole archive|its header says|it unfolds to"):
        read_npz(file)
    assert run_command(["doctor", str(run)]) == 1
    assert f"BAD  arrays/{file.name}" in capsys.readouterr().out
    assert run_command(["doctor", str(run), "--repair"]) == 0
    assert not file.exists()
    file.with_name(f"{file.name}.damaged").unlink()
    file.write_bytes(whole)
    assert_same_run(run, sound)


@pytest.mark.parametrize("shape", ["(1099511627776,)", "(4294967296, 4294967296)"])
def test_an_array_alone_that_claims_more_than_its_file_holds_is_damaged(shape, tmp_path):
    (tmp_path / "table.npy").write_bytes(header(shape))
    with pytest.raises(ValueError, match="holds"):
        read_npy(tmp_path / "table.npy")
    np.savez(tmp_path / "archive.npz", np.eye(3))
    with pytest.raises(ValueError, match="is an archive of arrays, not one array"):
        read_npy(tmp_path / "archive.npz")
    np.save(tmp_path / "table.npy", np.eye(3))
    assert np.array_equal(read_npy(tmp_path / "table.npy"), np.eye(3))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_honest_arrays_are_read(save, tmp_path):
    """Uncompressed of any size; compressed up to 100 MB, or to eight times the size of the file."""
    arrays = {
        "zeros": np.zeros(10**7),
        "scalar": np.array(3),
        "empty": np.zeros((0, 4)),
        "text": np.array(["a", "bc"]),
        "turned": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "named": np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    }
    save(tmp_path / "honest.npz", **arrays)
    found = read_npz(tmp_path / "honest.npz")
    assert found.keys() == arrays.keys()
    assert all(found[name].dtype == array.dtype and np.array_equal(found[name], array) for name, array in arrays.items())
    assert read_npz(tmp_path / "honest.npz", ["text", "none"]).keys() == {"text"}
