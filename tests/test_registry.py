"""Registering and finding plugins: what is refused, what is only warned of, and where files are looked for."""

from dataclasses import dataclass
from pathlib import Path

import optax
import pytest

from framework import Optimizer, Penalty, build, field, register, registry
from framework.config import load_config
from framework.errors import UserError

pytestmark = pytest.mark.usefixtures("clean_registry")

PENALTY = '''
from dataclasses import dataclass
import jax.numpy as jnp
from framework import Penalty, field, register

@register("{name}")
@dataclass(frozen=True, kw_only=True)
class Mine(Penalty):
    """A penalty of a test."""
    coefficient: float = field({default}, "of nothing", at_least=0)
    def __call__(self, params):
        return jnp.zeros(())
'''


def write(path: Path, name: str = "mine", default: float = 1.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PENALTY.format(name=name, default=default))
    return path


def test_a_registered_plugin_is_built_by_kind_and_name():
    @register("steady")
    @dataclass(frozen=True, kw_only=True)
    class Steady(Optimizer):
        """Goes nowhere."""

        learning_rate: float = field(0.5, "η", above=0)

        def transform(self):
            return optax.identity()

    assert build("optimizer", "steady", learning_rate="2e-1").learning_rate == 0.2
    assert "steady" in [entry.name for entry in registry.entries("optimizer")]


def test_an_undecorated_class_is_refused_with_the_missing_line():
    with pytest.raises(UserError, match=r"@dataclass\(frozen=True, kw_only=True\) is missing between @register and class Bare") as error:

        @register("bare")
        class Bare(Optimizer):
            learning_rate: float = 1.0

    assert "test_registry.py" in str(error.value)


def test_a_positional_dataclass_is_refused_with_the_missing_line():
    with pytest.raises(UserError, match=r"@dataclass\(frozen=True, kw_only=True\)"):

        @register("positional")
        @dataclass(frozen=True)
        class Positional(Optimizer):
            learning_rate: float = 1.0


def test_a_mutable_dataclass_in_a_file_is_reported_and_never_registered(tmp_path, warnings_said):
    file = write(tmp_path / "thawed.py")
    file.write_text(file.read_text().replace("frozen=True, ", ""))
    registry.load_plugin(str(file))
    assert len(warnings_said) == 1
    assert "frozen" in warnings_said[0]
    with pytest.raises(UserError, match=r"no penalty called 'mine'.*frozen"):
        build("penalty", "mine")


def test_a_decorator_above_register_is_refused():
    with pytest.raises(UserError, match="is missing between @register and class Swapped"):

        @dataclass(frozen=True, kw_only=True)
        @register("swapped")
        class Swapped(Optimizer):
            learning_rate: float = 1.0


def test_a_class_of_no_kind_is_refused_naming_the_kinds():
    with pytest.raises(UserError, match="Task, Model, Optimizer, Penalty, Loss, Probe, Intervention, Writer, Claim"):

        @register("nothing")
        @dataclass(frozen=True, kw_only=True)
        class Nothing:
            x: int = 0


@pytest.mark.parametrize("name", ["Capital", "with space", "", "1st", "a-b"])
def test_a_name_that_a_config_cannot_say_is_refused(name):
    with pytest.raises(UserError, match="cannot be a plugin name"):

        @register(name)
        @dataclass(frozen=True, kw_only=True)
        class Named(Optimizer):
            learning_rate: float = 1.0


@pytest.mark.parametrize("taken", ["to_json", "lock", "items", "name"])
def test_a_field_that_a_config_could_not_reach_is_refused(taken):
    with pytest.raises(UserError, match=f"cannot be called '{taken}'"):
        register("odd")(dataclass(frozen=True, kw_only=True)(type("Odd", (Optimizer,), {"__annotations__": {taken: int}, taken: 1})))


def test_a_field_without_default_is_refused():
    with pytest.raises(UserError, match="'rate' needs a default"):
        register("bald")(dataclass(frozen=True, kw_only=True)(type("Bald", (Optimizer,), {"__annotations__": {"rate": float}})))


@pytest.mark.parametrize("limit", ["above", "at_least", "below", "at_most"])
def test_a_limit_that_is_no_number_is_refused_where_the_plugin_is_registered(limit, clean_registry):
    limited = type("Limited", (Optimizer,), {"__annotations__": {"rate": float}, "rate": field(1.0, "a number", **{limit: print})})
    with pytest.raises(UserError, match=f"field 'rate' has {limit}=<built-in function print>: a limit is a number"):
        register("limited")(dataclass(frozen=True, kw_only=True)(limited))


def test_a_name_registered_twice_names_both_places(tmp_path):
    first, second = write(tmp_path / "first.py"), write(tmp_path / "second.py")
    registry.load_plugin(str(first))
    with pytest.raises(registry.DuplicateName) as error:
        registry.load_plugin(str(second))
    assert f"{first}:6" in str(error.value)
    assert f"{second}:6" in str(error.value)
    assert registry.lookup("penalty", "mine").__module__.startswith("whygrok_plugin_file_first")


