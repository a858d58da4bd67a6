"""Compiled programs outlive the process: the next one reads them, gets the same bits, and never fails because of them."""

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from framework.cli import run_command
from framework.cli.checking import doctor
from framework.config import select, to_dict
from framework.run import programs as kept
from tests.helpers import QUIET, assert_same_run, command_server, leaves, tiny
from tests.test_programs import DAMAGES

SCRIPT = Path(__file__).parent / "data" / "trained.py"
# A user's environment: without what tests/conftest.py sets.
OURS = ("JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "WHYGROK_PROGRAMS", "XDG_CACHE_HOME")
CLEAN = {name: value for name, value in os.environ.items() if name not in OURS}


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """train(environment, …) → what tests/data/trained.py found out, and its standard error, of a process of its own."""
    with command_server(CLEAN | {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}) as server:

        def run(environment, config=None, workdir=None, file_limit=None):
            folder = tmp_path_factory.mktemp("process")
            given = {"environment": environment, "config": to_dict(config or tiny()), "workdir": workdir, "file_limit": file_limit}
            (folder / "arguments.json").write_text(json.dumps(given, default=str))
            code, error = server(folder, ["python", str(SCRIPT), str(folder / "arguments.json")])
            assert code == 0 and "Traceback" not in error and "Warning" not in error, error
            return SimpleNamespace(error=error.splitlines(), **json.loads((folder / "result.json").read_text()))

        yield run


@pytest.fixture(scope="module")
def without(train):
    """The run whose programs are not kept."""
    return train({"WHYGROK_PROGRAMS": "off"})


@pytest.fixture(scope="module")
def filled(train, without, tmp_path_factory):
    """A folder with the programs of that run."""
    folder = tmp_path_factory.mktemp("user") / "programs"
    first = train({"WHYGROK_PROGRAMS": folder})
    assert (first.bits, first.read, first.error) == (without.bits, 0, [])
    return folder


@pytest.fixture
def folder(filled, tmp_path):
    """A copy of it."""
    return Path(shutil.copytree(filled, tmp_path / "programs"))


def test_the_next_process_compiles_nothing_and_gets_the_same_bits(train, without, folder):
    again = train({"WHYGROK_PROGRAMS": folder})
    assert again.read == again.asked > 10 and again.bits == without.bits and again.error == []
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
def test_the_default_is_the_users_cache_folder(train, tmp_path):
    assert train({"HOME": tmp_path}).read == 0
    count = len(list(tmp_path.glob(".cache/whygrok/programs/*/*.program")))
    assert train({"HOME": tmp_path}).read >= count > 10


@pytest.mark.slow
def test_damaged_programs_cost_nothing_but_time(train, without, folder):
    files = sorted(folder.glob("*/*.program"))
    assert len(files) > len(DAMAGES) + 2
    for file, damage in zip(files, itertools.cycle([*DAMAGES.values(), "folder", "another"]), strict=False):
        content = file.read_bytes()
        file.unlink()
        if damage == "folder":
            file.mkdir()
        else:
            file.write_bytes(files[0].read_bytes() if damage == "another" else damage(content))
    damaged = train({"WHYGROK_PROGRAMS": folder})
    assert (damaged.bits, damaged.read, len(damaged.error)) == (without.bits, 0, 1)
    assert "is compiled again" in damaged.error[0]
    assert train({"WHYGROK_PROGRAMS": folder}).read == without.asked


def test_a_folder_that_others_may_enter_is_not_used_with_one_sentence(train, without, folder):
    folder.chmod(0o755)
    refused = train({"WHYGROK_PROGRAMS": folder})
    assert (refused.bits, refused.read, len(refused.error)) == (without.bits, 0, 1)
    assert f"chmod 700 {folder}" in refused.error[0]


@pytest.mark.slow
def test_a_home_that_cannot_be_written_is_as_if_nothing_were_kept(train, without, tmp_path):
    (tmp_path / ".cache").write_text("a file, so that even root can make no folder here")
    alone = train({"HOME": tmp_path})
    assert (alone.bits, alone.error) == (without.bits, [])


@pytest.mark.slow
def test_a_file_that_may_not_grow_is_as_if_nothing_were_kept(train, without, tmp_path):
    limited = train({"WHYGROK_PROGRAMS": tmp_path / "programs"}, file_limit=4_000)
    assert (limited.bits, limited.error) == (without.bits, [])
    assert max(file.stat().st_size for file in tmp_path.glob("programs/*/*")) <= 4_000


@pytest.fixture
def disk(tmp_path):
    """A file system of 64 kB of its own."""
    (tmp_path / "disk").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", tmp_path / "disk"]
    if os.geteuid() != 0 or shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root and mount")
    yield tmp_path / "disk"
    subprocess.run(["umount", "-l", tmp_path / "disk"], check=True)


@pytest.mark.slow
def test_a_full_disk_and_a_read_only_one_cost_nothing_but_time(train, without, disk):
    for _ in range(2):
        full = train({"WHYGROK_PROGRAMS": disk / "programs"})
        assert (full.bits, full.error) == (without.bits, [])
    assert 0 < full.read < full.asked, "some programs had room"
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    read_only = train({"WHYGROK_PROGRAMS": disk / "programs"})
    assert (read_only.bits, read_only.error, read_only.read) == (without.bits, [], full.read)


DIFFERENT = {
    "adamw": {"probes": {"fourier": select("fourier"), "margins": select("margins")}},
    "sam": {"optimizer": select("sam", inner=select("sgd", learning_rate=0.1)), "probes": {"sharpness": select("sharpness")}},
    "muon": {"optimizer": select("muon"), "penalty": select("l2", coefficient=1e-4)},
    "transformer": {"model": select("transformer", d_model=8, d_mlp=8, heads=2), "optimizer": select("grokfast", inner=select("adam"))},
    "batches": {"task": select("modular_addition", p=5, k=2, batch_size=4), "probes": {"ntk": select("ntk_drift")}},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DIFFERENT)
def test_runs_on_disk_are_the_same_to_the_bit_with_kept_programs_and_without(name, train, tmp_path):
    config = tiny(recording=QUIET, **DIFFERENT[name])
    train({"WHYGROK_PROGRAMS": "off"}, config, tmp_path / "off")
    for once in ("first", "again"):
        run = train({"WHYGROK_PROGRAMS": tmp_path / "programs"}, config, tmp_path / once)
        assert_same_run(tmp_path / once, tmp_path / "off")
    assert run.read == run.asked > 0 and len(leaves(tmp_path / "again")) > 2


@pytest.mark.slow
def test_processes_that_start_at_once_get_the_same_bits(without, tmp_path):
    """Each writes what it compiles while others read it."""
    count = 12
    given = {"environment": {"WHYGROK_PROGRAMS": str(tmp_path / "programs")}, "config": to_dict(tiny())}
    given |= {"workdir": None, "file_limit": None}
    environment = CLEAN | {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    running = []
    for number in range(count):
        (tmp_path / str(number)).mkdir()
        (arguments := tmp_path / str(number) / "arguments.json").write_text(json.dumps(given))
        words = [sys.executable, str(SCRIPT), str(arguments)]
        running.append(subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True))
    said = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0] * count and said == [""] * count
    assert {json.loads((tmp_path / str(n) / "result.json").read_text())["bits"] for n in range(count)} == {without.bits}
    assert list(tmp_path.rglob(".writing-*")) == []


