"""Experiments and their tables, CSV with a header; figures are drawn by ``plots``, on its own."""

from msdnum.experiments.differences import table_differences
from msdnum.experiments.experiment import SEED, Experiment, NoParameters
from msdnum.experiments.tables import DIGITS, Record, load, read, text

__all__ = [
    "DIGITS", "SEED", "Experiment", "NoParameters", "Record", "load", "read", "table_differences",
    "text",
]  # fmt: skip
