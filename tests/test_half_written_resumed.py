"""A run whose files are half written goes on to the same bits and says what it set aside, or says what helps, and that does help."""

import json
import logging
import os
import shutil

import pytest

from framework import train
from framework.cli import run_command
from framework.errors import Damage, StorageError, UserError
from tests.helpers import assert_same_run, slow_but, tiny

pytestmark = pytest.mark.usefixtures("clean_registry")


@pytest.fixture
def run(uninterrupted, tmp_path):
    """A run that was killed after its state of step 3 was saved and its row of step 6 was written."""
    path = shutil.copytree(uninterrupted, tmp_path / "run")
    shutil.rmtree(path / "checkpoints" / "6")
    stored = json.loads((path / "environment.json").read_text())
    stored["sessions"][-1] |= {"end": None, "at_step": None, "reason": "killed, or still running"}
    (path / "environment.json").write_text(json.dumps(stored))
    return path


def half(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def torn(file):
    file.write_bytes(file.read_bytes()[:-7])


def nothing(file):
    file.write_bytes(b"")


def gone(file):
    file.unlink()


def zeros(file):
    file.write_bytes(b"\x00" * file.stat().st_size)


def folder(file):
    shutil.rmtree(file) if file.is_dir() else file.unlink(missing_ok=True)
    file.mkdir()
    (file / "mine.txt").write_text("precious")


def words(file):
    shutil.rmtree(file) if file.is_dir() else file.unlink(missing_ok=True)
    file.write_text("precious")


def pipe(file):
    shutil.rmtree(file) if file.is_dir() else file.unlink(missing_ok=True)
    os.mkfifo(file)


def link(file):
    shutil.rmtree(file) if file.is_dir() else file.unlink(missing_ok=True)
    file.symlink_to("nowhere")


def windows(file):
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))


def twice(file):
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines, lines[-1]]))


def future(file):
    last = json.loads(file.read_bytes().splitlines()[-1])
    file.write_bytes(file.read_bytes() + json.dumps(last | {"step": 1_000_000}).encode() + b"\n")


def first_rows(file):
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:2]))


GOES_ON = [
    *(("metrics.jsonl", damage, said) for damage, said in ((torn, "a torn line was cut"), (future, "recorded again"), (windows, ""))),
    *(("metrics.jsonl", damage, "state 3 is now 3.later") for damage in (first_rows, nothing, gone)),
    *(("environment.json", damage, "is now environment.json.damaged") for damage in (half, nothing, zeros, folder, pipe)),
    *(("arrays/0000000006.npz", damage, "") for damage in (half, nothing, folder, link)),
    *(("arrays/foreign.npz", damage, "") for damage in (words, folder, pipe, link)),
    *(("checkpoints/99", damage, "") for damage in (words, pipe, link)),
    *(("checkpoints/6.orbax-checkpoint-tmp", damage, "") for damage in (words, pipe, link)),
    *((".a.tmp", damage, "") for damage in (words, folder, link)),
    *(("LOCK", damage, "") for damage in (words,)),
]


@pytest.mark.parametrize(("name", "damage", "said"), slow_but(lambda case: case[1] in (first_rows, zeros), GOES_ON))
def test_the_run_goes_on_and_says_what_it_set_aside(name, damage, said, run, uninterrupted, caplog, tmp_path):
    caplog.set_level(logging.INFO, "whygrok")
    damage(run / name)
    train(tiny(), run)
    assert said in caplog.text
    kept = [*run.rglob("mine.txt")]
    assert len(kept) == (damage is folder)
    for aside in [
        *run.rglob("*.damaged"),
        *run.rglob("*.later"),
        run / name if name.startswith((".a", "arrays/f", "checkpoints/9")) else run / "-",
    ]:
        shutil.rmtree(aside) if aside.is_dir() and not aside.is_symlink() else aside.unlink(missing_ok=True)
    assert_same_run(run, uninterrupted)


REFUSED = [
    *(("metrics.jsonl", damage) for damage in (twice, zeros, folder, pipe)),
    *((name, damage) for name in ("arrays", "checkpoints", "LOCK") for damage in (words, pipe) if (name, damage) != ("LOCK", words)),
    ("LOCK", folder),
]


@pytest.mark.parametrize(("name", "damage"), slow_but(lambda case: case[1] is twice, REFUSED))
def test_what_a_refusal_says_helps(name, damage, run, uninterrupted, capsys):
    if (name, damage) == ("metrics.jsonl", zeros):
        (run / name).write_bytes(b"\x00\n" * 3)
    else:
        damage(run / name)
    with pytest.raises(StorageError) as error:
        train(tiny(), run)
    message = str(error.value)
    if isinstance(error.value, Damage):
        assert f"whygrok doctor {run} --repair; then give the same command again" in message
        assert run_command(["doctor", str(run), "--repair"]) == 0
    else:
        assert "Rename it, and give the same command again" in message and str(run / name) in message
        (run / name).rename(run.parent / "moved")
    train(tiny(), run)
    for aside in [*run.rglob("*.damaged"), *run.rglob("*.later")]:
        shutil.rmtree(aside) if aside.is_dir() else aside.unlink()
    if name != "arrays":  # those of earlier steps are lost with that folder
        assert_same_run(run, uninterrupted)


@pytest.mark.parametrize("damage", [half, gone, folder, pipe])
def test_without_its_config_no_run_is_gone_on_with(damage, run, capsys):
    damage(run / "config.json")
    with pytest.raises(UserError, match="rename the folder of the run to start over"):
        train(tiny(seed=1), run)
    assert run_command(["run", f"--workdir={run}"]) == 2
    assert "rename the folder of the run to start over" in capsys.readouterr().err


def test_a_config_that_leads_to_a_program_is_read_as_json(run, tmp_path, capsys):
    (run / "config.json").rename(run / "theirs.py")
    (run / "theirs.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'w')\n")
    (run / "config.json").symlink_to("theirs.py")
    for words in (
        ["config", f"--config={run}"],
        ["config", f"--config={run}/config.json"],
        ["run", f"--workdir={run}"],
        ["plot", str(run)],
    ):
        assert run_command(words) == 2
    assert not (tmp_path / "marker").exists()


def test_a_state_under_the_name_of_another_step_is_damaged(uninterrupted, tmp_path, caplog):
    """Else a session would look for its rows for ever."""
    run = shutil.copytree(uninterrupted, tmp_path / "run")
    (run / "checkpoints" / "6").rename(run / "checkpoints" / "5")
    with caplog.at_level("WARNING", logger="whygrok"):
        train(tiny(), run)
    assert "checkpoint 5 is damaged (it was saved at step 6)" in caplog.text


def test_a_folder_that_was_made_beforehand_is_no_run(tmp_path, uninterrupted):
    (tmp_path / "checkpoints").mkdir()
    train(tiny(), tmp_path)
    assert_same_run(tmp_path, uninterrupted)


def test_a_folder_in_the_place_of_the_picture_is_kept(run, caplog):
    (run / "figures" / "curves.png").mkdir(parents=True)
    (run / "figures" / "curves.png" / "mine").write_text("kept")
    with caplog.at_level("WARNING", logger="whygrok"):
        train(tiny(), run)
    assert (run / "figures" / "curves.png.damaged" / "mine").read_text() == "kept" and "curves.png is no file" in caplog.text
