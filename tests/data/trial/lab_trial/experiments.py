"""The table of the trial: every product."""

from collections.abc import Iterator
from typing import Any

from msdnum.experiments import Experiment, Record

from . import products

__all__ = ["CATALOGUE"]


def rows(parameters: tuple[Any, ...], seed: int) -> Iterator[Record]:
    """Yield each pair of numbers and its product."""
    for a, b in products():
        yield {"a": a, "b": b, "product": a * b}


CATALOGUE = {"fp4_products": Experiment("fp4_products", "Products of FP4 numbers.", (), rows, ())}
