"""Symbolic links in the folder of a run, which a stranger may have sent, make nothing be written or removed elsewhere."""

import shutil

import pytest

from framework import train
from framework.cli import run_command
from framework.errors import StorageError, UserError
from framework.storage import Lock, write_atomically
from tests.helpers import content, tiny

PARTS = ("LOCK", "config.json", "environment.json", "metrics.jsonl", "arrays", "checkpoints", "tensorboard", "figures")


@pytest.fixture
def linked(uninterrupted, tmp_path):
    """linked(part) gives (a run whose part is a link, what it leads to)."""

    def link(part):
        run, outside = tmp_path / "run", tmp_path / "outside"
        shutil.copytree(uninterrupted, run)
        if (run / part).exists():
            (run / part).rename(outside)
        elif part == "LOCK":
            outside.write_text("precious")
        else:
            outside.mkdir()
            (outside / "curves.png").write_text("precious")
        (run / part).symlink_to(outside)
        return run, outside

    return link


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_a_link_is_named_before_anything_is_written(part, linked, clean_registry):
    run, outside = linked(part)
    before = content(outside) if outside.is_dir() else outside.read_bytes()
    with pytest.raises(UserError, match=f"{part} is a symbolic link to .*outside, and whygrok writes nothing outside"):
        train(tiny(12), run)
    assert run_command(["doctor", str(run), "--repair"]) == 1
    assert (content(outside) if outside.is_dir() else outside.read_bytes()) == before


def test_a_picture_goes_where_it_is_said(linked, clean_registry, capsys):
    run, outside = linked("figures")
    assert run_command(["plot", str(run)]) == 2
    assert "say where: --output=FILE.png" in capsys.readouterr().err
    assert (outside / "curves.png").read_text() == "precious"


def test_the_whole_folder_may_be_a_link(uninterrupted, tmp_path, clean_registry):
    shutil.copytree(uninterrupted, tmp_path / "scratch")
    (tmp_path / "run").symlink_to(tmp_path / "scratch")
    assert train(tiny(), tmp_path / "run").steps[-1] == 6


def test_a_lock_that_is_a_link_is_not_opened(tmp_path):
    (tmp_path / "precious").write_text("words")
    (tmp_path / "LOCK").symlink_to(tmp_path / "precious")
    with pytest.raises(StorageError, match="LOCK"), Lock(tmp_path / "LOCK"):
        pass
    assert (tmp_path / "precious").read_text() == "words"


def test_a_file_that_is_replaced_takes_the_place_of_a_link(tmp_path):
    (tmp_path / "precious").write_text("words")
    (tmp_path / "file").symlink_to(tmp_path / "precious")
    write_atomically(tmp_path / "file", "others")
    assert (tmp_path / "precious").read_text() == "words" and (tmp_path / "file").read_text() == "others"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "precious"]
