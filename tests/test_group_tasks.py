"""Groups against permutations composed in Python, symmetries as matrices, and the axioms; tables from files."""

import itertools
import json
import re
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from framework import Experiment, build, train
from framework.config import select
from framework.errors import FieldError, UserError
from plugins.mathematics.groups import dihedral_table, permutation_table, permutations
from plugins.mathematics.tables import is_associative, is_latin_square
from tests.small_runs import small_config

pytestmark = pytest.mark.usefixtures("quick_compilation")

DATA = Path(__file__).parent / "data"


def table_of(task):
    """The population as a square, after a check that its inputs are all pairs in order."""
    population, m = task.population(), task.sizes.values
    assert task.sizes.tokens == 2 and task.sizes.outputs == m
    assert population.inputs.dtype == population.targets.dtype == jnp.int32
    assert list(map(tuple, population.inputs.tolist())) == list(itertools.product(range(m), repeat=2))
    return np.asarray(population.targets).reshape(m, m)


def compose(x, y):
    return tuple(x[i] for i in y)


def inverse(x):
    return tuple(sorted(range(len(x)), key=x.__getitem__))


def parity(x):
    """Of the number of transpositions: n minus the number of cycles."""
    cycles, seen = 0, set()
    for start in range(len(x)):
        cycles += start not in seen
        while start not in seen:
            seen.add(start)
            start = x[start]
    return (len(x) - cycles) % 2


WORDS = {"xy": compose, "xyx^-1": lambda x, y: compose(compose(x, y), inverse(x)), "xyx": lambda x, y: compose(compose(x, y), x)}


@pytest.mark.parametrize("operation", WORDS)
@pytest.mark.parametrize(("n", "alternating"), [(2, False), (3, False), (4, False), (4, True)])
def test_permutations_are_composed(n, alternating, operation):
    elements = [x for x in itertools.permutations(range(n)) if not alternating or parity(x) == 0]
    task = build("task", "symmetric_group", n=n, operation=operation, alternating=alternating)
    expected = [[elements.index(WORDS[operation](x, y)) for y in elements] for x in elements]
    np.testing.assert_array_equal(table_of(task), expected)


@pytest.mark.parametrize(("n", "alternating", "order"), [(5, False, 120), (5, True, 60), (6, False, 720)])
def test_the_groups_of_the_papers_have_their_orders(n, alternating, order):
    task = build("task", "symmetric_group", n=n, alternating=alternating)
    assert task.sizes.outputs == order and len(task.population()) == order**2


def test_conjugates_of_an_element_are_its_class():
    """S_5 has 7 conjugacy classes, one a partition of 5; their sizes are in every textbook."""
    table = table_of(build("task", "symmetric_group", n=5, operation="xyx^-1"))
    assert sorted(len(c) for c in {frozenset(column) for column in table.T.tolist()}) == [1, 10, 15, 20, 20, 24, 30]


@pytest.mark.parametrize(
    ("table", "commutative"),
    [
        (permutation_table(permutations(3)), False),
        (permutation_table(permutations(4)), False),
        (permutation_table(permutations(4, even_only=True)), False),
        (permutation_table(permutations(3, even_only=True)), True),
        (dihedral_table(5), False),
        (dihedral_table(2), True),
        (dihedral_table(1), True),
    ],
)
def test_the_axioms_of_a_group(table, commutative):
    m = range(len(table))
    assert table[0].tolist() == table[:, 0].tolist() == list(m)  # number 0 is the identity
    assert all(0 in row and table[row.index(0), x] == 0 for x, row in enumerate(table.tolist()))
    assert all(table[table[x, y], z] == table[x, table[y, z]] for x in m for y in m for z in m)
    assert bool(np.all(table == table.T)) == commutative


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_the_dihedral_group_is_that_of_the_symmetries_of_a_polygon(n):
    turn, flip = (
        np.array([[np.cos(2 * np.pi / n), -np.sin(2 * np.pi / n)], [np.sin(2 * np.pi / n), np.cos(2 * np.pi / n)]]),
        np.diag([1, -1]),
    )
    matrices = [np.linalg.matrix_power(turn, i) @ np.linalg.matrix_power(flip, f) for f in (0, 1) for i in range(n)]
    table = table_of(build("task", "dihedral_group", n=n))
    for x, y in itertools.product(range(2 * n), repeat=2):
        np.testing.assert_allclose(matrices[x] @ matrices[y], matrices[table[x, y]], atol=1e-9)
    r, s = 1 % n, n
    assert table[s, r] == table[table[(n - 1) % n, 0], s] and table[s, s] == 0  # s r = r^{−1} s


def test_dihedral_59_has_118_elements():
    assert build("task", "dihedral_group").sizes.outputs == 118


