"""framework.testing finds what is wrong with a plugin, says it in one sentence, and finds nothing wrong with sound ones."""

import pytest

from framework import registry
from framework.testing import check, findings, promises
from tests.broken_plugins import BROKEN

pytestmark = pytest.mark.usefixtures("quick_compilation")

@pytest.mark.parametrize("plugin, promise, words", BROKEN, ids=lambda value: type(value).__name__)
def test_a_broken_plugin_is_found_and_told_in_one_sentence(plugin, promise, words):
    found = {finding.promise: finding.broken for finding in findings(plugin) if finding.broken}
    assert words in found.get(promise, ""), found
    assert all("\n" not in sentence for sentence in found.values())
    with pytest.raises(AssertionError, match=promise):
        check(plugin)


@pytest.mark.parametrize("kind", registry.KINDS)
def test_each_promise_is_broken_by_one_of_them(kind):
    broken = {promise for plugin, promise, _ in BROKEN if registry.interface_of(type(plugin)) == kind}
    whatever = {promise for _, promise, _ in BROKEN}
    own = {promise.name for promise in promises(kind)[4:]}
    assert own - {"a run resumes"} <= broken
    assert {promise.name for promise in promises(kind)} <= whatever
