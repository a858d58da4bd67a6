"""framework.testing finds what is wrong with a plugin, says it in one sentence, and finds nothing wrong with sound ones."""

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
