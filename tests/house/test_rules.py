"""The rules of the house that a reader of one file cannot see: names, doors, sizes, paths."""

import ast
import re
from collections import defaultdict
from functools import cache

from tests.support.paths import ROOT

PACKAGE = ROOT / "msdnum"
FILES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}

OF_ONE_PAPER = re.compile(r"(?<![A-Za-z0-9])(MSD|M_?64516|64516|PAPER_BOUND|C[1-8])(?![A-Za-z0-9])")
CITES_A_CLAIM = {"conformance/terms.py"}
"""Each vector has its source, down to the claim of a paper: a citation, not a docstring."""

BACKEND = "emulator/backend.py"
ASKS_OF_JAX = {
    BACKEND,
    "emulator/jax_settings.py",  # settings of JAX, whatever the array
    "emulator/arrays.py",  # which byte order NumPy has, not which backend
}

LINES, STATEMENTS = 350, 30
LONG_FILES = {
    "emulator/cann/products.py": 500,
    "evidence/sweeps.py": 415,
    "formats/accumulator_kinds.py": 392,
}
"""Files that are longer than they should be: none may grow, and what is short must leave."""

VOICES = {"spec", "emulator", "bounds", "exact"}
"""Each says the same by itself, so that one can judge the other: the same name is meant."""
OF_EACH_TRIAL = {"CATALOGUE", "DRAWINGS", "TRIAL"}
TWO_MEANINGS = {
    "Number",  # of theorems, a number of any kind; of the specification, one with its scale
}

GATHERS = {"evidence/addition_orders.py", "evidence/black_boxes.py", "evidence/large_tensors.py"}
"""What is filled piece by piece is no data yet."""

KNOWS_PATHS = {
    "_repository.py",
    "_sources.py",  # the sources of the package itself
    "conformance/adapters/__init__.py",  # the files beside it
}
FOLDERS = re.compile(r"^(proofs|figures|certificates)(/|$)")
WRITES_THERE = {
    "cli/figures.py",
    "cli/recorded.py",
    "cli/sweep.py",
    "trials/msd/experiments/model.py",
}
"""Where results go if nothing else is said, in the folder in which the command is run."""


parsed = cache(ast.parse)
"""Trees are looked at by all rules, and changed by none."""


def text_of(name):
    return FILES[name].read_text(encoding="utf-8")


def docstrings(tree):
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def words(source):
    """Yield identifiers, and strings that are no docstrings."""
    tree = parsed(source)
    prose = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in prose:
            yield str(node.value)
        for field in ("id", "attr", "name", "arg"):
            word = getattr(node, field, None)
            if isinstance(word, str):
                yield word.replace("_", " ")


def of_one_paper(source):
    """Return names, constants and defaults of one paper."""
    return {word for word in words(source) if OF_ONE_PAPER.search(word)}


def asks_for_the_backend(source):
    """Return the questions "NumPy or JAX?" that ``backend`` has functions for."""
    calls = [node for node in ast.walk(parsed(source)) if isinstance(node, ast.Call)]
    texts = [ast.unparse(call) for call in calls]
    question = r"^isinstance\(.*ndarray|Tracer|__array_namespace__\(|modules\.get\('jax'\)"
    return [text for text in texts if re.search(question, text)]


def too_long(source):
    """Return the functions with more lines than are read at one glance, docstring apart."""
    found = []
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.FunctionDef):
            first = node.body[1] if ast.get_docstring(node) and node.body[1:] else node.body[0]
            if node.end_lineno - first.lineno + 1 >= STATEMENTS:
                found.append(node.name)
    return found


def public_names(source):
    """Yield the public classes and registries that a file defines."""
    tree = parsed(source)
    lists = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    exported = {name for names in lists for name in names}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from {node.name} & exported
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
            yield from names & exported


def said_twice(sources):
    """Return the public names of classes and registries that two files define."""
    homes = defaultdict(list)
    for name, source in sources.items():
        for word in public_names(source):
            homes[word].append(name)
    return {
        word: names
        for word, names in homes.items()
        if len(names) > 1 and not (twins(names) or word in OF_EACH_TRIAL | TWO_MEANINGS)
    }


