"""Files of compiled programs: whole or absent, checked, the user's alone, limited; any number of processes at once."""

import errno
import logging
import multiprocessing
import os
import random
import shutil
import tempfile
import time

import pytest

from framework.storage.programs import Programs, clear, refusal, size_of, trim

KEYS = [f"jit_advance-{number}" for number in range(5)]
DAMAGES = {
    "empty": lambda content: b"",
    "one byte": lambda content: content[:1],
    "cut in the head": lambda content: content[:30],
    "cut after the head": lambda content: content[:50],
    "cut in the middle": lambda content: content[: len(content) // 2],
    "without its last byte": lambda content: content[:-1],
    "longer": lambda content: content + b"\0",
    "a bit flipped in the first line": lambda content: flipped(content, 3),
    "a bit flipped in the checksum": lambda content: flipped(content, 25),
    "a bit flipped in the middle": lambda content: flipped(content, len(content) // 2),
    "a bit flipped at the end": lambda content: flipped(content, len(content) - 1),
    "zeros": lambda content: bytes(len(content)),
    "a text": lambda content: b"not a program\n",
}


def flipped(content, place):
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def value_of(key, size=3_000):
    return random.Random(key).randbytes(size)


@pytest.fixture
def programs(tmp_path):
    return Programs(tmp_path, "machine")


def files(folder):
    return sorted(folder.glob("machine/*"))


def test_what_was_put_is_read_by_another_process_under_its_own_key_only(programs, tmp_path):
    programs.put(KEYS[0], b"\0binary\n" * 100)
    assert Programs(tmp_path, "machine").get(KEYS[0]) == b"\0binary\n" * 100
    assert Programs(tmp_path, "machine").get(KEYS[1]) is None
    assert Programs(tmp_path, "another machine").get(KEYS[0]) is None


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_not_used_and_is_written_anew(damage, programs, tmp_path, warnings_said):
    programs.put(KEYS[0], value_of(KEYS[0]))
    [file] = files(tmp_path)
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    assert programs.get(KEYS[0]) is None
    assert len(warnings_said) == 1 and str(file) in warnings_said[0] and "\n" not in warnings_said[0]
    programs.put(KEYS[0], value_of(KEYS[0]))
    assert programs.get(KEYS[0]) == value_of(KEYS[0])


def test_the_program_of_another_key_is_not_used(programs, tmp_path):
    programs.put(KEYS[0], b"one")
    [one] = files(tmp_path)
    programs.put(KEYS[1], b"two")
    [two] = {*files(tmp_path)} - {one}
    shutil.copyfile(two, one)
    assert programs.get(KEYS[0]) is None and programs.get(KEYS[1]) == b"two"


def test_a_folder_under_the_name_of_a_program_is_not_used_and_gives_way(programs, tmp_path, warnings_said):
    programs.put(KEYS[0], b"one")
    [file] = files(tmp_path)
    file.unlink()
    (file / "inner").mkdir(parents=True)
    assert programs.get(KEYS[0]) is None and len(warnings_said) == 1
    programs.put(KEYS[0], b"one")
    assert programs.get(KEYS[0]) == b"one"


def test_a_file_that_another_host_removes_while_it_is_read_is_absent(programs, monkeypatch, warnings_said):
    def stale(*arguments):
        raise OSError(errno.ESTALE, "Stale file handle")

    programs.put(KEYS[0], b"one")
    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", stale)
        found = programs.get(KEYS[0])
    assert found is None and warnings_said == [] and programs.get(KEYS[0]) == b"one"


def test_many_damaged_files_are_one_sentence(programs, tmp_path, warnings_said):
    for key in KEYS:
        programs.put(key, value_of(key))
    for file in files(tmp_path):
        file.write_bytes(b"")
    assert [programs.get(key) for key in KEYS] == [None] * 5
    assert len(warnings_said) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_program_of_another_user_is_not_used(programs, tmp_path):
    programs.put(KEYS[0], b"one")
    [file] = files(tmp_path)
    os.chown(file, 12345, 12345)
    assert programs.get(KEYS[0]) is None


def test_a_write_that_fails_leaves_nothing_and_says_nothing(programs, tmp_path, monkeypatch, warnings_said):
    def refuse(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    programs.put(KEYS[0], b"one")
    assert programs.get(KEYS[0]) is None and files(tmp_path) == [] and warnings_said == []


def test_programs_that_were_used_least_recently_are_removed_when_the_limit_is_passed(tmp_path):
    programs = Programs(tmp_path, "machine", limit=20_000)
    for age, key in enumerate(KEYS):
        programs.put(key, value_of(key))
        [new] = [file for file in files(tmp_path) if time.time() - file.stat().st_mtime < 5_000]
        os.utime(new, (0, time.time() - 10_000 * (5 - age)))
    assert programs.get(KEYS[0]) == value_of(KEYS[0])  # used again, so that it is no longer the oldest
    for number in range(3):
        programs.put(f"new {number}", value_of("new"))
        assert size_of(tmp_path)[1] <= 20_000
    assert [programs.get(key) is not None for key in KEYS] == [True, False, False, False, True]
    assert [programs.get(f"new {number}") is not None for number in range(3)] == [True] * 3


def test_the_limit_is_for_the_programs_of_all_machines_and_versions_together(tmp_path):
    Programs(tmp_path, "old").put("a", value_of("a"))
    Programs(tmp_path, "new").put("b", value_of("b"))
    assert size_of(tmp_path)[0] == 2
    os.utime(next(tmp_path.glob("old/*")), (0, 0))
    trim(tmp_path, limit=5_000)
    assert [path.parent.name for path in tmp_path.glob("*/*")] == ["new"]


def test_what_a_dead_process_left_half_written_is_removed_and_what_is_not_ours_stays(programs, tmp_path):
    programs.put(KEYS[0], b"one")
    dead, writing, stranger = (tmp_path / "machine" / name for name in (".writing-dead", ".writing-now", "thesis.tex"))
    for file in (dead, writing, stranger):
        file.write_bytes(b"half")
    for file in (dead, stranger):
        os.utime(file, (0, 0))
    trim(tmp_path)
    assert not dead.exists() and writing.exists() and programs.get(KEYS[0]) == b"one"
    clear(tmp_path)
    assert files(tmp_path) == [stranger]


def test_a_new_folder_is_the_users_alone(tmp_path):
    assert refusal(tmp_path / "cache" / "programs") == ""
    assert (tmp_path / "cache" / "programs").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o720, 0o755, 0o777, 0o1777])
def test_a_folder_that_others_may_enter_is_refused(mode, tmp_path):
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs").chmod(mode)
    assert "chmod 700" in refusal(tmp_path / "programs")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(tmp_path):
    (tmp_path / "programs").mkdir(mode=0o700)
    os.chown(tmp_path / "programs", 12345, 12345)
    assert "another user" in refusal(tmp_path / "programs")


def test_a_write_measures_the_folder_now_and_then_whoever_writes(tmp_path, monkeypatch):
    """A hundred processes write a quarter of the limit: 16 of them measure, on average."""
    measured = []
    monkeypatch.setattr("framework.storage.programs.trim", lambda folder, limit: measured.append(limit))
    before = random.getstate()
    for number in range(100):
        Programs(tmp_path, "machine", limit=1_000_000).put(str(number), bytes(2_500))
    assert 0 < len(measured) < 50 and random.getstate() == before


def test_programs_may_be_cleared_while_others_write(programs, tmp_path, monkeypatch):
    """The folder of a machine goes away between any two calls."""
    mkstemp = tempfile.mkstemp

    def cleared(**arguments):
        clear(tmp_path)
        return mkstemp(**arguments)

    monkeypatch.setattr(tempfile, "mkstemp", cleared)
    programs.put(KEYS[0], b"one")
    assert programs.get(KEYS[0]) is None and list(tmp_path.iterdir()) == []


def use_together(folder, number, result):
    """Puts and gets in a folder with a small limit; puts into the queue what was wrong."""
    logging.getLogger("whygrok").addHandler(handler := logging.Handler(logging.WARNING))
    said, drawn = [], random.Random(number)
    handler.emit = lambda record: said.append(record.getMessage())
    programs = Programs(folder, f"machine {number % 2}", limit=60_000)
    for _ in range(150):
        key = f"key {drawn.randrange(20)}"
        found = programs.get(key)
        if found is None:
            programs.put(key, value_of(key))
        elif found != value_of(key):
            said.append(f"{key} has another content")
    result.put(said)


@pytest.mark.parametrize("count", [8, pytest.param(200, marks=pytest.mark.slow)])
def test_processes_at_once_read_whole_programs_or_none_and_keep_the_limit(count, tmp_path):
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload([__name__])
    result = made.Queue()
    processes = [made.Process(target=use_together, args=(tmp_path, number, result)) for number in range(count)]
    for process in processes:
        process.start()
    assert [result.get(timeout=300) for _ in processes] == [[]] * count
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert size_of(tmp_path)[0] > 0 and size_of(tmp_path)[1] <= 60_000 + 3_100 * count
    assert list(tmp_path.rglob(".writing-*")) == []
