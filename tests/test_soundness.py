"""whygrok doctor RUN: damage of every kind is found, --repair sets it aside, and the same command then ends in the same bits."""

import contextlib
import json
import os
import re
import shutil
import threading

import pytest

from framework import registry, train
from framework.cli import run_command
from framework.errors import UserError
from framework.run import RunDirectory
from framework.run.analysis import soundness
from framework.storage import Lock
from tests.helpers import assert_same_run, content, tiny


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A finished run with rows, arrays and three saved states."""
    path = tmp_path_factory.mktemp("sound") / "run"
    with registry.temporary():
        train(config(), path)
    return path


def config():
    from framework.config import select

    probes = {"norms": select("norms", schedule="every 3"), "map": select("fourier", schedule="every 3")}
    return tiny(probes=probes, checkpoint={"every_steps": 2, "every_seconds": 0.0, "keep": 9})


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def line(number, text):
    def change(file):
        lines = file.read_bytes().split(b"\n")
        file.write_bytes(b"\n".join([*lines[:number], text, *lines[number:]]))

    return change


def without(first, last=None):
    def lost_lines(file):
        lines = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(b"".join([*lines[:first], *(lines[last:] if last else [])]))

    return lost_lines


def flipped(file):
    file.write_bytes(bytes([*file.read_bytes()[:-9], 0, 255, 0, 255, 0, 255, 0, 255, 0]))


def emptied(file):
    file.write_bytes(b"")


def folder_instead(file):
    file.unlink()
    file.mkdir()


DAMAGE = [
    ("metrics.jsonl", line(2, b"")),
    ("metrics.jsonl", line(3, b"\x00\xff\xfe")),
    ("metrics.jsonl", line(0, b"[1, 2]")),
    ("metrics.jsonl", line(1, b'{"step": ')),
    ("metrics.jsonl", line(3, b"{}")),
    ("metrics.jsonl", line(4, b'{"step": 3}')),
    ("metrics.jsonl", without(0, 1)),
    ("metrics.jsonl", without(1, 2)),
    ("metrics.jsonl", folder_instead),
    ("metrics.jsonl", emptied),
    ("environment.json", cut),
    ("environment.json", emptied),
    ("environment.json", folder_instead),
    ("arrays/0000000003.npz", cut),
    ("arrays/0000000003.npz", emptied),
    ("arrays/0000000006.npz", folder_instead),
    ("checkpoints/6/checksums.json", cut),
    ("checkpoints/6/checksums.json", emptied),
    ("checkpoints/4/checksums.json", flipped),
]


@pytest.mark.parametrize(("name", "damage"), DAMAGE, ids=[f"{name} {damage.__name__}" for name, damage in DAMAGE])
def test_damage_is_found_set_aside_and_the_same_command_goes_on(name, damage, sound, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(sound, run)
    damage(run / name)
    before = content(run)
    assert run_command(["doctor", str(run)]) == 1
    said = capsys.readouterr().out
    found = [words.split()[1] for words in said.splitlines() if words.startswith("  BAD")]
    assert len(found) == 1 and name.startswith(found[0])
    assert content(run) == before, "looking writes nothing"
    assert run_command(["doctor", str(run), "--repair"]) == 0
    assert all(any(kept == old for kept in content(run).values()) for old in before.values()), "nothing is deleted"
    train(config(), run)
    capsys.readouterr()
    assert run_command(["doctor", str(run)]) == 0
    for file in run.rglob("*.damaged*"):
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    if name.startswith("arrays"):  # what is lost there is said, and not made again: the state of a later step is there
        (run / name).write_bytes((sound / name).read_bytes())
    if name.startswith("checkpoints/4"):
        shutil.copytree(sound / "checkpoints" / "4", run / "checkpoints" / "4")
    assert_same_run(run, sound)


@pytest.mark.parametrize("first", [1, 2, 4])
def test_rows_that_a_power_cut_took_from_the_end_are_said_and_the_same_command_goes_on(first, sound, tmp_path, capsys):
    run = shutil.copytree(sound, tmp_path / "run")
    without(first)(run / "metrics.jsonl")
    assert run_command(["doctor", str(run)]) == 0
    assert re.search(r"-- +metrics.jsonl .*; no row of step \d is there, though a later state is saved", capsys.readouterr().out)
    train(config(), run)
    for file in run.rglob("*.later*"):
        shutil.rmtree(file)
    assert_same_run(run, sound)


def test_a_sound_run_is_said_to_be_sound(sound, capsys):
    assert run_command(["doctor", str(sound), "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)
    assert found["refused"] == ""
    assert {part["state"] for part in found["parts"]} == {"ok"} and found["repaired"] == []
    assert [part["name"] for part in found["parts"]] == ["config.json", "environment.json", "metrics.jsonl", "arrays", "checkpoints"]


def test_a_folder_of_runs_and_a_run_without_a_config(sound, tmp_path, capsys):
    for name in ("a", "b"):
        shutil.copytree(sound, tmp_path / "sweep" / name)
    (tmp_path / "sweep" / "b" / "config.json").write_text("{")
    assert run_command(["doctor", str(tmp_path / "sweep")]) == 1
    out = capsys.readouterr().out
    assert "not sound: 1 of 2 runs" in out and "b/config.json cannot be read" in out
    assert run_command(["doctor", str(tmp_path / "sweep"), "--repair"]) == 1
    assert "not repaired: " in (out := capsys.readouterr().out) and "config.json cannot be read" in out


def test_a_run_that_is_being_written_is_not_repaired(sound, tmp_path, capsys):
    shutil.copytree(sound, tmp_path / "run")
    with Lock(RunDirectory.at(tmp_path / "run").lock):
        assert f"process {os.getpid()}" in next(soundness.parts(RunDirectory.at(tmp_path / "run"))).said
        assert run_command(["doctor", str(tmp_path / "run"), "--repair"]) == 1
    assert "not repaired: " in (out := capsys.readouterr().out) and "is being written" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [(["nowhere"], "there is no folder nowhere"), (["."], "is not a run and holds none"), (["--repair"], "--repair needs a RUN")],
)
def test_what_is_no_run_is_said(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_command(["doctor", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_run_is_the_same_again_and_a_changed_number_is_named(sound, tmp_path, capsys):
    shutil.copytree(sound, tmp_path / "run")
    assert run_command(["rerun", str(tmp_path / "run"), "--verify"]) == 0
    assert capsys.readouterr().out == "the same to the bit: 5 rows, 3 events with arrays and 4 saved states\n"
    rows = [json.loads(text) for text in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    rows[2]["norms/l2"] += 1.0
    (tmp_path / "run" / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run_command(["rerun", str(tmp_path / "run"), "--verify", f"--workdir={tmp_path / 'again'}"]) == 1
    out = capsys.readouterr().out
    assert f"not the same: norms/l2 at step {rows[2]['step']} is {rows[2]['norms/l2']}, then " in out
    assert "what their bits depend on is the same in both" in out
    assert_same_run(tmp_path / "again", sound)


@pytest.mark.parametrize("lose", [without(0, 1), without(1, 2), without(2)])
def test_a_run_whose_rows_are_lost_is_not_the_same_again(lose, sound, tmp_path, capsys):
    """Unless training did not come as far."""
    run = shutil.copytree(sound, tmp_path / "run")
    lose(run / "metrics.jsonl")
    assert run_command(["rerun", str(run), "--verify"]) == 1
    assert "not the same: there is a row of step " in capsys.readouterr().out
    for step in (4, 6):
        shutil.rmtree(run / "checkpoints" / str(step))
    shutil.copy(sound / "metrics.jsonl", run)
    without(3)(run / "metrics.jsonl")
    assert run_command(["rerun", str(run), "--verify"]) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{run}"], "nothing would be left of the second run"),
        (["{run}", "--workdir={run}"], "is the run itself"),
        (["nowhere", "--verify"], "nowhere is not a run"),
    ],
)
def test_a_rerun_that_makes_no_sense_is_refused(words, said, sound, capsys):
    assert run_command(["rerun", *(word.format(run=sound) for word in words)]) == 2
    assert said in capsys.readouterr().err


def test_where_no_saved_state_is_sound_it_begins_again_at_the_start(sound, tmp_path, capsys):
    shutil.copytree(sound, tmp_path / "run")
    for checkpoint in (tmp_path / "run" / "checkpoints").iterdir():
        cut(checkpoint / "checksums.json")
    assert run_command(["doctor", str(tmp_path / "run"), "--repair"]) == 0
    assert "and the run begins again at the start" in capsys.readouterr().out
    train(config(), tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints.damaged")
    assert_same_run(tmp_path / "run", sound)


@pytest.mark.parametrize("fatal", ["rename", "copy2", "replace"])
def test_a_repair_that_dies_is_repeated(fatal, sound, tmp_path, monkeypatch):
    """Between any two of its steps the damage is still seen, so that no row is lost without a word."""
    run = tmp_path / "run"
    shutil.copytree(sound, run)
    line(2, b"{")(run / "metrics.jsonl")
    owner = shutil if fatal == "copy2" else os
    original = getattr(owner, fatal)

    def dies(*words, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr(owner, fatal, dies)
    with pytest.raises(KeyboardInterrupt):
        soundness.repair(RunDirectory.at(run))
    monkeypatch.setattr(owner, fatal, original)
    (run / "LOCK").unlink(missing_ok=True)
    assert "BAD" in [part.state for part in soundness.parts(RunDirectory.at(run))]
    soundness.repair(RunDirectory.at(run))
    train(config(), run)
    for file in [*run.rglob("*.damaged*"), *run.rglob("*.later*")]:
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    assert_same_run(run, sound)


def test_what_may_not_be_read_now_stays_as_it_is(sound, tmp_path, monkeypatch, capsys):
    shutil.copytree(sound, tmp_path / "run")
    before = content(tmp_path / "run")

    def refused(file, **_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("framework.run.analysis.soundness.read_npz", refused)
    assert run_command(["doctor", str(tmp_path / "run"), "--repair"]) == 1
    assert "??" in (out := capsys.readouterr().out) and "cannot be read now (PermissionError)" in out
    assert content(tmp_path / "run") == before


def test_two_repairs_at_once_take_no_lock_of_a_session_for_what_was_in_its_place(sound, tmp_path, monkeypatch):
    """The second waits before it looks; the first moves what is no LOCK, and a session begins."""
    directory = RunDirectory.at(shutil.copytree(sound, tmp_path / "run"))
    directory.lock.mkdir()
    begun, locked = threading.Event(), threading.Event()
    moved = soundness.set_aside

    def slowly(path, word):
        begun.set()
        locked.wait(0.5)  # until the second repair has looked, if nothing keeps it
        return moved(path, word)

    monkeypatch.setattr(soundness, "set_aside", slowly)
    said: list[str] = []

    def repair():
        with contextlib.suppress(UserError):  # where the other is not done yet
            said.extend(soundness.repair(directory))

    first = threading.Thread(target=repair)
    first.start()
    begun.wait()
    second = threading.Thread(target=repair)
    second.start()
    first.join()
    second.join()
    assert said in ([], ["LOCK is now LOCK.damaged"]) and [file.name for file in directory.path.glob("LOCK*")] == ["LOCK.damaged"]
