"""framework.testing finds what is wrong with a plugin, says it in one sentence, and finds nothing wrong with sound ones."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from framework import registry
from framework.testing import check, check_task, findings, promises
from tests.broken import BROKEN, FIRST
from tests.broken.claims import DoesNotHold
from tests.broken.models import Tables
from tests.broken.tasks import Sum
from tests.helpers import slow_but

pytestmark = pytest.mark.usefixtures("quick_compilation")


CASES = slow_but(lambda broken: broken in FIRST, BROKEN)


@pytest.mark.parametrize("plugin, promise, words", CASES, ids=[repr(plugin) for plugin, _, _ in BROKEN])
def test_a_broken_plugin_is_found_and_told_in_one_sentence(plugin, promise, words):
    found = {finding.promise: finding.broken for finding in findings(plugin) if finding.broken}
    assert words in found.get(promise, ""), found
    assert all("\n" not in sentence for sentence in found.values())


KEEPING = """
import json
from framework.testing.promises import Broken
from framework.testing.shared_programs import check_shares_programs
from framework.testing.subject import Subject
from tests.broken.numbers import KEEPING

said = []
for plugin in KEEPING:
    subject = Subject(plugin)
    try:
        check_shares_programs(subject, ("checked",) if subject.kind == "probe" else ())
    except Broken as broken:
        said.append(str(broken))
print(json.dumps(said))
"""


@pytest.mark.slow
def test_a_plugin_of_each_kind_that_keeps_a_traced_number_is_told_in_one_sentence():
    """In a process of its own: JAX looks through all that a process holds for who keeps it, and this one holds much."""
    done = subprocess.run([sys.executable, "-c", KEEPING], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert len(said) == 4  # a task, an optimizer, a penalty, a probe
    for sentence in said:
        assert "is kept from one call to the next: compute it anew in each" in sentence and "\n" not in sentence


def test_a_test_of_a_broken_plugin_fails_with_the_promise_and_the_sentence():
    with pytest.raises(AssertionError, match="DoesNotHold does not keep\n  what should hold holds: pi does not hold"):
        check(DoesNotHold())
    with pytest.raises(TypeError, match="check_task was given a claim"):
        check_task(DoesNotHold())
    with pytest.raises(TypeError, match=r"give one, such as check\(DoesNotHold\(\)\)"):
        check(DoesNotHold)


@pytest.mark.parametrize("plugin", (Sum(), Tables()), ids=lambda plugin: type(plugin).__name__)
def test_nothing_is_found_on_sound_plugins(plugin):
    check(plugin)


@pytest.mark.parametrize("kind", registry.KINDS)
def test_each_promise_is_broken_by_one_of_them(kind):
    broken = {promise for plugin, promise, _ in BROKEN if registry.interface_of(type(plugin)) == kind}
    whatever = {promise for _, promise, _ in BROKEN}
    own = {promise.name for promise in promises(kind)[4:]}
    assert own - {"a run resumes"} <= broken
    assert {promise.name for promise in promises(kind)} <= whatever