@pytest.fixture
def unset(monkeypatch, tmp_path):
    """No setting of JAX's own; programs would be kept in tmp_path/programs. The doctor does not start that in this process."""
    values = {"compilation_cache_dir": None, "enable_compilation_cache": True}
    monkeypatch.setattr(kept, "_setting", values.get)
    monkeypatch.setattr(kept, "_seam", lambda: SimpleNamespace(get_file_cache=None))
    monkeypatch.setattr("framework.run.environment.start_backend", lambda: None)
    monkeypatch.setattr(doctor, "_check_bits", lambda repeats: (True, "not looked at"))
    monkeypatch.setenv("WHYGROK_PROGRAMS", str(tmp_path / "programs"))
    return values


THEIRS = [{"compilation_cache_dir": "/theirs"}, {"compilation_cache_dir": ""}, {"enable_compilation_cache": False}]


@pytest.mark.parametrize("theirs", THEIRS)
def test_a_setting_of_jaxs_own_stays_as_it_is(theirs, unset, monkeypatch, tmp_path, warnings_said):
    """What the environment or Python has told JAX: the folder of these tests, or no folder, or that nothing is kept."""
    before = kept.jax.config.jax_compilation_cache_dir
    assert before and os.environ["JAX_COMPILATION_CACHE_DIR"] == before, "tests/conftest.py has set it"
    unset.update(theirs)
    kept.keep_programs()
    assert kept.jax.config.jax_compilation_cache_dir == before and warnings_said == []
    assert kept.program_place().why_not.startswith("JAX's own setting stays as it is") and not (tmp_path / "programs").exists()


