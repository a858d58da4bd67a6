"""What the import of a plugin sets for the whole process is put back, and the plugin is named."""

import builtins
import logging
import os
import random
import signal
import sys
import time

import jax
import numpy as np
import pytest
from jax._src import config as jax_flags

from framework import registry
from framework.registry.isolation import Guests, isolated

pytestmark = pytest.mark.usefixtures("clean_registry")

CHANGES = [
    ("import jax\njax.config.update('jax_enable_x64', True)", "jax_enable_x64 to True", lambda: jax.config.jax_enable_x64),
    (
        "import jax\njax.config.update('jax_default_prng_impl', 'rbg')",
        "jax_default_prng_impl to rbg",
        lambda: jax.config.jax_default_prng_impl,
    ),
    ("import os\nos.environ['XLA_FLAGS'] = '--none'", "XLA_FLAGS to --none", lambda: os.environ.get("XLA_FLAGS")),
    ("import os\nos.environ.pop('XLA_FLAGS')", "XLA_FLAGS to None", lambda: os.environ.get("XLA_FLAGS")),
    ("import os\nos.environ['JAX_PLATFORMS'] = 'tpu'", "JAX_PLATFORMS to tpu", lambda: os.environ.get("JAX_PLATFORMS")),
    ("import os\nos.chdir('/')", "the working folder to /", os.getcwd),
    (
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "the handler of SIGTERM to",
        lambda: signal.getsignal(signal.SIGTERM),
    ),
    (
        "import logging\nlogging.disable(logging.CRITICAL)",
        "the level below which nothing is logged to 50",
        lambda: logging.root.manager.disable,
    ),
    ("import logging\nlogging.getLogger().setLevel(1)", "the root logger's level to 1", lambda: logging.root.level),
    ("import random\nrandom.seed(0)", "the state of random to another", random.getstate),
    ("import numpy\nnumpy.random.seed(0)", "the state of numpy.random to another", lambda: str(np.random.get_state())),
    ("import builtins\nbuiltins.print = lambda *_, **__: None", "print of builtins to", lambda: builtins.print),
    ("import builtins\nbuiltins.open = None", "open of builtins to None", lambda: builtins.open),
    ("import time\ntime.time = lambda: 0.0", "time of time to", lambda: time.time),
    ("import sys\nsys.excepthook = print", "excepthook of sys to", lambda: sys.excepthook),
    ("import os\nos.replace = os.rename", "replace of os to", lambda: os.replace),
    ("import logging\nlogging.getLogger().handlers.clear()", "the root logger's handlers to []", lambda: list(logging.root.handlers)),
]


@pytest.mark.parametrize(("text", "said", "read"), CHANGES, ids=[said for _, said, _ in CHANGES])
def test_what_a_file_sets_is_put_back_and_named(text, said, read, tmp_path, warnings_said):
    before, file = read(), tmp_path / "setter.py"
    file.write_text(text)
    registry.load_plugin(str(file))
    assert read() == before
    assert [f"plugin {file} changed {said}" in words and words.endswith("it is put back") for words in warnings_said] == [True]


def test_a_file_that_fails_after_it_has_set_something_is_put_right_too(tmp_path, warnings_said):
    file = tmp_path / "failing.py"
    file.write_text("import os\nos.chdir('/')\n1 / 0")
    before = os.getcwd()
    registry.load_plugin(str(file))
    assert os.getcwd() == before
    assert len(warnings_said) == 2 and "ZeroDivisionError" in warnings_said[1]


def test_an_import_that_changes_nothing_is_silent(warnings_said, caplog):
    with isolated("nothing"):
        os.environ["SOMETHING_ELSE"] = "1"
    assert os.environ.pop("SOMETHING_ELSE") == "1" and not warnings_said


def test_a_slow_import_is_named_with_its_seconds(monkeypatch):
    said = []
    monkeypatch.setattr(registry.log, "info", lambda *words: said.append(words[0] % words[1:]))
    monkeypatch.setattr("framework.registry.isolation.SLOW_SECONDS", -1.0)
    with isolated("slow.py"):
        print("words\nof it")
    assert said == ["plugin slow.py took 0 s to import", "plugin slow.py printed while it was imported: words of it"]


def test_a_log_handler_made_at_import_goes_on_to_print(tmp_path, capsys):
    file = tmp_path / "keeper.py"
    file.write_text("import sys\nSTREAM = sys.stdout\nprint('at import', file=STREAM)")
    registry.load_plugin(str(file))
    stream = next(module for name, module in sys.modules.items() if name.startswith("whygrok_plugin_file_keeper")).STREAM
    print("later", file=stream)
    assert capsys.readouterr().out == "later\n"


def test_another_generator_of_numpy_is_put_back_too(tmp_path, clean_registry):
    before = np.random.get_bit_generator()
    np.random.set_bit_generator(np.random.PCG64(1))
    try:
        expected = np.random.get_state(legacy=False)
        with isolated("plugin seeds"):
            np.random.seed(3)
        assert np.random.get_state(legacy=False) == expected
    finally:
        np.random.set_bit_generator(before)


def test_a_function_that_is_removed_is_back_and_the_error_of_the_plugin_is_its_own(warnings_said):
    before = input
    with pytest.raises(ZeroDivisionError), Guests(["theirs.py"]).at_work():
        del builtins.input
        np.seterr(all="raise")
        raise ZeroDivisionError
    assert builtins.input is before and np.geterr()["over"] == "warn"
    assert "plugin theirs.py changed input of builtins to None for the whole process; it is put back" in warnings_said


def test_it_is_told_when_all_is_as_it_was(warnings_said):
    """A record of the log asks for the time."""
    before = time.time
    with isolated("strange.py"):
        time.time = lambda: "now"
    assert time.time is before and len(warnings_said) == 1


def test_a_setting_that_a_library_brings_is_left_alone(warnings_said):
    with Guests(["theirs.py"]).at_work():
        jax_flags.int_flag("brought_by_a_test", 7, help="a flag")
    try:
        assert jax.config.values["brought_by_a_test"] == 7 and not warnings_said
    finally:
        del jax.config._value_holders["brought_by_a_test"]
