"""All experiments of the trial by the name of their table."""

from collections.abc import Callable, Iterator
from typing import Any

from msdnum.experiments.experiment import Experiment, NoParameters
from msdnum.experiments.tables import Record
from msdnum.ledger.findings import Table
from msdnum.trials.msd.experiments import costs
from msdnum.trials.msd.experiments.attention import ATTENTION
from msdnum.trials.msd.experiments.blocks import BLOCK_EXPERIMENTS
from msdnum.trials.msd.experiments.contexts import CONTEXT_EXPERIMENTS
from msdnum.trials.msd.experiments.crests import CREST_EXPERIMENTS
from msdnum.trials.msd.experiments.decoder import DECODER_EXPERIMENTS
from msdnum.trials.msd.experiments.designs import DESIGN_EXPERIMENTS
from msdnum.trials.msd.experiments.lengths import LENGTH_EXPERIMENTS
from msdnum.trials.msd.experiments.model import MODEL_EXPERIMENTS
from msdnum.trials.msd.experiments.products import EXPERIMENTS
from msdnum.trials.msd.experiments.scale_rules import SCALE_RULE_EXPERIMENTS
from msdnum.trials.msd.experiments.schemes import SCHEME_EXPERIMENTS

__all__ = ["CATALOGUE"]


CLOSED_FORM = "cost models in closed form: no seed, no sample"
MEASURED = "what others measured, beside the cost models in closed form under each assumption"


def _closed_form(name: str, table: Callable[[], Table]) -> Experiment[NoParameters]:
    """Return the experiment that writes down a table of the cost models."""

    def rows(parameters: NoParameters, seed: int) -> Iterator[Record]:
        made = table()
        return (dict(zip(made.header, row, strict=True)) for row in made.rows)

    description = MEASURED if name == "published" else CLOSED_FORM
    return Experiment(name, description, NoParameters(), rows, NoParameters())


COSTS = tuple(_closed_form(name, table) for name, table in costs.TABLES.items())

_ALL: tuple[Experiment[Any], ...] = (
    *SCHEME_EXPERIMENTS, *SCALE_RULE_EXPERIMENTS, *BLOCK_EXPERIMENTS, *DESIGN_EXPERIMENTS,
    *LENGTH_EXPERIMENTS, *EXPERIMENTS, *CREST_EXPERIMENTS, *MODEL_EXPERIMENTS,
    *DECODER_EXPERIMENTS, *CONTEXT_EXPERIMENTS, *ATTENTION, *COSTS,
)  # fmt: skip

CATALOGUE = {experiment.name: experiment for experiment in _ALL}
"""Every experiment by the name of its table."""