def twins(names):
    """Whether each is of another room, and all but one are voices of one thing."""
    rooms = [name.split("/")[0] for name in names]
    return len(set(rooms)) == len(rooms) and len([r for r in rooms if r not in VOICES]) <= 1


def paths_into_the_clone(name, source):
    """Return the folders of the clone that a file names, and its own place."""
    found = {"__file__"} if "__file__" in source and "Path(__file__)" in source else set()
    calls = [node for node in ast.walk(parsed(source)) if isinstance(node, ast.Call)]
    places = [call for call in calls if ast.unparse(call.func) in ("Path", "_folder")]
    arguments = [argument for call in places for argument in call.args[:1]]
    given = [argument.value for argument in arguments if isinstance(argument, ast.Constant)]
    return found | {text for text in given if FOLDERS.match(text)} - (
        set(given) if name in WRITES_THERE else set()
    )


def through_a_room(source):
    """Return the names that are imported from a room, and not from the file that has them."""
    nodes = [node for node in ast.walk(parsed(source)) if isinstance(node, ast.ImportFrom)]
    found = set()
    for node in nodes:
        room = (node.module or "").removeprefix("msdnum.").replace(".", "/")
        if node.module and node.module.startswith("msdnum.") and f"{room}/__init__.py" in FILES:
            own = defined(text_of(f"{room}/__init__.py"))
            files = {alias.name for alias in node.names} - own
            found |= {
                n for n in files if not {f"{room}/{n}.py", f"{room}/{n}/__init__.py"} & {*FILES}
            }
    return found


def defined(source):
    """Return the names of functions, classes and data that a file defines."""
    nodes = parsed(source).body
    named = {node.name for node in nodes if hasattr(node, "name")}
    assigned = [node for node in nodes if isinstance(node, ast.Assign)]
    return named | {ast.unparse(node.targets[0]) for node in assigned}


class Bare(ast.NodeTransformer):
    """A function without its name, its types and its docstring."""

    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        node.name, node.returns, node.decorator_list = "f", None, []
        if ast.get_docstring(node):
            node.body = node.body[1:]
        return node

    def visit_arg(self, node):
        node.annotation = None
        return node


