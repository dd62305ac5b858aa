"""What a table and a figure are: CSV with a header; ``plots``, its own file, draws."""

from msdnum.experiments.experiment import SEED, Experiment
from msdnum.experiments.tables import Record, read, text

__all__ = ["SEED", "Experiment", "Record", "read", "text"]
