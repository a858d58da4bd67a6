"""Files are read and written through framework/storage alone: what holds there, holds everywhere. No file is unpickled."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STORAGE = ROOT / "framework" / "storage"
FILES = [file for package in ("framework", "plugins", "configs") for file in sorted((ROOT / package).rglob("*.py"))]
OUTSIDE = [file for file in FILES if STORAGE not in file.parents and "templates" not in file.parts]

METHODS = {
    *("read_text", "read_bytes", "write_text", "write_bytes", "unlink", "rmdir", "rename", "mkdir", "touch", "chmod"),
    *("symlink_to", "hardlink_to", "link_to", "tofile", "loadtxt", "savetxt", "genfromtxt", "fromfile", "memmap", "open_memmap"),
}
FUNCTIONS = {
    "os": {*("open", "remove", "unlink", "rmdir", "removedirs", "rename", "renames", "replace", "mkdir", "makedirs", "link", "symlink")},
    "shutil": {"rmtree", "copy", "copy2", "copyfile", "copytree", "move", "unpack_archive", "make_archive"},
    "np": {"load", "save", "savez", "savez_compressed"},
    "jnp": {"load", "save", "savez"},
    "json": {"load", "dump"},
    "tempfile": {"TemporaryDirectory", "NamedTemporaryFile", "TemporaryFile", "mkstemp", "mkdtemp", "mktemp", "SpooledTemporaryFile"},
    "io": {"open", "FileIO"},
}
UNPICKLE = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "joblib", "dill", "cloudpickle", "dbm"}


def opens_no_path(call: ast.Call) -> bool:
    """Whether the first argument is a descriptor that is open already, or the device that is always empty."""
    first = ast.unparse(call.args[0]) if call.args else ""
    return first == "os.devnull" or first.startswith("os.dup(")


def touches_files(code: str) -> list[str]:
    """The calls by which a file would be read, written, moved or removed."""
    found = []
    for call in (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)):
        called = call.func
        if isinstance(called, ast.Name) and called.id == "open" and not opens_no_path(call):
            found.append(ast.unparse(call))
        if isinstance(called, ast.Attribute):
            owner = called.value.id if isinstance(called.value, ast.Name) else ""
            is_path_open = called.attr == "open" and owner not in ("os", "io", "webbrowser")
            if called.attr in METHODS or is_path_open or (called.attr in FUNCTIONS.get(owner, ()) and not opens_no_path(call)):
                found.append(ast.unparse(call))
    return found


def test_no_file_is_touched_outside_of_the_room_storage():
    assert {str(file.relative_to(ROOT)): found for file in OUTSIDE if (found := touches_files(file.read_text(encoding="utf-8")))} == {}


@pytest.mark.parametrize(
    "code",
    [
        *("open('a', 'w')", "Path('a').open()", "path.write_text('a')", "path.unlink()", "os.replace(a, b)", "os.open(a, 0)"),
        *("shutil.rmtree(a)", "np.savez(a)", "np.load(a)", "json.load(a)", "tempfile.mkdtemp()", "x.rename(y)", "a.parent.mkdir()"),
    ],
)
def test_the_rule_would_notice(code):
    assert touches_files(code) == [code]
    assert touches_files("open(os.devnull)\nopen(os.dup(1), 'w')\nos.open(os.devnull, 0)") == []


def imports(tree: ast.AST) -> set[str]:
    """The modules that are imported, anywhere in a file."""
    nodes = list(ast.walk(tree))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("package", ["framework", "plugins", "configs"])
def test_nothing_that_lies_in_a_file_is_unpickled(package):
    """What processes of one run tell each other is never in a file: a module that pickles has nothing to do with files."""
    for file in (file for file in FILES if file.is_relative_to(ROOT / package)):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        if names := {name.partition(".")[0] for name in imports(tree)} & UNPICKLE:
            assert names == {"pickle"} and not any(name.startswith("framework.storage") for name in imports(tree)), file
            assert "pickle.load(" not in file.read_text(encoding="utf-8"), file
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.load", "np.savez", "np.save"):
                words = {word.arg: ast.unparse(word.value) for word in node.keywords}
                assert words.get("allow_pickle") == "False", f"{file}: {ast.unparse(node)}"
