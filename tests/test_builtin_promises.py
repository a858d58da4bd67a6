"""The kit finds nothing wrong with any plugin of ours."""

from pathlib import Path

import pytest

from framework import registry
from framework.testing import check, every_plugin
from framework.testing.everything import registered
from tests.helpers import slow_but

pytestmark = pytest.mark.usefixtures("quick_compilation")

DATA = Path(__file__).parent / "data"
SMALL = {
    "array_file": {"file": str(DATA / "three_clouds.npz")},
    "hidden_parity": {"points": 12, "dimension": 5, "relevant": 2},
    "polynomial_regression": {"points": 12, "dimension": 3, "train_size": "50%"},
    "teacher_student": {"points": 12, "teacher_width": 4},
    "cayley_table": {"file": str(DATA / "klein_four_group.csv"), "require": "group"},
    "dihedral_group": {"n": 3},
    "symmetric_group": {"n": 3},
    "mixture": {"first": {"name": "modular_addition", "p": 5}, "second": {"name": "modular_multiplication", "p": 5}},
    "modular_addition": {"p": 5},
    "modular_addition_regression": {"p": 5, "train_size": "50%"},
    "modular_division": {"p": 5},
    "modular_multiplication": {"p": 5},
    "modular_polynomial": {"p": 5},
    "modular_subtraction": {"p": 5},
    "sparse_parity": {"bits": 5, "relevant": 2},
    "committee": {"width": "8"},
    "mlp": {"width": "8"},
    "quadratic": {"width": "8"},
    "slurm": {"mem": "1G", "time": "10"},  # asked where there is a Slurm
    "transformer": {"d_model": 8, "d_mlp": 8, "heads": 2},
}


PLUGINS = registered(**SMALL)
del PLUGINS["intervention transplant"]  # which needs another run: tests/test_interventions_inside.py
# Claims are checked by tests/test_claim_breaks.py as well, probes measured by tests/test_probe_pictures.py.
OFTEN = ("adam", "adamw", "gd", "sgd", "grokfast", "mlp", "quadratic", "modular_addition", "linf", "l2")  # other kinds follow these
SHOWN = slow_but(lambda plugin: registry.section_of(plugin)["name"] in OFTEN, PLUGINS.values())


@pytest.mark.parametrize("plugin", SHOWN, ids=list(PLUGINS))
def test_it_keeps_the_promises_of_its_kind(plugin):
    check(plugin)


def test_a_package_without_plugins_is_no_test_that_passes():
    with pytest.raises(registry.UserError, match="is it installed"):
        every_plugin(package="nothing_of_that_name")
