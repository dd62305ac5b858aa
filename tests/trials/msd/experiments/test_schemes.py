"""Tables of errors of schemes, blocks, lengths and designs: within bounds, as theory has them."""

import csv
import io
import re
from dataclasses import replace
from fractions import Fraction
from itertools import groupby
from math import log2

import numpy as np
import pytest

from msdnum import bounds, spec
from msdnum.cost.machines import ASCEND_950PR, B200, H100
from msdnum.emulator import shared_scales
from msdnum.emulator.cann.digits import VARIANTS
from msdnum.evidence import worst_cases
from msdnum.experiments import tables
from msdnum.formats.elements import E2M1, E4M3, INT4, INT8_SYMMETRIC
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import INT8_X2, MXFP4_X2
from msdnum.trials.msd.claims.cann import KEEPS
from msdnum.trials.msd.experiments import schemes
from msdnum.trials.msd.experiments.blocks import BLOCK_EXPERIMENTS
from msdnum.trials.msd.experiments.designs import DESIGN_EXPERIMENTS, Design, cost, designs, front
from msdnum.trials.msd.experiments.lengths import LENGTH_EXPERIMENTS
from msdnum.trials.msd.experiments.schemes import LADDERS, SCHEME_EXPERIMENTS, reconstructed
from msdnum.trials.msd.splits import split_error
from tests.support.paths import TABLES
from tests.trials.msd.experiments.test_products import exceeded

EXPERIMENTS = (
    *SCHEME_EXPERIMENTS, *BLOCK_EXPERIMENTS, *LENGTH_EXPERIMENTS, *DESIGN_EXPERIMENTS,
)  # fmt: skip


def committed(name, **chosen):
    """Return the rows of a table with these cells; there must be some."""
    rows = tables.read(TABLES / f"{name}.csv")[1]
    found = [row for row in rows if all(row[key] == value for key, value in chosen.items())]
    assert found, (name, chosen)
    return found


def column(rows, name):
    return np.array([float(row[name]) for row in rows])


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.name)
def test_quick_tables_are_within_bounds_and_the_same_bytes_again(experiment):
    rows = quick(experiment.name)
    assert rows
    assert [row for row in rows if exceeded(row)] == []
    assert quick(experiment.name) == rows


QUICK = {experiment.name: experiment for experiment in EXPERIMENTS}


def quick(name):
    """Return the rows of the small table, written as in a file."""
    text = QUICK[name].table(quick=True)
    return list(csv.DictReader(io.StringIO(text.partition("\n")[2])))


@pytest.mark.parametrize(
    ("name", "sampled"),
    [("binade", ()), ("cann_variants", ()), ("dynamic_range", ("mxfp4_rms", "mxfp8_rms"))],
)
def test_small_tables_are_parts_of_the_large(name, sampled):
    def settled(rows):
        kept = [key for key in rows[0] if key not in (*sampled, "rms_ratio")]
        return {tuple(row[key] for key in kept) for row in rows}

    assert settled(quick(name)) <= settled(committed(name))


def test_bounds_as_bits_and_with_a_probability():
    for row in quick("effective_bits"):
        if row["bound"]:
            assert float(row["worst_case"]) == pytest.approx(-log2(float(row["bound"])), rel=1e-4)
    for name in ("gemm_length", "float32_reference"):
        rows = [row for row in quick(name) if row["probable_l2"]]
        assert (column(rows, "l2") <= column(rows, "probable_l2")).all()
        assert column(rows, "failure").max() < 1e-6


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
        if rms["expected"]:
            assert float(rms["error"]) == pytest.approx(float(rms["expected"]), rel=0.015)


def test_extremes_by_hand():
    found = worst_cases.among_ties(MXFP4_X2, 64, 0)
    assert (found.error, found.evidence.kind) == (Fraction(1, 64), "exhaustive")
    assert worst_cases.among_ties(MXFP4_X2, 63, 5).evidence.seed == 5
    assert worst_cases.among_pairs(INT8_X2).error == Fraction(1, 64516)
    assert worst_cases.among_ties(MXFP4_X2, 64, 0, Fraction(1, 32)).bound == Fraction(1, 32)


def test_cann_variants_are_judged_as_in_the_ledger():
    rows = committed("cann_variants", as_in_source="True")
    assert {row["variant"] for row in rows} == set(VARIANTS)
    assert {row["variant"] for row in rows if row["keeps_paper"] == "True"} == KEEPS


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=lambda v: v.name)
def test_weighted_digits_err_as_decided(variant):
    found = split_error(variant)
    x = np.array([[found.amax, found.x]], np.float32)
    left = abs(found.x - reconstructed(x, variant)[0, 1]) / found.amax
    assert left == pytest.approx(float(found.error), rel=1e-6)


# Blocks


def patterns(witness):
    return [int(word, 16) for word in re.findall(r"[0-9a-f]{4}", witness.removeprefix("BF16"))]


def test_witnesses_reproduce_by_the_specification():
    for row in committed("binade", passes="2", second_scale="s2 = s1/8")[::7]:
        values = [spec.from_float32_bits(p << 16) for p in patterns(row["witness"])]
        left = spec.decompose_covering(values, (E2M1, E2M1), ScaleRule[row["rule"]]).remainders
        assert f"{float(abs(left[-1]) / 2):.5g}" == row["error"]


