"""A sweep of three small members, each of which can be made to die, for the tests of the engines."""

import csv
from pathlib import Path

from framework.config import members, select
from tests.helpers import PLUGINS, tiny

DYING = str(Path(__file__).parent / "data" / "dying.py")
SWEEP = """
import json
from framework.config import together
from framework.config import from_dict

def get_config(arg=""):
    return from_dict(json.loads('''{config}'''))

def get_sweep(config):
    return together({{"seed": {seeds}, "probes.death.member": {seeds}}})
"""
NAMES = [f"seed={seed},probes.death.member={seed}" for seed in range(3)]


def config(steps=6, **changes):
    probes = {"count": select("counting", schedule="every 2"), "death": select("dying", schedule="every 2")}
    numerics = {"on_probe_error": "stop"}  # a member whose probe raises has failed
    return tiny(steps, probes=probes, plugins=(PLUGINS, DYING), **{"numerics": numerics} | changes)


def swept(seeds=range(3), **changes):
    return members(config(**changes), [{"seed": seed, "probes.death.member": seed} for seed in seeds])


def states(standings):
    return [standing.state for standing in standings]


def table(path):
    with open(path / "sweep.csv", newline="") as file:
        return list(csv.DictReader(file))
