"""The catalogue of experiments: quick tables, the same bytes again, and parts of the large."""

import csv
import io

import pytest

from msdnum.trials.msd.experiments import catalogue
from tests.support.error_tables import EXPERIMENTS, committed, quick
from tests.support.product_tables import FOLDER, exceeded


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.name)
def test_quick_tables_are_within_bounds_and_the_same_bytes_again(experiment):
    rows = quick(experiment.name)
    assert rows
    assert [row for row in rows if exceeded(row)] == []
    assert quick(experiment.name) == rows


@pytest.mark.parametrize(
    ("name", "sampled"),
    [("binade", ()), ("cann_variants", ()), ("dynamic_range", ("mxfp4_rms", "mxfp8_rms"))],
)
def test_small_tables_are_parts_of_the_large(name, sampled):
    def settled(rows):
        names = [key for key in rows[0] if not key.startswith(("least_", "most_"))]
        kept = [key for key in names if key not in (*sampled, "rms_ratio")]
        return {tuple(row[key] for key in kept) for row in rows}

    assert settled(quick(name)) <= settled(committed(name))


# The committed tables


def test_every_experiment_has_its_table():
    assert {path.stem for path in FOLDER.glob("*.csv")} == set(catalogue.CATALOGUE)


# The same bytes again


@pytest.mark.parametrize("name", ["gemm_crossings", "gemm_conditions"])
def test_same_seed_same_bytes(name):
    experiment = catalogue.CATALOGUE[name]
    first = experiment.table(quick=True)
    assert experiment.table(quick=True) == first
    rows = list(csv.DictReader(io.StringIO(first.partition("\n")[2])))
    assert all(exceeded(row) == [] for row in rows)


def test_another_seed_gives_other_numbers():
    experiment = catalogue.CATALOGUE["gemm_conditions"]
    assert experiment.table(quick=True, seed=1) != experiment.table(quick=True)
