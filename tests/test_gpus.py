"""GPUs dealt out to the processes of a sweep: seen through the environment of the processes, with a driver that we pretend."""

import os
from collections import Counter

import pytest

from framework.config import members
from framework.sweep import Gpus, run_sweep
from framework.sweep.gpus import MEMORY, VISIBLE, visible_gpus
from tests.helpers import PLUGINS, tiny

FIRST, SECOND = "GPU-11111111-aaaa", "GPU-22222222-bbbb"
TWO = f"GPU 0: NVIDIA H100 (UUID: {FIRST})\nGPU 1: NVIDIA H100 (UUID: {SECOND})\n"
DIVIDED = TWO.replace("GPU 1", "  MIG 3g.40gb     Device  0: (UUID: MIG-33333333-cccc)\n  MIG 3g.40gb     Device  1: (UUID: MIG-4)\nGPU 1")
NOTES_ITS_GPU = f"""
import os
from pathlib import Path

with (Path(__file__).parent / "seen.txt").open("a") as file:
    file.write(" ".join(os.environ.get(name, "-") for name in ({VISIBLE!r}, {MEMORY!r})) + "\\n")
"""


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in (VISIBLE, MEMORY, "JAX_PLATFORMS", "XLA_PYTHON_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_PREALLOCATE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """Lets `nvidia-smi -L` print something, and end with a code."""

    def says(text, code=0):
        script = tmp_path / "bin" / "nvidia-smi"
        script.parent.mkdir(exist_ok=True)
        script.write_text(f'#!/bin/sh\n[ "$*" = -L ] || exit 9\ncat <<END\n{text}END\nexit {code}\n')
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")

    return says


def test_gpus_are_those_that_the_driver_names_unless_the_user_or_jax_is_told_others(driver, monkeypatch):
    driver(TWO)
    assert visible_gpus() == [FIRST, SECOND]
    # CUDA stops at the first that is not there.
    for told, found in (("1,0", ["1", "0"]), ("", []), ("3,-1,2", ["3"]), ("GPU-1", ["GPU-1"])):
        monkeypatch.setenv(VISIBLE, told)
        assert visible_gpus() == found
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    assert visible_gpus() == []


def test_a_gpu_that_is_divided_is_used_through_its_parts(driver):
    driver(DIVIDED)
    assert visible_gpus() == ["MIG-33333333-cccc", "MIG-4", SECOND]


def test_a_machine_without_a_driver_has_no_gpus_and_one_whose_driver_fails_says_so(driver, monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_gpus() == [] and not caplog.text
    assert Gpus(3).take() == {} and Gpus(3).said == ""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    driver("", code=9)
    assert visible_gpus() == [] and "the GPUs of this machine are not known" in caplog.text


def test_each_process_has_a_gpu_of_its_own_and_the_place_of_one_that_is_gone_is_given_again(driver):
    driver(TWO)
    gpus = Gpus(2)
    assert gpus.said == "2 GPUs, one for each process"
    first, second = gpus.take(), gpus.take()
    assert (first, second) == ({VISIBLE: FIRST}, {VISIBLE: SECOND}), "and all of its memory"
    gpus.give_back(second)
    assert gpus.take() == second


def test_a_process_whose_network_is_spread_has_as_many_gpus_as_its_mesh_asks_for(driver):
    driver(TWO)
    gpus = Gpus(1, each=2)
    assert gpus.said == "2 GPUs, 2 for each process" and gpus.take() == {VISIBLE: f"{FIRST},{SECOND}"}
    shared = Gpus(2, each=2)
    taken = [shared.take(), shared.take()]
    assert [one[VISIBLE] for one in taken] == [f"{FIRST},{SECOND}"] * 2 and float(taken[0][MEMORY]) == 0.375
    shared.give_back(taken[0])
    assert shared.take()[VISIBLE] == f"{FIRST},{SECOND}"
    assert Gpus(1, each=4).take() == {VISIBLE: f"{FIRST},{SECOND}"}, "the run itself says that there are too few"


def test_processes_that_share_a_gpu_leave_each_other_room(driver, monkeypatch):
    driver(TWO)
    gpus = Gpus(5)
    assert gpus.said == "2 GPUs, each shared by at most 3 processes, with 25% of its memory each"
    taken = [gpus.take() for _ in range(5)]
    assert Counter(one[VISIBLE] for one in taken) == {FIRST: 3, SECOND: 2}
    assert {float(one[MEMORY]) for one in taken} == {0.25}, "three of them take the 75 % that JAX takes for one"
    for said in ("XLA_PYTHON_CLIENT_PREALLOCATE", MEMORY):
        with monkeypatch.context() as by_user:
            by_user.setenv(said, "false")
            assert set(Gpus(5).take()) == {VISIBLE}, "the user has said what a process takes"


@pytest.mark.slow
def test_the_processes_of_a_sweep_get_what_is_dealt_out(driver, tmp_path, caplog):
    driver(TWO)
    plugin = tmp_path / "notes_its_gpu.py"
    plugin.write_text(NOTES_ITS_GPU)
    caplog.set_level("INFO", "whygrok")
    ran = run_sweep(members(tiny(plugins=(PLUGINS, str(plugin))), [{"seed": seed} for seed in range(3)]), tmp_path / "runs", jobs=3)
    assert [one.state for one in ran] == ["finished"] * 3
    assert "2 GPUs, each shared by at most 2 processes, with 38% of its memory each" in caplog.text
    noted = Counter(line for line in (tmp_path / "seen.txt").read_text().splitlines() if line != "- -")  # "- -" is this process
    assert noted == {f"{FIRST} 0.3750": 2, f"{SECOND} 0.3750": 1}
