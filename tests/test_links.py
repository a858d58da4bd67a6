"""Symbolic links in the folder of a run, which a stranger may have sent, make nothing be written or removed elsewhere."""

import shutil

import pytest

from framework import run_sweep, train
from framework.cli import run_command
from framework.cli.overrides import remove_if_empty
from framework.config import members
from framework.errors import StorageError, UserError
from framework.storage import Lock, append_to, remove, write_atomically
from tests.helpers import Here, content, tiny

PARTS = ("LOCK", "config.json", "environment.json", "metrics.jsonl", "arrays", "checkpoints", "tensorboard", "histograms", "figures")


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


@pytest.mark.parametrize(
    "part",
    [
        *("arrays/0000000006.npz", "arrays/0000000003.npz", "checkpoints/6", "checkpoints/9.orbax-checkpoint-tmp", "checkpoints/6.damaged"),
        *("figures/curves.png", ".x.tmp", "arrays/.x.tmp", "figures/.x.tmp"),
    ],
)
def test_a_link_deeper_in_a_run_leads_nothing_elsewhere(part, uninterrupted, tmp_path, clean_registry):
    run, outside = shutil.copytree(uninterrupted, tmp_path / "run"), tmp_path / "outside"
    (run / "figures").mkdir()
    if (run / part).is_dir():
        shutil.copytree(run / part, outside)
        shutil.rmtree(run / part)
    else:
        (run / part).unlink(missing_ok=True)
        outside.mkdir()
        (outside / "precious").write_text("precious")
    (run / part).symlink_to(outside)
    before = content(outside)
    train(tiny(12), run)
    assert run_command(["plot", str(run)]) == 0
    assert content(outside) == before


@pytest.mark.parametrize("part", ["seed=1", "configs", "logs"])
def test_a_part_of_a_sweep_that_is_a_link_is_refused(part, tmp_path, clean_registry):
    (tmp_path / "outside").mkdir()
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / part).symlink_to(tmp_path / "outside")
    with pytest.raises(UserError, match=f"{part} is a symbolic link to .*outside, and whygrok writes nothing outside"):
        run_sweep(members(tiny(2), [{"seed": 1}, {"seed": 2}]), tmp_path / "sweep", engine=Here())
    assert not [*(tmp_path / "outside").iterdir()]


def test_a_log_that_is_a_link_is_not_written(tmp_path):
    (tmp_path / "precious").write_text("words")
    (tmp_path / "a.log").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="a.log"):
        append_to(tmp_path / "a.log")
    assert (tmp_path / "precious").read_text() == "words"


def test_what_is_removed_is_the_link_and_not_what_it_leads_to(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "precious").write_text("words")
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "inner").symlink_to(tmp_path / "folder")
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    for name in ("link", "top", "nowhere"):
        remove(tmp_path / name)
    assert [path.name for path in tmp_path.rglob("*")] == ["folder", "precious"]


def test_an_empty_folder_is_removed_and_a_link_to_one_is_not(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "mine")
    for workdir in (tmp_path / "run", tmp_path / "mine"):
        remove_if_empty(workdir)
    assert (tmp_path / "run").is_symlink() and not (tmp_path / "mine").exists()


LOOPS = [
    ["run", "--workdir=loop"],
    ["run", "--workdir=loop", "--config=quickstart"],
    ["run", "--workdir=new", "--config=quickstart", "--config.init_from=loop@3"],
    ["run", "--workdir=new", "--config=quickstart", "--config.plugins=loop.py"],
    ["run", "--workdir=loop/inside", "--config=quickstart"],
    ["plot", "loop"],
    ["report", "loop"],
    ["movie", "loop", "--probe=norms"],
    ["rerun", "loop", "--verify"],
    ["fork", "loop@3", "--workdir=new"],
    ["certify", "loop"],
    ["evaluate", "loop", "--intervention=scale"],
    ["doctor", "loop"],
    ["diff", "loop", "quickstart"],
    ["collect", "loop"],
    ["watch", "loop", "--once"],
    ["reproduce", "fig1", "--workdir=loop"],
]


@pytest.mark.parametrize("words", LOOPS, ids=" ".join)
def test_a_folder_that_is_a_link_to_itself_is_a_sentence_in_every_command(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("loop", "loop.py"):
        (tmp_path / name).symlink_to(name)
    assert run_command(words) in (2, 5)
    said = [line for line in capsys.readouterr().err.splitlines() if " at scale " not in line and "XLA_FLAGS=" not in line]  # what begins
    assert len(said) == 1 and "loop" in said[0] and "--debug" not in said[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["loop", "loop.py"]


def test_a_member_of_a_sweep_that_is_a_link_to_itself_is_refused_by_its_name(tmp_path, capsys):
    (tmp_path / "config.py").write_text(
        "from configs.quickstart import *\nfrom framework.config import product\n"
        "def get_sweep(config):\n    return product({'seed': [0, 1]})\n"
    )
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "seed=1").symlink_to("seed=1")
    assert run_command(["sweep", f"--config={tmp_path}/config.py", f"--workdir={tmp_path}/all"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and "member seed=1: " in said[0] and "seed=1 is a symbolic link" in said[0]