def formulas(source):
    """Yield name and code of each function of more than one statement."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            name, bare = node.name, Bare().visit(node)
            if len(bare.body) > 1:
                yield name, ast.dump(bare)


def copied(sources):
    """Return the functions that an oracle has, word for word, from what it judges."""
    voices = defaultdict(dict)
    for name, source in sources.items():
        room = name.split("/")[0]
        for function, code in formulas(source) if room in VOICES | {"formats"} else ():
            voices[code].setdefault(room, f"{name}: {function}")
    return [list(where.values()) for where in voices.values() if len(where) > 1]


def not_frozen(source):
    """Return the dataclasses whose fields can be assigned."""
    return re.findall(r"@dataclass(?!\(.*frozen=True).*\nclass (\w+)", source)


def breaking(rule, names=FILES):
    """Return the files that break a rule, with what breaks it."""
    return {name: found for name in names if (found := rule(text_of(name)))}


def test_a_paper_is_a_source_and_nothing_more():
    outside = [name for name in FILES if not name.startswith("trials/")]
    assert breaking(of_one_paper, outside).keys() == set(CITES_A_CLAIM)


def test_one_file_asks_which_backend_an_array_has():
    emulator = [name for name in FILES if name.startswith("emulator/")]
    assert breaking(asks_for_the_backend, emulator).keys() <= set(ASKS_OF_JAX)


def test_one_file_imports_matplotlib():
    imports = re.compile(r"^ *(?:from|import) matplotlib", re.M)
    assert breaking(imports.search).keys() == {"experiments/plots.py"}


def test_a_file_is_short():
    lengths = {name: len(text_of(name).splitlines()) for name in FILES}
    long = {name: lines for name, lines in lengths.items() if lines > LINES}
    assert long.keys() == LONG_FILES.keys()
    assert all(lines <= LONG_FILES[name] for name, lines in long.items()), long


def test_a_function_is_read_at_one_glance():
    assert breaking(too_long) == {}


def test_a_class_or_registry_has_one_meaning():
    assert said_twice({name: text_of(name) for name in FILES}) == {}


def test_inside_the_package_names_are_imported_from_files():
    assert breaking(through_a_room, FILES.keys() - {"__init__.py"}) == {}


def test_a_formula_is_derived_twice_and_not_copied():
    assert copied({name: text_of(name) for name in FILES}) == []


def test_data_are_frozen():
    assert breaking(not_frozen).keys() == GATHERS
    assert not_frozen("@dataclass(eq=False)\nclass A:") == ["A"]
    assert not_frozen("@dataclass(frozen=True, eq=False)\nclass A:") == []


def test_every_exception_is_one():
    names = [word for name in FILES for word in public_names(text_of(name))]
    assert all(names.count(word) > 1 for word in TWO_MEANINGS)
    assert all(of_one_paper(text_of(name)) for name in CITES_A_CLAIM)
    assert all(paths_into_the_clone("", text_of(name)) for name in WRITES_THERE)


def test_one_file_knows_where_the_clone_is():
    found = {name: paths_into_the_clone(name, text_of(name)) for name in FILES}
    assert {name: paths for name, paths in found.items() if paths}.keys() <= set(KNOWS_PATHS)


def test_what_breaks_a_rule_is_seen():
    assert of_one_paper('"""Claim C1 of MSD."""\nBOUND = amax / 64516') == {"64516"}
    assert of_one_paper("def f(x=M_64516): return MSD(C7)") == {"M 64516", "MSD", "C7"}
    assert of_one_paper('NAME = "time MSD"') == {"time MSD"}
    assert asks_for_the_backend("y = isinstance(x, np.ndarray | np.generic)")
    assert asks_for_the_backend("jax = sys.modules.get('jax')")
    assert not asks_for_the_backend("y = backend.is_jax(x)")
    assert too_long("def f():\n" + "    x = 1\n" * 30) == ["f"]
    assert too_long('def f():\n    """One."""\n' + "    x = 1\n" * 29) == []


def test_a_name_with_two_meanings_is_seen():
    one = "__all__ = ['Case', 'f']\nclass Case: ...\ndef f(): ..."
    assert set(said_twice({"bench/a.py": one, "cost/b.py": one})) == {"Case"}
    assert set(said_twice({"spec/a.py": one, "spec/b.py": one})) == {"Case"}
    assert said_twice({"spec/a.py": one, "emulator/b.py": one, "formats/c.py": one}) == {}
    assert set(said_twice({"a.py": "__all__ = ['A']\nA = 1", "b.py": "__all__ = ['A']\nA: int"}))


def test_an_import_through_a_room_and_a_copy_are_seen():
    assert through_a_room("from msdnum.formats import MXFP4, blocks") == {"MXFP4"}
    assert through_a_room("from msdnum.trials import find_trial, msd") == set()
    one, other = (f"def {n}(x: int):\n    y = x + 1\n    return y" for n in ("f", "_g"))
    assert copied({"spec/a.py": one, "formats/b.py": other, "cli/c.py": one}) == [
        ["spec/a.py: f", "formats/b.py: _g"]
    ]
    assert copied({"spec/a.py": one, "spec/b.py": other}) == []


def test_a_path_into_the_clone_is_seen():
    assert paths_into_the_clone("cli/x.py", "Path('proofs') / name") == {"proofs"}
    assert paths_into_the_clone("cli/x.py", "Path(__file__).parents[2]") == {"__file__"}
    assert paths_into_the_clone("cli/sweep.py", "Path('certificates')") == set()
    assert paths_into_the_clone("cli/x.py", "Path('build/figures')") == set()
