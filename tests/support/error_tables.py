"""Helpers of the tests of tables of errors."""

import csv
import io

import numpy as np

from msdnum.experiments import tables
from msdnum.trials.msd.experiments.blocks import BLOCK_EXPERIMENTS
from msdnum.trials.msd.experiments.crests import CREST_EXPERIMENTS
from msdnum.trials.msd.experiments.designs import DESIGN_EXPERIMENTS
from msdnum.trials.msd.experiments.lengths import LENGTH_EXPERIMENTS
from msdnum.trials.msd.experiments.schemes import SCHEME_EXPERIMENTS
from tests.support.paths import TABLES

EXPERIMENTS = (
    *SCHEME_EXPERIMENTS, *BLOCK_EXPERIMENTS, *LENGTH_EXPERIMENTS, *DESIGN_EXPERIMENTS,
    *CREST_EXPERIMENTS,
)  # fmt: skip


def committed(name, **chosen):
    """Return the rows of a table with these cells; there must be some."""
    rows = tables.read(TABLES / f"{name}.csv")[1]
    found = [row for row in rows if all(row[key] == value for key, value in chosen.items())]
    assert found, (name, chosen)
    return found


def column(rows, name):
    return np.array([float(row[name]) for row in rows])


QUICK = {experiment.name: experiment for experiment in EXPERIMENTS}


def quick(name):
    """Return the rows of the small table, written as in a file."""
    text = QUICK[name].table(quick=True)
    return list(csv.DictReader(io.StringIO(text.partition("\n")[2])))
