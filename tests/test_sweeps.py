"""Sweeps: lists of changes, put together, named, and resolved against a config."""

import re
import subprocess
import sys

import pytest

from framework.config import experiment, load_config, load_sweep, members, product, select, together
from framework.config.members import member_name
from framework.errors import UserError
from tests.test_registry import PENALTY


def base():
    return experiment(task=select("modular_addition", p=5), model=select("quadratic", width="8"), optimizer=select("adamw"))


def test_product_has_every_combination_with_the_last_field_changing_fastest():
    assert product({"task.p": [23, 47], "seed": range(2)}) == [
        {"task.p": 23, "seed": 0},
        {"task.p": 23, "seed": 1},
        {"task.p": 47, "seed": 0},
        {"task.p": 47, "seed": 1},
    ]


def test_together_goes_in_step_and_is_a_part_of_a_product():
    paired = together({"task.p": [23, 47], "model.width": ["8*p", "4*p"]})
    assert paired == [{"task.p": 23, "model.width": "8*p"}, {"task.p": 47, "model.width": "4*p"}]
    assert len(product(paired, {"seed": range(3)})) == 6
    assert together(paired, {"seed": [7, 8]})[1] == {"task.p": 47, "model.width": "4*p", "seed": 8}


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: together({"a": [1, 2], "b": [1, 2, 3]}), "a has 2, b has 3"),
        (lambda: product({"a": [1]}, {"a": [2]}), "has a twice: once as 1, once as 2"),
        (lambda: product({"a": "47"}), r"needs a list of values, not '47': write 'a': \['47'\]"),
        (lambda: product({"a": 3}), "needs a list of values, not 3"),
        (lambda: members(base(), [{"task.q": 3}]), r"member 0 \(task.q=3\): task.q: there is no such field"),
        (lambda: members(base(), [{"task.p": "x"}]), r"member 0 \(task.p=x\): task.p = 'x'"),
        (lambda: members(base(), [{"seed": 1}, {"seed": 1}]), r"members 0 \(seed=1\) and 1 \(seed=1\) have the same config"),
        (lambda: members(base(), [{"task.p": 5}, {}]), r"members 0 \(task.p=5\) and 1 \(as-it-is\) have the same config"),
        (lambda: members(base(), [{"task.p": 7, "seed": 1}, {"seed": 1, "task.p": "7"}]), "0 .* and 1 .* have the same config"),
        (lambda: members(base(), [{"plugins": "mine.py"}]), r"member 0 \(plugins=mine.py\): plugins must be the same for all members"),
        (lambda: members(base(), {"seed": [0, 1]}), r"get_sweep returned \{'seed': \[0, 1\]\}, not a list of changes"),
        (lambda: members(base(), None), "get_sweep returned None, not a list"),
        (lambda: product({"seed": [0]}, {"task.p": []}), "sweep over task.p has no values"),
        (lambda: together({"seed": []}), "sweep over seed has no values"),
        (lambda: product({"seed": [0]}, [1, 2]), r"a part of a sweep is \[1, 2\]"),
        (lambda: product({"seed": [0]}, 5), "a part of a sweep is 5"),
        (lambda: members(base(), []), "no members"),
        (lambda: members(base(), [3]), "member 0 is 3, not a dict"),
        (lambda: members(base(), [{"task": select("modular_adition")}]), "Did you mean 'modular_addition'"),
        (lambda: members(base(), [{"events": select("norms")}]), "events is not a plugin"),
    ],
)
def test_a_mistake_in_a_sweep_is_named(make, message):
    with pytest.raises(UserError, match=message):
        make()


def test_members_have_names_for_folders_and_whole_configs():
    found = members(base(), product({"optimizer": [select("muon", learning_rate=0.02), select("gd")], "task.p": [5, 7]}))
    assert [member.name for member in found][0] == "optimizer=muon+learning_rate=0.02,task.p=5"
    assert (found[0].config.optimizer.name, found[0].config.optimizer.learning_rate, found[3].config.task.p) == ("muon", 0.02, 7)
    assert base().optimizer.name == "adamw"  # the config itself is left as it is
    assert member_name({"model.width": "8*p", "probes.norms.schedule": "every 50"}) == "model.width=8xp,probes.norms.schedule=every_50"


def test_members_that_differ_have_names_that_differ():
    long = [{"init_from": f"/{'a' * 200}/{i}"} for i in range(2)]
    signs = [{"init_from": text} for text in ("a b", "a_b", "a/b", "a:b", "A/B", "a", "A")]
    found = members(base(), [*long, *signs])
    names = [member.name for member in found]
    assert len({name.lower() for name in names}) == len(found)  # on a disk that does not tell a from A too
    assert all(re.fullmatch(r"[A-Za-z0-9._=,+^-]{1,120}", name) for name in names)
    assert [member.changes["init_from"] for member in found] == [one["init_from"] for one in [*long, *signs]]


def test_a_name_does_not_depend_on_the_other_members():
    alone, among = members(base(), [{"init_from": "a:b"}]), members(base(), [{"seed": 1}, {"init_from": "a/b"}, {"init_from": "a:b"}])
    assert alone[0].name == among[2].name


