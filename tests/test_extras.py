"""What is not installed is named with its remedy; progress bars are missed quietly."""

import subprocess
import sys
import tomllib

import pytest

from msdnum import _extras
from tests.support.paths import ROOT

# Missing packages


def without(packages, *arguments):
    """Run a command where packages are not installed."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({packages!r}))\n"
        "from msdnum.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


ALL = ["flint", "jax", "matplotlib", "mpmath", "safetensors", "tokenizers", "tqdm"]


@pytest.mark.parametrize(
    ("command", "extras"),
    [("verify", "verify"), ("figures", "plot,verify"), ("sweep", "jax"), ("bench", "jax")],
)
def test_a_missing_extra_is_named_with_its_remedy(command, extras):
    done = without(ALL, command)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.endswith(
        f"{command} needs msdnum[{extras}]: pip install 'msdnum[{extras}]'\n"
    )
    assert done.stderr.count("\n") == 1


def test_figures_are_redrawn_with_matplotlib_alone(tmp_path):
    others = [package for package in ALL if package != "matplotlib"]
    done = without(others, "figures", "--redraw", "cost_traffic", "--out", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "msd" / "cost_traffic.png").exists()


@pytest.mark.parametrize("command", ["conform", "explain"])
def test_some_commands_need_no_extra(command):
    done = without(ALL, command, "--help")
    assert (done.returncode, done.stderr) == (0, "")


def test_progress_is_missed_quietly(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert list(_extras.progress([1, 2], desc="x")) == [1, 2]
    with _extras.progress_bar(total=3) as step:
        assert step(1) is None


def test_remedies_are_extras_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    named = {extra for value in _extras.WHOLE.values() for extra in value.split(",")}
    assert named | set(_extras.EXTRAS.values()) <= set(extras)
    assert extras["all"] == [f"msdnum[{','.join(sorted(set(extras) - {'all'}))}]"]


def test_other_import_errors_are_left_as_they_are():
    assert _extras.remedy(ImportError("some text"), "verify") == "some text"
    error = ModuleNotFoundError("No module named 'own.part'", name="own.part")
    assert _extras.remedy(error, "verify") == "No module named 'own.part'"
    error = ModuleNotFoundError("", name="jax.numpy")
    assert "needs msdnum[jax]: pip" in _extras.remedy(error, "measure")
