"""What a user finds in the package and its rooms, and what finding it costs."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import msdnum

PACKAGE = Path(msdnum.__file__).parent
HEAVY = {
    "distributed", "flint", "gguf", "hypothesis", "jax", "jaxlib", "matplotlib", "mpmath", "numba",
    "pandas", "safetensors", "scipy", "threadpoolctl", "tokenizers", "torch", "tqdm",
}  # fmt: skip
MAY_LOAD = {"exact": {"flint", "mpmath"}, "testing": {"hypothesis"}}
"""What a room needs by its nature: see ``msdnum._extras``."""
FIRST = {
    "_checks", "_cores", "_extras", "_interrupts", "_names", "_registry", "display", "emulator",
    "formats",
}  # fmt: skip
"""What ``import msdnum`` loads of the package."""


def files_of_rooms():
    nested = [
        "emulator/gemm",
        "emulator/attention",
        "emulator/cann",
        "emulator/layouts",
        "inputs/files",
    ]
    rooms = [path.parent for path in PACKAGE.glob("*/__init__.py")]
    kept = [path for path in rooms if path.name not in ("cli", "trials")]
    return [path / "__init__.py" for path in [*kept, *(PACKAGE / name for name in nested)]]


def loaded_by(code):
    """Return the modules that a fresh process has loaded after ``code``."""
    command = [sys.executable, "-c", f"import sys; {code}; print(*sys.modules)"]
    found = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, text=True, check=True)
    return set(found.stdout.split())


EACH_ROOM = pytest.mark.parametrize(
    "path", files_of_rooms(), ids=lambda path: path.parent.relative_to(PACKAGE).as_posix()
)


def test_importing_the_package_loads_formats_and_emulator_alone():
    loaded = loaded_by("import msdnum")
    parts = {name.split(".")[1] for name in loaded if name.startswith("msdnum.")}
    assert parts <= FIRST
    assert not HEAVY & loaded


@pytest.mark.parametrize("room", sorted(msdnum._LAZY))
def test_a_room_is_there_when_it_is_named_and_loads_no_more_than_it_needs(room):
    loaded = loaded_by(f"import msdnum; msdnum.{room}.__name__")
    assert msdnum._LAZY[room].partition(":")[0] in loaded
    assert HEAVY & loaded <= MAY_LOAD.get(room, set())


def test_every_room_can_be_named_and_completed():
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    single = {path.stem for path in PACKAGE.glob("[!_]*.py")}
    assert set(msdnum._LAZY) == rooms | single | {"accumulators", "report"}
    assert {*msdnum._LAZY, *msdnum.__all__, "__version__"} <= set(dir(msdnum))
    assert msdnum.accumulators.HOPPER is msdnum.ACCUMULATORS["HOPPER"]


def test_type_checkers_see_every_room():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    (seen,) = [node for node in tree.body if isinstance(node, ast.If)]
    names = {alias.asname for line in seen.body for alias in line.names}
    assert names == set(msdnum._LAZY)


def test_what_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'msdnum' has no attribute 'boundz'"):
        _ = msdnum.boundz
    assert not hasattr(msdnum, "vector_casts")


def test_a_room_without_what_it_needs_says_what_to_install():
    code = """import msdnum, sys
sys.modules["flint"] = None
try:
    msdnum.exact
except ModuleNotFoundError as error:
    print(error.name, error, sep="|")"""
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, text=True, check=True)
    name, message = found.stdout.strip().split("|")
    assert name == "flint"
    assert message.endswith("msdnum.exact needs msdnum[exact]: pip install 'msdnum[exact]'")


def test_a_star_imports_no_room():
    loaded = loaded_by("from msdnum import *")
    assert not {"msdnum.exact", "msdnum.bounds", "msdnum.trials"} & loaded


@EACH_ROOM
def test_a_room_holds_no_code_and_says_by_name_what_is_in_it(path):
    docstring, *body, exported = ast.parse(path.read_text(encoding="utf-8")).body
    assert isinstance(docstring, ast.Expr)
    assert all(isinstance(node, ast.ImportFrom) for node in body)
    assert ast.unparse(exported.targets[0]) == "__all__"
    imported = [alias.name for node in body for alias in node.names]
    assert sorted(imported) == sorted(ast.literal_eval(exported.value))
    assert len(set(imported)) == len(imported)


@EACH_ROOM
def test_a_room_exports_what_its_files_call_public(path):
    room = ".".join(path.parent.relative_to(PACKAGE.parent).parts)
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            assert node.module.startswith(f"{room}."), node.module
            public = import_module(node.module).__all__
            assert {alias.name for alias in node.names} <= set(public), node.module


@EACH_ROOM
def test_no_file_has_the_name_of_what_its_room_exports(path):
    room = import_module(".".join(path.parent.relative_to(PACKAGE.parent).parts))
    names = {other.stem for other in path.parent.glob("*.py")}
    names |= {other.parent.name for other in path.parent.glob("*/__init__.py")}
    assert not names & set(room.__all__)
