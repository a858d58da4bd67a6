"""Plugins of installed packages, found by their entry points: a broken one costs only itself."""

import sys
from importlib import metadata

import pytest

from framework import registry
from tests.test_registry import PENALTY

pytestmark = pytest.mark.usefixtures("clean_registry")


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """stranger(name, module text, entry point) installs a distribution that registers plugins."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(name: str, module: str, point: str | None = None) -> None:
        (tmp_path / f"{name}.py").write_text(module)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[whygrok.plugins]\n{name} = {point or name}\n")
        registry._loaded.discard(registry.ENTRY_POINTS)

    yield install
    for name in [name for name, module in sys.modules.items() if str(getattr(module, "__file__", "")).startswith(str(tmp_path))]:
        del sys.modules[name]


def test_an_installed_plugin_is_found_and_listed_once(stranger, warnings_said):
    stranger("stranger_one", PENALTY.format(name="strange", default=1.0))
    sys.path.insert(0, sys.path[0])  # an editable install: its metadata is seen from two entries of the path
    try:
        assert [entry.source for entry in registry.entries("penalty") if entry.name == "strange"] == ["stranger_one"]
        points = [point for point in registry.installed_plugins() if point.name == "stranger_one"]
        assert len(points) == 1
    finally:
        del sys.path[0]
    assert not warnings_said


@pytest.mark.parametrize(
    "module",
    [
        "1 / 0",
        "raise SystemExit(3)",
        "class Wordless(Exception):\n    def __str__(self):\n        raise ValueError('no words')\nraise Wordless",
        "raise RuntimeError('x' * 100_000)",
        "from framework import NoSuchThing",
        "from framework import register, Penalty\n@register('x')\nclass X(Penalty): pass",
    ],
)
def test_a_broken_entry_point_is_one_warning_and_others_are_unaffected(stranger, warnings_said, module):
    stranger("stranger_bad", module)
    stranger("stranger_good", PENALTY.format(name="good", default=1.0))
    assert "good" in [entry.name for entry in registry.entries("penalty")]
    assert registry.lookup("optimizer", "adam")
    assert len(warnings_said) == 1
    assert "stranger_bad" in warnings_said[0] and len(warnings_said[0]) < 1_000


def test_a_stale_entry_point_is_one_warning(stranger, warnings_said):
    stranger("stranger_stale", "", point="stranger_gone:plugin")
    assert registry.lookup("optimizer", "adam")
    assert len(warnings_said) == 1
    assert "stranger_gone" in warnings_said[0]


def test_two_installed_packages_with_one_name_cost_only_whoever_uses_it(stranger, warnings_said):
    stranger("stranger_a", PENALTY.format(name="both", default=1.0))
    stranger("stranger_b", PENALTY.format(name="both", default=2.0))
    assert registry.lookup("penalty", "l2")
    assert len(warnings_said) == 1
    assert "stranger_a.py" in warnings_said[0] and "stranger_b.py" in warnings_said[0]
    with pytest.raises(registry.UserError, match=r"stranger_a\.py.*stranger_b\.py.*uninstall one of the two"):
        registry.lookup("penalty", "both")


def test_a_package_that_takes_a_name_of_ours_is_skipped_and_ours_stays(stranger, warnings_said):
    stranger("stranger_c", PENALTY.format(name="l2", default=1.0))
    assert registry.lookup("penalty", "l2").__module__ == "plugins.penalties.norms"
    assert len(warnings_said) == 1 and "stranger_c.py" in warnings_said[0]


def test_unreadable_metadata_of_a_package_is_one_warning(monkeypatch, warnings_said):
    class Broken:
        @property
        def entry_points(self):
            raise ValueError("no metadata")

    monkeypatch.setattr(metadata, "distributions", lambda: [Broken()])
    assert registry.installed_plugins() == []
    assert len(warnings_said) == 1
