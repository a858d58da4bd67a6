"""What W&B does offline stays in the folder of the run: nothing is sent, and nothing lies in the user's own folders."""

import json
import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest

from framework.config import select, to_dict
from tests.helpers import rows
from tests.written import assert_same_numbers, history, told

ROOT = Path(__file__).parents[1]
NOTING = """
import os, socket

lookup, connect = socket.getaddrinfo, socket.socket.connect

def note(*what):
    with open(os.environ["NOTED"], "a") as file:
        print(*what, file=file)

def looked_up(host, *args, **keywords):
    note("lookup", host)
    return lookup(host, *args, **keywords)

def connected(self, address):
    if self.family != socket.AF_UNIX and address[0] != "127.0.0.1":
        note("connect", address)
    return connect(self, address)

socket.getaddrinfo, socket.socket.connect = looked_up, connected
"""
TRAINS = """
import json, os, sys
from framework import train
from framework.config import from_dict

before = dict(os.environ)
train(from_dict(json.loads(sys.argv[1])), sys.argv[2])
print(json.dumps([name for name in {**before, **os.environ} if before.get(name) != os.environ.get(name)]))
"""
REACHES = "import socket\ntry:\n    socket.create_connection(('whygrok.invalid', 80))\nexcept OSError:\n    print('[]')"


def noted(program, folder, *arguments):
    """(what a program in Python asks of the network, in lines; what it prints; what it leaves in the home of the user)."""
    (folder / "customized").mkdir()
    (folder / "customized" / "sitecustomize.py").write_text(NOTING)
    (folder / "home").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB", "XDG"))}
    own = {"HOME": str(folder / "home"), "NOTED": str(folder / "noted"), "PYTHONPATH": str(folder / "customized")}
    own["MPLCONFIGDIR"] = matplotlib.get_cachedir()  # its list of fonts is none of W&B's
    done = subprocess.run([sys.executable, "-c", program, *arguments], cwd=ROOT, env=kept | own, capture_output=True, text=True, check=True)
    said = (folder / "noted").read_text().splitlines() if (folder / "noted").exists() else []
    return said, json.loads(done.stdout), sorted(str(file.relative_to(folder)) for file in (folder / "home").rglob("*"))


@pytest.mark.slow
def test_wandb_offline_sends_nothing_writes_nothing_at_home_and_puts_the_variables_back(tmp_path):
    config = told(draws=True, wandb=select("wandb", histograms=True))
    said, changed, left = noted(TRAINS, tmp_path, json.dumps(to_dict(config)), str(tmp_path / "run"))
    assert (said, left) == ([], [])
    assert set(changed) <= {"WANDB_SERVICE", "KMP_INIT_AT_FORK", "KMP_DUPLICATE_LIB_OK", "TPU_ML_PLATFORM"}
    assert rows(tmp_path / "run")
    numbers = {key: value for key, value in history(tmp_path / "run")[1].items() if not key[0].startswith(("parameters/", "pictures/"))}
    assert_same_numbers(numbers, tmp_path / "run")


def test_what_notes_the_network_notes_it(tmp_path):
    assert noted(REACHES, tmp_path)[0] == ["lookup whygrok.invalid"]
