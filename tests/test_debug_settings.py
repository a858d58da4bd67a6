"""JAX's settings for debugging, which an environment variable may have set, change no number of a run and end none."""

import jax
import pytest

from framework import train
from framework.errors import Diverged
from tests.helpers import assert_same_run, tiny

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("clean_registry")]


@pytest.mark.parametrize("setting", [jax.disable_jit, jax.debug_nans, jax.debug_infs], ids=("jit", "nans", "infs"))
def test_a_run_has_the_same_bits(setting, uninterrupted, tmp_path):
    with setting(True):
        train(tiny(), tmp_path / "run")
    assert_same_run(tmp_path / "run", uninterrupted)


def test_a_run_that_diverges_says_that_it_did():
    config = tiny()
    config.optimizer.learning_rate = 1e38
    with jax.debug_nans(True), jax.debug_infs(True), pytest.raises(Diverged):
        train(config)