def test_where_one_64th_is_attained():
    rows = committed("binade", passes="2", rule="CEIL", second_scale="s2 = s1/8")
    attained = [row["amax_over_alpha"] for row in rows if row["attains"] == "True"]
    assert attained == [str(n / 256) for n in range(148, 257)]  # from 37/64
    assert column(rows, "error").max() == 1 / 64
    floor = committed("binade", passes="2", rule="FLOOR", second_scale="s2 = s1/8")
    assert 0.15 < column(floor, "error").max() < 5 / 32
    assert not any(row["attains"] == "True" for row in floor)


def test_all_positions_are_there():
    for _, rows in groupby(
        committed("binade"), lambda r: (r["passes"], r["rule"], r["second_scale"])
    ):
        assert [float(r["amax_over_alpha"]) for r in rows] == [n / 256 for n in range(129, 257)]


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


# Lengths


def test_probable_bounds_hold_and_are_below_the_sure_ones_at_length():
    for name in ("gemm_length", "float32_reference"):
        rows = [row for row in committed(name) if row["probable_l2"]]
        assert (column(rows, "l2") <= column(rows, "probable_l2")).all()
        assert column(rows, "failure").max() < 1e-6
        long = [row for row in rows if row["k"] == "32768" and row["input"] == "normal"]
        mended = column(long, "probable_l2") / column(long, "bound_l2")
        assert np.median(mended) < 0.1 or name == "float32_reference"


def slope(rows):
    """Return the power of k with which an error grows."""
    return np.polyfit(np.log2(column(rows, "k")), np.log2(column(rows, "l2")), 1)[0]


def test_sums_in_order_err_as_the_root_of_their_length():
    for name in ("normal", "|normal|"):
        growth = {
            order: slope(committed("float32_reference", input=name, order=order))
            for order in ("in order", "pairwise", "exact sum, rounded once")
        }
        assert 0.4 < growth["in order"] < 0.6
        assert abs(growth["pairwise"]) < 0.1
        assert abs(growth["exact sum, rounded once"]) < 0.05


def test_one_outlier_costs_int8_the_root_of_the_length():
    rows = {
        name: committed("gemm_length", weight="INT8", method="INT8_X2", input=name)
        for name in ("normal", "outlier_per_row")
    }
    assert slope(rows["normal"]) < 0.15
    assert 0.4 < slope(rows["outlier_per_row"]) < 0.6


# Designs


def test_bounds_of_designs():
    two = Design((E2M1, E2M1), ScaleRule.COVERING)
    assert two.bound == bounds.mxfp4_decomposition()
    assert two.scheme.ratios == MXFP4_X2.ratios
    # Twice the second scale, but it is used only up to 2: half the widest gap.
    assert replace(two, slack=1).bound == Fraction(1, 64)
    assert replace(two, slack=2).bound == Fraction(1, 32)  # up to 1, where gaps are 1/2
    assert replace(two, slack=-1).bound is None
    eight = Design((INT8_SYMMETRIC, INT8_SYMMETRIC), ScaleRule.COVERING, slack=1)
    assert eight.bound == Fraction(1, 2**13)
    assert Design((INT8_SYMMETRIC, INT4), ScaleRule.AMAX).bound == Fraction(1, 3556)


@pytest.mark.parametrize(
    ("elements", "rule", "slack"),
    [((E2M1,), ScaleRule.AMAX, 0), ((INT4, INT4), ScaleRule.AMAX, 1), ((E2M1,), ScaleRule.EVEN, 0)],
)
def test_designs_that_are_no_scheme(elements, rule, slack):
    with pytest.raises(ValueError, match=r"must be .* AMAX, got"):
        Design(elements, rule, slack)


def test_costs_by_hand():
    two = Design((E2M1, E2M1), ScaleRule.COVERING)
    assert cost(two, B200) == cost(Design((E4M3,), ScaleRule.COVERING), B200) == Fraction(1, 2)
    assert cost(Design((INT4, INT8_SYMMETRIC), ScaleRule.AMAX), B200) == 1  # no INT4 unit
    assert cost(two, H100) is None
    assert cost(Design((INT4,), ScaleRule.AMAX), ASCEND_950PR) is None


def test_the_front_by_hand():
    points = [(Fraction(1), 3.0), (Fraction(1), 4.0), (Fraction(2), 4.0), (Fraction(3), 5.0)]
    assert front(points) == [False, True, False, True]
    assert front([points[0]] * 2) == [True, True]


def test_designs_are_all_of_them():
    found = list(designs(("E2M1", "INT4"), 3, (0, 1)))
    assert len(found) == len(set(found)) == (2 + 4 * 2 + 8) + 3


def test_the_papers_points():
    """Where INT8 runs at the rate of FP8, one INT8 pass costs as much as two of MXFP4."""
    front_of = {
        (row["machine"], row["point"]): row["pareto_worst"]
        for row in committed("design_space")
        if row["point"]
    }
    assert front_of["Ascend 950PR", "MXFP4 x2"] == "True"
    assert front_of["B200", "MXFP4 x2"] == "False"
    assert front_of["B200", "INT8 x2"] == "True"
    rows = committed("design_space", machine="B200", design="INT8_SYMMETRIC", rule="AMAX")
    assert (rows[0]["cost"], rows[0]["worst_bits"]) == ("0.5", f"{log2(254):.5g}")