def test_whole_sections_are_given_by_select_also_inside_others_and_as_new_probes():
    (made,) = members(base(), [{"optimizer": select("grokfast"), "optimizer.inner": select("sgd"), "probes.late": select("norms")}])
    assert (made.config.optimizer.inner.name, made.config.probes.late.name) == ("sgd", "norms")


def test_a_sweep_that_ships_is_read_by_name_and_the_command_line_changes_its_base():
    found = load_sweep("sweeps/init_scale", {"task.p": "23"})
    assert [member.changes for member in found[:2]] == [{"model.init_scale": 1.0, "seed": 0}, {"model.init_scale": 1.0, "seed": 1}]
    assert all(member.config.task.p == 23 for member in found)
    with pytest.raises(UserError, match=r"defines no get_sweep\(config\)"):
        load_sweep("quickstart")


def test_a_sweep_that_raises_shows_its_own_line(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text("from configs.quickstart import get_config\n\ndef get_sweep(config):\n    yield {'seed': 1 / 0}\n")
    with pytest.raises(UserError, match=r"broken.py, line 4: yield .* ZeroDivisionError"):
        load_sweep(str(file))


def test_a_sweep_may_be_a_generator_that_imports_a_neighbour(tmp_path):
    (tmp_path / "widths_1801.py").write_text("WIDTHS = ['4*p', '8*p']\n")
    file = tmp_path / "lazy.py"
    file.write_text(
        "from configs.quickstart import get_config\n\ndef get_sweep(config):\n"
        "    from widths_1801 import WIDTHS\n    for width in WIDTHS:\n        yield {'model.width': width}\n"
    )
    assert [member.config.model.width for member in load_sweep(str(file))] == ["4*p", "8*p"]
    assert "widths_1801" not in sys.modules


def test_a_config_changes_another_that_lies_beside_it(tmp_path):
    for name, p in (("one", 5), ("two", 7)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "base.py").write_text(
            "from configs import quickstart\n\ndef get_config(arg=''):\n"
            f"    config = quickstart.get_config(arg)\n    config.task.p = {p}\n    return config\n"
        )
        (tmp_path / name / "variant.py").write_text(
            "import base\nfrom framework.config import override, select\n\ndef get_config(arg=''):\n"
            "    return override(base.get_config(arg), {'optimizer': select('muon'), 'optimizer.learning_rate': 0.5})\n"
        )
    first, second = (load_config(str(tmp_path / name / "variant.py")) for name in ("one", "two"))
    assert (first.task.p, second.task.p) == (5, 7)  # each its own neighbour
    assert (first.optimizer.name, first.optimizer.learning_rate) == ("muon", 0.5)
    assert "base" not in sys.modules and str(tmp_path / "one") not in sys.path


def test_a_config_changes_another_by_assignment(tmp_path):
    file = tmp_path / "assigned.py"
    text = (
        "from configs import quickstart\nfrom framework.config import select\n\ndef get_config(arg=''):\n"
        "    config = quickstart.get_config(arg)\n    config.task.p = 59\n    config.optimizer = select('muon')\n"
        "    config.optimizer.learning_rate = 0.5\n    config.probes.late = select('margins', schedule='last')\n    return config\n"
    )
    file.write_text(text)
    config = load_config(str(file))
    assert (config.task.p, config.optimizer.name, config.optimizer.learning_rate) == (59, "muon", 0.5)
    assert set(config.probes) == {"norms", "late"} and config.probes.late.schedule == "last"
    assert "beta" in config.optimizer  # completed
    for wrong, message in [
        ("config.probes.norms.schedul = 'last'", "line 10: config.probes.norms.schedul"),
        ("config.probes.late = select('marginz')", "Did you mean 'margins'"),
        ("config.probes.late.schedul = 'last'", "probes.late.schedul: there is no such field. Did you mean 'schedule'"),
        ("config.probes.late = 3", "probes.late = 3: must be a section"),
        ("config.optimizer.learning_rate = 'x'", "optimizer.learning_rate = 'x'"),
    ]:
        file.write_text(text.replace("    return config\n", f"    {wrong}\n    return config\n"))
        with pytest.raises(UserError, match=re.escape(message).replace("'schedule'", ".schedule.")):
            load_config(str(file))


def test_a_neighbour_that_registers_plugins_stays(tmp_path, clean_registry):
    (tmp_path / "soft_1801.py").write_text(PENALTY.format(name="soft", default=1.0))
    (tmp_path / "uses.py").write_text(
        "import soft_1801\nfrom configs import quickstart\n\ndef get_config(arg=''):\n    return quickstart.get_config('penalty=soft')\n"
    )
    try:
        assert load_config(str(tmp_path / "uses.py")).penalty.name == "soft"
        assert "soft_1801" in sys.modules
    finally:
        sys.modules.pop("soft_1801", None)


def test_the_command_lists_the_members(tmp_path):
    command = ["whygrok", "config", "--config=sweeps/init_scale", "--sweep", "--config.task.p=5"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines()[:2] == ["model.init_scale=1.0,seed=0", "model.init_scale=1.0,seed=1"], done.stderr
