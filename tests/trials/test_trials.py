"""Trials found: those in a folder of the package, and those that other distributions announce."""

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from msdnum import trials
from msdnum.ledger import Trial
from tests.support.paths import ROOT

LAB = ROOT / "tests" / "data" / "trial"


def pip(*arguments):
    options = ["--disable-pip-version-check", "--no-index", "--no-deps", "--quiet"]
    line = [sys.executable, "-m", "pip", *arguments, *options]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the package of a lab with its own backend."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(LAB, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    pip("wheel", str(folder / "source"), "--no-build-isolation", "-w", str(folder / "dist"))
    (path,) = (folder / "dist").glob("lab_trial-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Install that wheel where nothing else is."""
    folder = tmp_path_factory.mktemp("site-packages")
    pip("install", str(wheel), "--target", str(folder))
    return folder, ROOT


@pytest.fixture(scope="module")
def added(tmp_path_factory):
    """Copy msdnum and put the folder of the lab among its trials."""
    folder = tmp_path_factory.mktemp("clone")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "msdnum", folder / "msdnum", ignore=ignored)
    shutil.copytree(ROOT / "proofs", folder / "msdnum" / "_data" / "proofs", ignore=ignored)
    shutil.copytree(LAB / "lab_trial", folder / "msdnum" / "trials" / "lab", ignore=ignored)
    return (folder,)


@pytest.fixture(params=["installed", "added"])
def path(request):
    """Both ways in which a trial is there."""
    return request.getfixturevalue(request.param)


def command(path, folder, *arguments):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    line = [sys.executable, "-m", "msdnum", *arguments]
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True)


def test_the_wheel_of_a_lab_announces_its_trial(installed):
    folder, _ = installed
    (metadata,) = folder.glob("lab_trial-*.dist-info")
    assert (metadata / "RECORD").is_file()
    announces = (metadata / "entry_points.txt").read_text(encoding="utf-8")
    assert announces.split() == ["[msdnum.trials]", "lab", "=", "lab_trial:TRIAL"]


def test_another_trial_is_judged(path, tmp_path):
    found = command(path, tmp_path, "verify", "lab")
    assert found.returncode == 0, found.stderr
    assert "every product of two E2M1 numbers is a number of the format" in found.stdout
    rows = {line.split()[0]: line for line in found.stdout.splitlines() if " lost" in line}
    assert "holds" in rows["E4M3"]
    assert "fails" in rows["E3M2"]


def test_a_claim_of_another_trial_is_explained_and_judged_alone(path, tmp_path):
    found = command(path, tmp_path, "explain", "LAB")
    assert found.returncode == 0, found.stderr
    assert "exhaustive 49" in found.stdout
    assert "To judge again: msdnum verify lab --only LAB" in found.stdout
    found = command(path, tmp_path, "verify", "lab", "--only", "LAB")
    assert found.returncode == 0, found.stderr


def test_tables_of_another_trial_are_listed_and_made(path, tmp_path):
    found = command(path, tmp_path, "figures", "--list")
    assert "lab/fp4_products" in found.stdout.splitlines()
    found = command(path, tmp_path, "figures", "lab/fp4_products")
    assert found.returncode == 0, found.stderr
    table = tmp_path / "figures" / "lab" / "tables" / "fp4_products.csv"
    assert len(table.read_text().splitlines()) == 2 + 49


def test_what_is_judged_without_a_name_stays(path, tmp_path):
    found = command(path, tmp_path, "verify", "--only", "LAB")
    assert found.returncode == 2
    assert "claim must be one of" in found.stderr
    assert "got 'LAB'; for that one: msdnum verify lab --only LAB" in found.stderr


def test_without_the_distribution_there_is_no_such_trial(tmp_path):
    found = command([ROOT], tmp_path, "verify", "lab")
    assert found.returncode == 2
    assert re.search("trial must be one of .*, got 'lab'", found.stderr)


def announced(value, monkeypatch):
    point = EntryPoint("lab", value, trials.GROUP)
    monkeypatch.setattr(trials, "entry_points", lambda group: [point])
    return trials.trials.__wrapped__


def test_an_entry_point_that_is_no_trial_is_refused(monkeypatch):
    find = announced("msdnum.formats:E2M1", monkeypatch)
    with pytest.raises(TypeError, match=r"'msdnum\.formats:E2M1' .* must be a Trial, got Float"):
        find()


def test_a_second_trial_of_a_name_is_refused(monkeypatch):
    find = announced("msdnum.trials.ozaki:TRIAL", monkeypatch)
    with pytest.raises(ValueError, match="trial 'ozaki' must have a name of its own"):
        find()


def test_trials_are_found_by_name():
    assert all(isinstance(trial, Trial) for trial in trials.trials().values())
    assert trials.find_trial("msd").paper.source == "arXiv:2605.13915"
    assert [trial.name for trial in trials.judged()] == list(trials.JUDGED)
    with pytest.raises(ValueError, match="got 'tolkit'; did you mean 'toolkit'"):
        trials.find_trial("tolkit")
