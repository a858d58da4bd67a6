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


OF_EVERYTHING = """
import pytest

@pytest.mark.slow
@pytest.mark.parametrize("number", range(20))
def test_one_of_many(number):
    pass

@pytest.mark.slow
@pytest.mark.parametrize("page", ["README"])
def test_page(page):
    pass

def test_short():
    pass
"""


def test_the_shares_of_tests_of_everything_are_all_of_them_and_each_is_in_one(pytester):
    names = "pytest_addoption as pytest_addoption, pytest_collection_modifyitems as pytest_collection_modifyitems"
    pytester.makeconftest(f"from tests.conftest import {names}")
    pytester.makepyfile(test_configs=OF_EVERYTHING, test_some=SOME)
    ran = []
    for share in ("1/3", "2/3", "3/3"):
        passed, _, _ = pytester.inline_run("-p", "no:cacheprovider", "-m", "slow", f"--share={share}").listoutcomes()
        found = [report.nodeid.partition("::")[2] for report in passed]
        assert "test_long" in found and "test_page[README]" in found
        ran += [name for name in found if "many" in name]
        assert 0 < sum("many" in name for name in found) < 20
    assert sorted(ran) == sorted(f"test_one_of_many[{number}]" for number in range(20))
