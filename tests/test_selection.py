"""Which tests a command runs: `pytest` the quick ones, `pytest -m slow` exactly the others, and what is named runs whole."""

import pytest

pytest_plugins = "pytester"

SOME = """
import pytest

@pytest.mark.slow
def test_long():
    pass

def test_short():
    pass
"""


@pytest.mark.parametrize(
    ("arguments", "ran"),
    [
        ([], ["test_short"]),
        (["."], ["test_short"]),
        (["-m", "slow"], ["test_long"]),
        (["test_some.py"], ["test_long", "test_short"]),
        (["test_some.py::test_long"], ["test_long"]),
        (["-k", "long"], []),
    ],
)
def test_what_is_slow_is_run_when_it_is_asked_for(arguments, ran, pytester):
    pytester.makeconftest("from tests.conftest import pytest_collection_modifyitems as pytest_collection_modifyitems")
    pytester.makepyfile(test_some=SOME)
    done = pytester.inline_run("-p", "no:cacheprovider", *arguments)
    passed, skipped, failed = done.listoutcomes()
    assert [report.nodeid.partition("::")[2] for report in passed] == ran and not skipped and not failed
    assert done.ret == (pytest.ExitCode.OK if ran else pytest.ExitCode.NO_TESTS_COLLECTED)  # which is not 0
