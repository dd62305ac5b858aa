"""The table of the trial: every product."""

from collections.abc import Iterator

from msdnum.experiments import Experiment, NoParameters, Record

from . import products

__all__ = ["CATALOGUE"]


def rows(parameters: NoParameters, seed: int) -> Iterator[Record]:
    """Yield each pair of numbers and its product."""
    for a, b in products():
        yield {"a": a, "b": b, "product": a * b}


NAME, NONE = "fp4_products", NoParameters()
CATALOGUE = {NAME: Experiment(NAME, "Products of FP4 numbers.", NONE, rows, NONE)}
