"""All experiments by name."""

from collections.abc import Callable, Iterator
from typing import Any

from msdnum import cost_tables
from msdnum.attention_experiments import ATTENTION
from msdnum.block_experiments import BLOCK_EXPERIMENTS
from msdnum.design_experiments import DESIGN_EXPERIMENTS
from msdnum.finding import Table
from msdnum.gemm_experiments import EXPERIMENTS
from msdnum.length_experiments import LENGTH_EXPERIMENTS
from msdnum.model_experiments import MODEL
from msdnum.ozaki_curve import OZAKI
from msdnum.scheme_experiments import SCHEME_EXPERIMENTS
from msdnum.tables import Experiment, Record

__all__ = ["CATALOGUE"]


def _closed_form(name: str, table: Callable[[], Table]) -> Experiment:
    """Return the experiment that writes down a table of the cost models."""

    def rows(spec: tuple[Any, ...], seed: int) -> Iterator[Record]:
        made = table()
        return (dict(zip(made.header, row, strict=True)) for row in made.rows)

    return Experiment(name, "cost models in closed form: no seed, no sample", (), rows, ())


COSTS = tuple(_closed_form(name, table) for name, table in cost_tables.TABLES.items())

CATALOGUE: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        *SCHEME_EXPERIMENTS,
        *BLOCK_EXPERIMENTS,
        *DESIGN_EXPERIMENTS,
        *LENGTH_EXPERIMENTS,
        *EXPERIMENTS,
        *MODEL,
        OZAKI,
        ATTENTION,
        *COSTS,
    )
}
"""Every experiment by the name of its table."""
