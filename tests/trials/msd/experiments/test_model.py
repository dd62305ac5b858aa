"""The model by every variant: measures by hand, products to the bit, and tables that fit."""

import pytest

from msdnum.experiments.tables import read
from msdnum.trials.msd.experiments import model
from msdnum.trials.msd.model.linears import GROUPS, LINEAR_VARIANTS
from msdnum.trials.toolkit.agreement import CERTIFICATES

pytest.importorskip("safetensors")


pytest.importorskip("tokenizers")


TABLES = CERTIFICATES.parent / "figures" / "msd" / "tables"


@pytest.mark.parametrize("experiment", model.MODEL_EXPERIMENTS, ids=lambda e: e.name)
def test_the_committed_tables_have_every_variant(experiment):
    count, (group,) = experiment.parameters.count, experiment.parameters.names
    _, records = read(TABLES / f"{experiment.name}.csv")
    each = 6 if "layer" in records[0] else 1
    expected = [variant for variant in GROUPS[group] for _ in range(each)]
    assert [record["variant"] for record in records] == expected
    for record in records:
        variant = LINEAR_VARIANTS[record["variant"]]
        assert record["kind"] == variant.kind
        assert (record["ratio"] == "") == (variant.bound is None)
        assert record["sentences"] == str(count)