def test_a_name_of_a_built_in_plugin_cannot_be_taken(tmp_path):
    with pytest.raises(registry.DuplicateName, match=r"norms\.py.*taker\.py"):
        registry.load_plugin(str(write(tmp_path / "taker.py", name="linf")))


def test_the_same_name_in_two_kinds_is_fine(tmp_path):
    registry.load_plugin(str(write(tmp_path / "adam.py", name="adam")))
    assert issubclass(registry.lookup("penalty", "adam"), Penalty)
    assert issubclass(registry.lookup("optimizer", "adam"), Optimizer)


def test_a_file_loaded_twice_is_one_plugin(tmp_path):
    file = write(tmp_path / "mine.py")
    link = tmp_path / "link.py"
    link.symlink_to(file)
    for path in (file, file, link.resolve()):
        registry.load_plugin(str(path))
    assert [entry.source for entry in registry.entries("penalty") if entry.name == "mine"] == [str(file)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import no_such_module_of_mine", "No module named 'no_such_module_of_mine'"),
        ("def f(:", "SyntaxError"),
        ("raise SystemExit(7)", "SystemExit"),
        ("raise BaseException('odd')", "odd"),
    ],
)
def test_a_broken_file_costs_one_warning_and_only_itself(tmp_path, warnings_said, text, said):
    broken = write(tmp_path / "broken.py", name="lost")
    broken.write_text(f"{broken.read_text()}\n{text}\n")
    for _ in range(3):
        registry.load_plugin(str(broken))
    registry.load_plugin(str(write(tmp_path / "whole.py", name="kept")))
    assert len(warnings_said) == 1
    assert str(broken) in warnings_said[0]
    assert said in warnings_said[0]
    names = [entry.name for entry in registry.entries("penalty")]
    assert "kept" in names
    assert "lost" not in names  # it registered before it broke: half a module is no plugin


def test_an_unknown_plugin_says_which_file_could_not_be_loaded(tmp_path, warnings_said):
    broken = tmp_path / "broken.py"
    broken.write_text("1 / 0")
    registry.load_plugin(str(broken))
    with pytest.raises(UserError, match=r"no penalty called 'mine'.*broken\.py could not be loaded: ZeroDivisionError"):
        registry.lookup("penalty", "mine")


def test_a_missing_file_is_an_error_naming_it(tmp_path):
    with pytest.raises(UserError, match=r"plugins: there is no file .*gone\.py"):
        registry.load_plugin(str(tmp_path / "gone.py"))


CONFIG = """
from framework.config import experiment, select
def get_config(arg=""):
    return experiment(arg, task=select("modular_addition", p=5), model=select("quadratic"), optimizer=select("adam"),
                      penalty=select("mine"), plugins=["beside/mine.py"])
"""


def test_a_plugin_file_lies_relative_to_the_config_that_names_it(tmp_path, monkeypatch):
    file = write(tmp_path / "project" / "beside" / "mine.py", default=0.25)
    (tmp_path / "project" / "config.py").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    config = load_config("project/config.py")
    assert config.plugins == (str(file),)
    assert config.penalty.coefficient == 0.25


def test_a_plugin_file_on_the_command_line_lies_relative_to_the_current_folder(tmp_path, monkeypatch):
    file = write(tmp_path / "here" / "mine.py", default=0.75)
    monkeypatch.chdir(tmp_path / "here")
    config = load_config("quickstart:penalty=mine", {"plugins": "mine.py"})
    assert config.plugins == (str(file),)
    assert config.penalty.coefficient == 0.75


def test_temporary_forgets_what_came_in_and_keeps_what_was_there(tmp_path):
    file = write(tmp_path / "mine.py")
    before = [entry.name for entry in registry.entries("penalty")]
    for _ in range(2):  # a second time: what was forgotten can be loaded again
        with registry.temporary():
            registry.load_plugin(str(file))
            assert registry.lookup("penalty", "mine")
        assert [entry.name for entry in registry.entries("penalty")] == before


def test_temporary_keeps_the_built_in_plugins_even_when_it_is_the_first_to_look(monkeypatch):
    monkeypatch.setattr(registry, "_loaded", set())
    with registry.temporary():
        assert registry.lookup("optimizer", "adam")
    assert registry.lookup("optimizer", "adam")


def test_a_class_that_lacks_what_its_kind_asks_for_is_refused_by_the_name_of_the_method():
    @register("idle")
    @dataclass(frozen=True, kw_only=True)
    class Idle(Optimizer):
        """Lacks transform."""

    with pytest.raises(UserError, match="class Idle has no transform, which every optimizer must have"):
        build("optimizer", "idle")
