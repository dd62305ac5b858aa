"""Tables of errors of schemes, blocks, lengths and designs: within bounds, as theory has them."""

import pytest

from msdnum.emulator import shared_scales
from msdnum.emulator.cann.digits import VARIANTS
from msdnum.trials.msd.claims.cann import KEEPS
from msdnum.trials.msd.experiments import schemes
from msdnum.trials.msd.experiments.schemes import LADDERS
from tests.support.error_tables import column, committed, quick
from tests.support.product_tables import exceeded


@pytest.mark.parametrize("name", ["passes", "dynamic_range", "design_space"])
def test_a_scale_that_is_too_small_is_seen(name, monkeypatch):
    """Half of each scale: terms saturate."""
    whole = shared_scales.shared_exponent
    monkeypatch.setattr(shared_scales, "shared_exponent", lambda *given: whole(*given) - 1)
    assert any(exceeded(row) for row in quick(name))


# Schemes


def test_only_one_definition_and_one_input_give_the_papers_bits():
    def bits(scheme, name, definition):
        return float(committed("effective_bits", scheme=scheme, input=name)[0][definition])

    inputs = {row["input"] for row in committed("effective_bits")}
    found = {
        (definition, name)
        for definition in schemes.DEFINITIONS
        for name in inputs
        if abs(bits("MXFP4_X2", name, definition) - 6.6) < 0.05
        and abs(bits("MXFP8_X1", name, definition) - 5.24) < 0.05
    }
    assert found == {("rms_relative", "log_uniform")}


def test_closed_forms_are_what_is_measured():
    for closed, measured, name in (
        ("closed_rms_relative", "rms_relative", "log_uniform"),
        ("closed_equivalent_uniform", "equivalent_uniform", "uniform"),
    ):
        rows = [r for r in committed("effective_bits", input=name) if r[closed]]
        assert len(rows) >= 8
        assert column(rows, measured) == pytest.approx(column(rows, closed), abs=0.02)


@pytest.mark.parametrize("ladder", LADDERS)
def test_bounds_are_attained_by_every_number_of_passes(ladder):
    for count in range(1, len(LADDERS[ladder]) + 1):
        rows = committed("passes", ladder=ladder, passes=str(count))
        worst, rms = rows[:2], rows[2]
        reached = column(worst, "error").max() / float(worst[0]["bound"])
        assert reached == 1 if rms["arithmetic"] != "FLOAT32" else reached > 0.93
        without = rms["arithmetic"] == "FLOAT32" or (ladder, count) == ("MXFP8", 3)
        assert without == (not rms["expected"])
        if rms["expected"]:
            assert float(rms["error"]) == pytest.approx(float(rms["expected"]), rel=0.015)


def test_cann_variants_are_judged_as_in_the_ledger():
    rows = committed("cann_variants", as_in_source="True")
    assert {row["variant"] for row in rows} == set(VARIANTS)
    assert {row["variant"] for row in rows if row["keeps_paper"] == "True"} == KEEPS


@pytest.mark.parametrize(
    ("study", "ties", "loses"), [("one binade", 2, 3), ("log-uniform", None, 4)]
)
def test_mxfp8_overtakes_where_the_closed_form_says(study, ties, loses):
    rows = [row for row in committed("dynamic_range") if row["study"].startswith(study)]
    octaves = column(rows, "octaves")
    for name in ("rms_ratio", "rms_ratio_expected"):
        ratios = dict(zip(octaves, column(rows, name), strict=True))
        assert min(k for k, ratio in ratios.items() if ratio > 1) == loses
        assert ties is None or ratios[ties] == 1
    assert column(rows, "rms_ratio") == pytest.approx(column(rows, "rms_ratio_expected"), rel=0.01)
