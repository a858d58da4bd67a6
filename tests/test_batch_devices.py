"""The engine `batch` on several devices: the axis of members is spread over all of them, and the numbers stay the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from framework import train
from tests.batches_of_members import assert_close, swept
from tests.helpers import assert_same_run

pytestmark = pytest.mark.usefixtures("clean_registry")


DEVICES = """
import json, sys
import jax
from framework import run_sweep
from framework.sessions import Group
from tests.batches_of_members import swept

seen, advance = [], Group.advance

def advanced(self, counts):
    found = advance(self, counts)
    shards = [leaf.addressable_shards for part in self._stacked.values() for leaf in part.leaves]
    seen.append([self.width, sorted({len({shard.device for shard in one}) for one in shards}),
                 sorted({shard.data.shape[0] for one in shards for shard in one})])
    return found

Group.advance = advanced
found = run_sweep(swept(10), sys.argv[1], engine="batch")
print(json.dumps([len(jax.devices()), [standing.state for standing in found], seen]))
"""


@pytest.mark.slow
def test_ten_members_are_spread_over_eight_devices_and_have_their_own_numbers(tmp_path):
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
    for name in ("runs", "again"):
        words = [sys.executable, "-c", DEVICES, str(tmp_path / name)]
        done = subprocess.run(words, cwd=Path(__file__).parents[1], env={**os.environ, "XLA_FLAGS": flags}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        devices, states, seen = json.loads(done.stdout.splitlines()[-1])
        assert (devices, states) == (8, ["finished"] * 10)
        assert seen and all(one == [16, [8], [2]] for one in seen), "sixteen places, two on each device"
    for member in swept(10):
        train(member.config, tmp_path / member.name)
        assert_close(tmp_path / "runs" / member.name, tmp_path / member.name)
        assert_same_run(tmp_path / "again" / member.name, tmp_path / "runs" / member.name)