def test_the_xdg_folder_goes_before_that_of_the_home(unset, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WHYGROK_PROGRAMS")
    for xdg, cache in (("", ".cache"), ("relative", ".cache"), (str(tmp_path / "xdg"), "xdg")):
        monkeypatch.setenv("XDG_CACHE_HOME", xdg)
        assert kept.program_place() == kept.Place(tmp_path / cache / "whygrok" / "programs")


@pytest.mark.parametrize("home", ["nowhere", "file", "file/inner"])
def test_no_home_is_no_mistake_and_none_is_made(home, unset, monkeypatch, tmp_path, warnings_said):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HOME", str(tmp_path / home))
    monkeypatch.delenv("WHYGROK_PROGRAMS")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    kept.keep_programs()
    assert kept.program_place() == kept.Place(None, "there is no home folder") and warnings_said == []
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_cache_folder_that_is_dev_null_is_no_mistake(unset, monkeypatch, warnings_said):
    monkeypatch.delenv("WHYGROK_PROGRAMS")
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    kept.keep_programs()
    assert kept.program_place() == kept.Place(None, "XDG_CACHE_HOME=/dev/null") and warnings_said == []


@pytest.mark.parametrize(("setting", "said"), [("offf", "must be off, or a folder"), ("~/null/inner", "/dev/null/inner")])
def test_a_setting_that_cannot_be_followed_is_one_sentence(setting, said, unset, monkeypatch, warnings_said):
    monkeypatch.setenv("HOME", "/dev")
    monkeypatch.setenv("WHYGROK_PROGRAMS", setting)
    kept.keep_programs()
    assert len(warnings_said) == 1 and said in warnings_said[0] and "\n" not in warnings_said[0]


def test_a_jax_that_opens_its_folder_elsewhere_keeps_no_programs(unset, monkeypatch, warnings_said):
    for seam in (SimpleNamespace(), None):
        monkeypatch.setattr(kept, "_seam", lambda seam=seam: seam)
        before = kept.jax.config.jax_compilation_cache_dir
        kept.keep_programs()
        assert kept.jax.config.jax_compilation_cache_dir == before and warnings_said == []
        assert f"JAX {kept.jax.__version__} cannot" in kept.program_place().why_not


def test_another_processor_other_cores_and_other_versions_have_a_folder_of_their_own(monkeypatch):
    kinds = [kept.kind_of_machine(), kept.kind_of_machine()]
    processor = kept._processor()
    monkeypatch.setattr(kept, "_processor", lambda: [line.replace(" fma", "") for line in processor] + ["Features : sve"])
    kinds.append(kept.kind_of_machine())
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(77), raising=False)
    kinds.append(kept.kind_of_machine())
    monkeypatch.setattr(kept.jaxlib, "__version__", "0.0.1")
    kinds.append(kept.kind_of_machine())
    assert kinds[0] == kinds[1] and len(set(kinds)) == 4


def test_the_doctor_shows_and_clears_what_is_kept(unset, folder, capsys):
    count = len(list(folder.glob("*/*.program")))
    size = sum(file.stat().st_size for file in folder.glob("*/*.program"))

    def ask(*arguments):
        code = run_command(["doctor", "--repeats=2", *arguments])
        return code, capsys.readouterr().out

    code, said = ask()
    assert code == 0 and f"ok  programs       {count} compiled programs, {size:,} of at most 500,000,000 bytes: {folder}" in said
    assert ask("--clear-programs") == (0, f"removed {count} compiled programs, {size:,} bytes: {folder}\n")
    assert list(folder.iterdir()) == []
    assert ask("--clear-programs") == (0, f"there are none: {folder}\n")


def test_the_doctor_says_why_nothing_is_kept(unset, folder, capsys, monkeypatch):
    folder.chmod(0o755)
    assert run_command(["doctor", "--repeats=2"]) == 1
    assert "BAD programs       whygrok keeps no compiled programs" in (said := capsys.readouterr().out) and "chmod 700" in said
    assert run_command(["doctor", "--clear-programs"]) == 2
    assert "chmod 700" in capsys.readouterr().err and list(folder.iterdir())
    monkeypatch.setenv("WHYGROK_PROGRAMS", "off")
    assert run_command(["doctor", "--repeats=2"]) == 0
    assert "ok  programs       whygrok keeps no compiled programs: WHYGROK_PROGRAMS=off" in capsys.readouterr().out