def write(folder, name, table):
    path = folder / name
    if name.endswith(".npy"):
        np.save(path, np.array(table))
    else:
        comma = ", " if name.endswith(".csv") else " "
        path.write_text(json.dumps(table) if name.endswith(".json") else "\n".join(comma.join(map(str, row)) for row in table))
    return str(path)


@pytest.mark.parametrize("name", ["t.csv", "t.txt", "t.npy", "t.json"])
def test_any_table_may_be_read_from_any_kind_of_file(name, tmp_path):
    table = np.random.default_rng(0).integers(0, 6, (6, 6))
    np.testing.assert_array_equal(table_of(build("task", "cayley_table", file=write(tmp_path, name, table.tolist()))), table)


@pytest.mark.parametrize("name", ["t.csv", "t.npy", "t.json"])
@pytest.mark.parametrize("value", [3, -1, 1.5, 10**12])
def test_a_wrong_entry_is_named_with_its_place(name, value, tmp_path):
    file = write(tmp_path, name, [[0, 1, 2], [1, 2, value], [2, 0, 1]])
    said = float(value) if name == "t.npy" and value == 1.5 else value
    said = repr(str(said)) if name == "t.csv" else repr(said)
    with pytest.raises(FieldError, match=re.escape(f"row 1, column 2 holds {said}; with 3 rows, entries are 0 … 2")):
        build("task", "cayley_table", file=file)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", "0,1\n1", "row 1 has 1 entries; the table has 2 rows"),
        ("t.csv", "0 1 0\n1 0 0", "row 0 has 3 entries; the table has 2 rows"),
        ("t.csv", "# nothing\n", "has 0 rows"),
        ("t.csv", "a b\nc d", "row 0, column 0 holds 'a'"),
        ("t.json", '{"a": 1}', "holds no list of rows"),
        ("t.json", "[[0, true], [1, 0]]", "row 0, column 1 holds True"),
        ("t.json", "[[0, null], [1, 0]]", "row 0, column 1 holds None"),
        ("t.json", "[[0, NaN], [1, 0]]", "NaN is not standard JSON"),
        ("t.json", "[[0, 1]", "Expecting"),
        ("t.npy", "", "is empty"),
        ("t.npy", "not an array", "pickle"),
        ("t.xls", "0", "must end in one of .csv, .txt, .npy, .json"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_reason(name, content, said, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(FieldError, match=re.escape(said)) as raised:
        build("task", "cayley_table", file=str(tmp_path / name))
    assert raised.value.path == "task.file"


def test_an_array_with_other_axes_is_no_table(tmp_path):
    np.save(tmp_path / "t.npy", np.zeros((2, 2, 2), int))
    with pytest.raises(FieldError, match="3 axes"):
        build("task", "cayley_table", file=str(tmp_path / "t.npy"))


def test_a_file_that_is_not_there_or_not_named_is_said_before_anything_is_trained(tmp_path):
    with pytest.raises(UserError, match="task.file = .*cannot be read: No such file"):
        Experiment.from_config(small_config({}, select("cayley_table", file=str(tmp_path / "none.csv"))))
    with pytest.raises(FieldError, match="must be the path of a table"):
        build("task", "cayley_table")


SUBTRACTION = [[(a - b) % 3 for b in range(3)] for a in range(3)]  # a Latin square; (a − b) − c is not a − (b − c)
LARGER = [[max(a, b) for b in range(3)] for a in range(3)]  # associative, no Latin square
KLEIN = [[a ^ b for b in range(4)] for a in range(4)]
ROWS_ONLY = [[0, 1], [0, 1]]


@pytest.mark.parametrize(("table", "latin", "associative"), [(SUBTRACTION, True, False), (LARGER, False, True), (KLEIN, True, True)])
def test_what_is_required_of_a_table_is_checked_and_nothing_else(table, latin, associative, tmp_path):
    file = write(tmp_path, "t.csv", table)
    for require, holds in {"nothing": True, "latin_square": latin, "associative": associative, "group": latin and associative}.items():
        if holds:
            build("task", "cayley_table", file=file, require=require)
        else:
            with pytest.raises(FieldError, match=r"t.csv is not (a Latin square|associative)$"):
                build("task", "cayley_table", file=file, require=require)


def test_a_latin_square_has_each_element_once_in_rows_and_in_columns():
    assert not is_latin_square(np.array(ROWS_ONLY, np.int32)) and not is_latin_square(np.array(ROWS_ONLY, np.int32).T)
    assert is_latin_square(np.array(SUBTRACTION, np.int32)) and is_associative(np.array(ROWS_ONLY, np.int32))


TASKS = {
    "symmetric_group": {"n": 3},
    "dihedral_group": {"n": 3},
    "cayley_table": {"file": str(DATA / "klein_four_group.csv")},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_a_small_network_learns_its_sample(name):
    accuracy = train(small_config({}, select(name, train_size="70%", **TASKS[name]), steps=200)).metrics()["train/accuracy"]
    assert accuracy[0] < 0.7 and accuracy[-1] == 1
