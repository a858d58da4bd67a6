"""Every intervention, killed by SIGKILL around the step in which it is made: what is resumed has the bits of what never was killed."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from framework import registry, train
from framework.config import select, to_dict
from tests.changed_runs import plain
from tests.helpers import assert_same_run, rows
from tests.killed_commands import INSTANTS, batch_from, ended, run_from

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("clean_registry")]

MADE = {  # the k-th at step 2k; each with what shows
    "scale": {"factor": 0.9},
    "set_to": {"value": 0.1, "leaves": "V"},
    "noise": {"std": 0.1},
    "reset_optimizer": {},
    "freeze": {"leaves": "V"},
    "thaw": {},
    "frequencies": {"count": 1},
    "neurons": {"count": 2},
    "singular_directions": {"count": 2},
    "transplant": {"leaves": "W"},
    "labels": {"share": 0.5},
    "sample": {"seed": 4},
}
STEP = {name: 2 * number for number, name in enumerate(MADE, 1)}
LAST = max(STEP.values()) + 1


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """(a config with all of them, the folder of the run and the batch that are never killed)."""
    folder = tmp_path_factory.mktemp("whole")
    with registry.temporary():
        source = train(plain(2, seed=5), folder / "source")
    fields = MADE | {"transplant": {"source": f"{source.path}@2", **MADE["transplant"]}}
    made = {name: select(name, schedule=f"at {STEP[name]}", **fields[name]) for name in MADE}
    checkpoint = {"every_steps": 1, "every_seconds": 0.0, "keep": 2}
    file = folder / "config.json"
    file.write_text(json.dumps(to_dict(plain(LAST, interventions=made, checkpoint=checkpoint))))
    assert ended(run_from, file, folder / "run") == 0
    assert ended(batch_from, file, folder / "batch") == 0
    return file, folder


def test_every_intervention_that_there_is_is_made_once(whole):
    _, folder = whole
    assert set(MADE) == {entry.name for entry in registry.entries("intervention") if entry.source.startswith("plugins.")}
    found = [json.loads(line) for line in rows(folder / "run")]
    assert {name: [row["step"] for row in found if f"{name}/distance" in row] for name in MADE} == {name: [STEP[name]] for name in MADE}


def killed(whole, work, path, shift, names=tuple(MADE)):
    """Works at the path, is killed around each of the interventions, each time at another instant, and then is not."""
    file, _ = whole
    for number, name in enumerate(names):
        assert ended(work, file, path, (STEP[name], INSTANTS[(number + shift) % len(INSTANTS)])) == -9, name
    assert ended(work, file, path) == 0


def test_killed_around_each_of_them_a_run_and_a_batch_end_in_the_same_bits(whole, tmp_path):
    """A run at one of four instants of each, another at one instant of every second, the batch of two members at one of each."""
    _, folder = whole
    with ThreadPoolExecutor(2) as pool:
        works = [(run_from, "a", 0), (run_from, "b", 1, tuple(MADE)[::2]), (batch_from, "c", 1)]
        list(pool.map(lambda one: killed(whole, one[0], tmp_path / one[1], *one[2:]), works))
    for name in ("a", "b"):
        assert_same_run(tmp_path / name, folder / "run")
    for member in ("seed=0", "seed=1"):
        assert_same_run(tmp_path / "c" / member, folder / "batch" / member)
