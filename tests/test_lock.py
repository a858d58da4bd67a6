"""One writer for a run directory."""

import contextlib
import errno
import fcntl
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from datetime import datetime

import pytest

from framework import train
from framework.errors import StorageError, UserError
from framework.storage import Lock
from framework.storage import holder as writer
from tests.helpers import content, tiny

pytestmark = pytest.mark.usefixtures("clean_registry")

HOLD = """
import sys, time
from pathlib import Path
from framework.storage import Lock
with Lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A living process of its own that holds the LOCK of tmp_path."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / "LOCK"], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def elsewhere(path, age, **more):
    """A LOCK as another host would have written it `age` seconds ago."""
    beat = datetime.fromtimestamp(time.time() - age).astimezone().isoformat()
    path.write_text(json.dumps({"host": "node17", "pid": 4711, "heartbeat": beat} | more))


def test_a_second_writer_is_refused_and_told_of_the_first(tmp_path, holder, monkeypatch):
    with pytest.raises(UserError) as refusal:
        train(tiny(3), tmp_path)
    assert refusal.value.exit_code == 2
    assert f"process {holder.pid} on {socket.gethostname()}, started " in str(refusal.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["LOCK"]


def test_whoever_only_asks_who_writes_a_run_refuses_no_writer(tmp_path):
    (tmp_path / "LOCK").write_text("")  # left behind by a process that was killed
    with open(tmp_path / "LOCK", "rb") as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        threading.Timer(0.02, lambda: fcntl.flock(reader, fcntl.LOCK_UN)).start()
        with Lock(tmp_path / "LOCK"):
            assert writer(tmp_path / "LOCK") == f"process {os.getpid()} on {socket.gethostname()}"


def test_readers_that_ask_without_a_pause_refuse_no_writer_either(tmp_path):
    lock, over = tmp_path / "LOCK", threading.Event()

    def ask():
        while not over.is_set():
            writer(lock)

    readers = [threading.Thread(target=ask) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(30):
            with Lock(lock):
                pass
    finally:
        over.set()
        for reader in readers:
            reader.join()


def test_readers_never_let_two_writers_in(tmp_path):
    """Of three writers at once each is alone inside, or refused."""
    lock, inside, met, over = tmp_path / "LOCK", [], [], threading.Event()

    def write():
        while not over.is_set():
            with contextlib.suppress(UserError), Lock(lock):
                inside.append(1)
                met.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=write) for _ in range(3)] + [threading.Thread(target=lambda: [writer(lock) for _ in range(300)])]
    for thread in threads:
        thread.start()
    threads[-1].join()
    over.set()
    for thread in threads:
        thread.join()
    assert set(met) == {1}


def test_fresh_does_not_move_a_run_that_is_being_written(tmp_path, monkeypatch):
    train(tiny(3), tmp_path / "run")
    before = content(tmp_path / "run")
    with Lock(tmp_path / "run" / "LOCK"), pytest.raises(UserError, match=f"process {os.getpid()} on"):
        train(tiny(3), tmp_path / "run", fresh=True)
    assert content(tmp_path / "run") == before and not (tmp_path / "run.old").exists()


def test_the_lock_of_a_killed_process_is_taken_over_without_a_question(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert (tmp_path / "LOCK").is_file()
    with Lock(tmp_path / "LOCK"):
        assert json.loads((tmp_path / "LOCK").read_text())["pid"] == os.getpid()
    assert not (tmp_path / "LOCK").exists()


def test_another_hosts_fresh_heartbeat_is_respected(tmp_path):
    elsewhere(tmp_path / "LOCK", age=5)
    written = (tmp_path / "LOCK").read_text()
    with pytest.raises(UserError, match=r"process 4711 on node17 gave a sign of life [5-9] s ago"), Lock(tmp_path / "LOCK"):
        pass
    assert (tmp_path / "LOCK").read_text() == written


def test_another_hosts_old_heartbeat_is_taken_over_with_a_line(tmp_path, caplog):
    elsewhere(tmp_path / "LOCK", age=3600)
    with Lock(tmp_path / "LOCK"):
        assert json.loads((tmp_path / "LOCK").read_text())["host"] == socket.gethostname()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "process 4711 on node17, silent for 360" in record.getMessage()


@pytest.mark.parametrize("heartbeat", [None, "yesterday", {"a": 1}])
@pytest.mark.parametrize(("age", "refused"), [(5, True), (3600, False)])
def test_a_heartbeat_that_cannot_be_read_counts_from_the_time_of_the_file(heartbeat, age, refused, tmp_path):
    elsewhere(tmp_path / "LOCK", age=0, heartbeat=heartbeat)
    os.utime(tmp_path / "LOCK", (time.time() - age,) * 2)
    if refused:
        with pytest.raises(UserError, match="node17"), Lock(tmp_path / "LOCK"):
            pass
    else:
        with Lock(tmp_path / "LOCK"):
            pass


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"pid": 1'])
def test_a_lock_that_says_nothing_does_not_block(text, tmp_path):
    (tmp_path / "LOCK").write_text(text)
    with Lock(tmp_path / "LOCK"):
        pass


def test_the_heartbeat_is_renewed_while_the_lock_is_held(tmp_path, monkeypatch):
    monkeypatch.setattr("framework.storage.lock.BEAT_SECONDS", 0.01)
    with Lock(tmp_path / "LOCK"):
        (tmp_path / "LOCK").write_text("overwritten")
        deadline = time.monotonic() + 10
        while "heartbeat" not in (seen := (tmp_path / "LOCK").read_text()) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert "heartbeat" in seen  # not read again: the file may be in the middle of its next renewal


def test_a_lock_file_that_its_owner_removed_meanwhile_is_not_taken_for_the_lock(tmp_path, monkeypatch):
    """A process that opened the file before its owner removed it must not hold that while a third holds the new one."""
    path, flocks = tmp_path / "LOCK", []
    owner = Lock(path).__enter__()
    real = __import__("fcntl").flock

    def flock(file, flags):
        if not flocks:  # between our open and our lock, the owner ends
            flocks.append(owner.__exit__(None, None, None))
        return real(file, flags)

    monkeypatch.setattr("framework.storage.lock.fcntl.flock", flock)
    with Lock(path):
        assert path.is_file()
        with pytest.raises(UserError, match="is running there"), Lock(path):
            pass


@pytest.mark.parametrize(("age", "found"), [(5, "process 4711 on node17"), (3600, None)])
def test_who_writes_on_another_host_is_known_by_the_heartbeat(age, found, tmp_path):
    elsewhere(tmp_path / "LOCK", age=age)
    assert writer(tmp_path / "LOCK") == found


def test_who_writes_here_is_known_by_the_kernel_and_nothing_is_written(tmp_path):
    assert writer(tmp_path / "LOCK") is None and not (tmp_path / "LOCK").exists()
    with Lock(tmp_path / "LOCK"):
        before = content(tmp_path)
        assert writer(tmp_path / "LOCK") == f"process {os.getpid()} on {socket.gethostname()}"
        assert content(tmp_path) == before
    elsewhere(tmp_path / "LOCK", age=5, host=socket.gethostname())  # left by a process that was killed
    assert writer(tmp_path / "LOCK") is None


def test_a_file_system_without_locks_is_not_taken_for_another_writer(tmp_path, monkeypatch):
    def refuse(file, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("framework.storage.lock.fcntl.flock", refuse)
    with pytest.raises(StorageError, match=r"locking .*LOCK: OSError: .*No locks available"), Lock(tmp_path / "LOCK"):
        pass
