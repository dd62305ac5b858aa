"""Tables of emulated products: errors within bounds, the same bytes again, and what they show."""

import csv
import io
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from msdnum import bounds
from msdnum.bounds.sums import Accumulation
from msdnum.emulator.decompositions import decompose, decompose_terms
from msdnum.evidence import products
from msdnum.evidence.product_bounds import (
    Right,
    accumulation,
    combined,
    exact_values,
    ranges,
    remainders,
    sum_roundings,
    theorem_gemm,
)
from msdnum.experiments import tables
from msdnum.experiments.experiment import SEED
from msdnum.formats.accumulators import (
    CDNA1_BF16,
    CDNA1_FP16,
    CDNA3_FP8,
    EXACT,
    HOPPER_FP8,
    HOPPER_FP8_PROMOTED,
    INT32,
    SEQUENTIAL,
    Blocks,
)
from msdnum.formats.elements import BINARY32
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import INT8_X2, MXFP4_X2, MXFP8_X1, covering_scheme
from msdnum.inputs import families
from msdnum.trials.msd import baselines, comparisons
from msdnum.trials.msd.experiments import catalogue, crossings
from msdnum.trials.msd.experiments import products as product_experiments
from tests.support.paths import ROOT

FOLDER = ROOT / "figures" / "msd" / "tables"
UNBOUNDED = ("cost_", "cann_variants")
"""Cost models err by nothing; no theorem is on CANN's splits, whose rows have the paper's bound."""
TABLES = [path for path in sorted(FOLDER.glob("*.csv")) if not path.stem.startswith(UNBOUNDED)]

EACH_TABLE = pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)


def numbers(record):
    found = {}
    for name, cell in record.items():
        try:
            found[name] = float(cell)
        except ValueError:
            continue
    return found


def exceeded(record):
    """Return the columns in which an error is above its bound."""
    row = numbers(record)
    broken = [name for name in ("ratio", "msd_ratio", "baseline_ratio") if row.get(name, 0) > 1]
    if row.get("error", 0) > row.get("bound", 1):
        broken.append("bound")
    for name in row:
        head, _, tail = name.rpartition("bound_")
        if tail and f"{head}{tail}" in row and row[f"{head}{tail}"] > row[name]:
            broken.append(name)
    return broken


def bounded(record):
    """Return how many errors stand beside a bound."""
    return sum("bound" in name for name in record)


def test_what_exceeds_its_bound_is_seen():
    within = {"l2": "1e-3", "bound_l2": "1e-3", "msd_l2": "1", "msd_bound_l2": "2", "ratio": "1"}
    assert exceeded(within) == []
    assert exceeded(within | {"l2": "2e-3"}) == ["bound_l2"]
    assert exceeded({"error": "2", "bound": "1"}) == ["bound"]
    assert exceeded(within | {"msd_l2": "3", "ratio": "1.1"}) == ["ratio", "msd_bound_l2"]


# The committed tables


def test_every_experiment_has_its_table():
    assert {path.stem for path in FOLDER.glob("*.csv")} == set(catalogue.CATALOGUE)


@EACH_TABLE
def test_every_error_is_within_its_bound(path):
    _, records = tables.read(path)
    assert records
    for record in records:
        assert bounded(record) >= 1, path
        assert exceeded(record) == [], record


@pytest.mark.parametrize("experiment", catalogue.CATALOGUE.values(), ids=lambda e: e.name)
def test_headers_say_what_made_a_table(experiment):
    header, _ = tables.read(FOLDER / f"{experiment.name}.csv")
    assert header["experiment"] == experiment.name
    assert header["seed"] == SEED
    assert header["spec"] == [str(item) for item in experiment.spec]
    assert {"msdnum", "numpy", "jax"} <= set(header["versions"])


def committed(name):
    return tables.read(FOLDER / f"{name}.csv")[1]


def test_accuracy_covers_every_pair_by_every_accumulator():
    rows = committed("gemm_accuracy")
    found = {(row["product"], row["accumulator"]) for row in rows}
    assert {product for product, _ in found} == set(product_experiments.PAIRS)
    assert {unit for _, unit in found} == set(product_experiments.UNITS)
    small = {row["accumulator"] for row in rows if row["m"] != "1024"}
    assert small == product_experiments.SMALL
    large = [row for row in rows if row["m"] == row["k"] == row["n"] == "1024"]
    assert {row["product"] for row in large} == set(product_experiments.PAIRS)


def won(**chosen):
    """Return whether MSD is no worse, in the rows of the claim with these cells."""
    rows = [r for r in committed("gemm_claim") if all(r[key] == v for key, v in chosen.items())]
    assert rows
    return {row["holds_exact"] for row in rows}


def test_the_claim_depends_on_the_baseline():
    for weight in ("INT8", "INT4", "INT4_ZERO"):
        assert won(weight=weight, baseline="weight in BF16", k="1024") == {"no worse"}
        assert won(weight=weight, baseline="scale after") == {"worse"}
        assert won(weight=weight, baseline="float32") == {"worse"}
    assert won(weight="MXFP4", baseline="weight in BF16") == {"worse"}
    assert won(weight="MXFP4", baseline="MXFP8 ceil", family="normal", block_size="") == {
        "no worse"
    }
    assert won(weight="MXFP4", baseline="MXFP8 ceil", family="student_t", block_size="128") == {
        "worse"
    }
    assert won(weight="INT8", baseline="weight in BF16", family="outlier_per_row", k="65536") == {
        "worse"
    }


def crossing(study):
    return [row for row in map(numbers, study_rows(study)) if "predicted_ratio" in row]


def study_rows(study):
    rows = [row for row in committed("gemm_crossings") if row["study"].startswith(study)]
    assert rows
    return rows


def where_it_loses(rows, column):
    """Return the least parameter at which MSD's error is above the baseline's."""
    return min((row["value"] for row in rows if row[column] > 1), default=None)


@pytest.mark.parametrize("study", ["one outlier", "binade"])
def test_the_closed_form_predicts_the_crossing(study):
    rows = crossing(study)
    predicted = where_it_loses(rows, "predicted_ratio")
    assert predicted is not None
    assert where_it_loses(rows, "measured_ratio") == predicted
    for row in rows:
        assert row["measured_ratio"] == pytest.approx(row["predicted_ratio"], rel=0.2)


def test_long_k_does_not_save_msd_before_int32_overflows():
    for row in crossing("long k"):
        assert row["measured_ratio"] > 1
    assert crossings.long_k_crossing() > bounds.int32_overflow()


def test_crossings_in_closed_form():
    k = crossings.outlier_crossing()
    assert k == pytest.approx(34_510, rel=1e-3)


# The same bytes again


@pytest.mark.parametrize("name", ["gemm_crossings", "gemm_conditions"])
def test_same_seed_same_bytes(name):
    experiment = catalogue.CATALOGUE[name]
    first = experiment.table(quick=True)
    assert experiment.table(quick=True) == first
    rows = list(csv.DictReader(io.StringIO(first.partition("\n")[2])))
    assert all(exceeded(row) == [] for row in rows)


def test_another_seed_gives_other_numbers():
    experiment = catalogue.CATALOGUE["gemm_conditions"]
    assert experiment.table(quick=True, seed=1) != experiment.table(quick=True)


def test_jax_gives_the_same_errors():
    pytest.importorskip("jax")
    given = comparisons.operands("normal", "MXFP4", (8, 64, 8), np.random.default_rng(3))
    found = [
        products.decomposed(MXFP4_X2, on)(given, SEQUENTIAL)
        for on in (None, product_experiments._on_jax)
    ]
    assert (found[0].product.view(np.uint32) == found[1].product.view(np.uint32)).all()
    assert (found[0].bound == found[1].bound).all()


def test_tables_must_be_tables(tmp_path):
    with pytest.raises(ValueError, match="records must be one or more with equal columns"):
        tables.text([{"a": 1}, {"b": 1}], {})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n", "x.csv' must begin with"),
        (b"# {nope\na\n1\n", "x.csv' must begin with"),
        (b"\xff", "x.csv' must begin with"),
        (b"# {}\na,b\n1\n", "x.csv' must have columns, and a cell for each"),
        (b"# {}\n", "x.csv' must have columns"),
    ],
)
def test_a_damaged_table_is_named(tmp_path, content, message):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        tables.read(tmp_path / "x.csv")


# Bounds


def test_a_result_that_is_off_breaks_its_bound():
    """Errors are compared entry by entry: one wrong entry is seen."""
    given = comparisons.operands("normal", "INT8", (8, 64, 8), np.random.default_rng(1))
    result = products.decomposed(INT8_X2)(given, INT32)
    assert products.errors_of(given, result).ratio <= 1
    wrong = result.product.copy()
    wrong[3, 4] += 3e-4 * given.magnitude[3, 4]
    assert products.errors_of(given, products.Result(wrong, result.bound)).ratio > 1


def test_a_missing_term_comes_near_the_bound():
    given = comparisons.operands("normal", "MXFP4", (8, 64, 8), np.random.default_rng(1))
    whole = products.decomposed(MXFP4_X2)(given, EXACT)
    one = products.matmul(decompose_terms(given.x, MXFP4_X2)[0], given.weight, accumulator=EXACT)
    assert products.errors_of(given, products.Result(one, whole.bound)).ratio > 0.5
    assert products.errors_of(given, whole).ratio < 0.5


@pytest.mark.parametrize("accumulator", product_experiments.UNITS.values(), ids=lambda a: a.name)
@pytest.mark.parametrize("pair", ["INT8_X2 x INT4_ZERO", "MXFP4_X3 x MXFP4", "MXFP8_X1 x MXFP8"])
@pytest.mark.parametrize("family", ["student_t", "all_equal"])
def test_errors_of_hostile_inputs_are_within_bounds(pair, accumulator, family):
    scheme, weight = product_experiments.PAIRS[pair]
    if not product_experiments._defined(accumulator, weight):
        pytest.skip("not defined for these elements")
    rng = np.random.default_rng(7)
    given = comparisons.operands(family, weight, (4, 256, 4), rng)
    found = products.errors_of(given, products.decomposed(scheme)(given, accumulator))
    assert found.ratio <= 1


def test_roundings_by_hand():
    u, v = bounds.U32, Fraction(33, 2**13) + Fraction(1, 2**13)
    assert sum_roundings(SEQUENTIAL, 7) == Accumulation(6, u)
    assert sum_roundings(EXACT, 7) == sum_roundings(INT32, 7) == Accumulation(1, u)
    assert sum_roundings(Blocks(4, SEQUENTIAL), 10) == Accumulation(3 + 2, u)
    assert sum_roundings(CDNA1_FP16, 9) == Accumulation(3, u)
    assert sum_roundings(HOPPER_FP8, 65) == Accumulation(3, v, nearest=False)
    assert sum_roundings(CDNA3_FP8, 32) == Accumulation(2, Fraction(21, 2**24), nearest=False)
    # Four steps, and one more for seven roundings of binary32.
    assert sum_roundings(HOPPER_FP8_PROMOTED, 1024) == Accumulation(4 + 1, v, nearest=False)
    # Two segments of 127 sums, one sum across, two scales, one more term, one rounded scale.
    total = accumulation(SEQUENTIAL, 256, terms=2, scalings=2, segment=128, inputs=1)
    underflow = Fraction(2 * 2 * (128 + 2), 2**150)
    assert total == Accumulation(127 + 1 + 2 + 1 + 1, u, underflow=underflow)


def test_a_fused_unit_rounds_as_often_as_its_bound_says():
    """Every step but the first drops nearly half an ulp: the bound is nearly attained."""
    steps = 200
    a = np.zeros((1, 2 * steps), ml_dtypes.bfloat16)
    a[0, ::2] = 2.0**-24 * (1 - 2.0**-8)
    a[0, 0] = 1
    exact = a.astype(np.float64).sum()
    found = products.matmul(a, np.ones_like(a.T), accumulator=CDNA1_BF16)
    gamma = float(sum_roundings(CDNA1_BF16, 2 * steps).gamma)
    assert 0.9 * gamma * exact < exact - found[0, 0] <= gamma * exact


def test_combined_covers_the_product_of_errors():
    small, large = Accumulation(9, Fraction(1, 64)), Accumulation(3, Fraction(1, 16))
    both = combined(small, large)
    exact = (1 + Fraction(1, 64)) ** 9 * (1 + Fraction(1, 16)) ** 3
    assert exact <= (1 + both.unit_roundoff) ** both.roundings <= 1 + both.gamma
    assert both.roundings == 3 + 3


def test_ranges_cover_blocks():
    x = np.array([[3, -5, 0.5, 0.25], [0, 0, 4, 1]], np.float32)
    assert ranges(x, INT8_X2).tolist() == [[5] * 4, [4] * 4]
    scheme = covering_scheme("x", *[MXFP4_X2.formats[0].element] * 2, block_size=2)
    assert ranges(x, scheme).tolist() == [[8, 8, 0.5, 0.5], [0, 0, 4, 4]]


def test_bounds_at_each_range_cover_remainders():
    x = families.family("student_t").generate((16, 256), rng=np.random.default_rng(2))
    floor = covering_scheme("floor", MXFP8_X1.formats[0].element, rule=ScaleRule.FLOOR)
    for scheme in (INT8_X2, MXFP4_X2, MXFP8_X1, floor):
        left = decompose(x, scheme)
        error = np.abs(left.remainder.astype(np.float64)) / left.denominator
        assert (error <= remainders(x, scheme)).all()


def test_exact_values_are_exact():
    w = families.family("normal").generate((256, 3), rng=np.random.default_rng(4), fmt=BINARY32)
    for name, quantize in baselines.WEIGHTS.items():
        weight = quantize(w, None)
        values = exact_values(weight)
        assert (values.astype(np.float32) == weight.dequantize()).all(), name
    inner = baselines.WEIGHTS["INT8"](w, None)
    scale = [Fraction(float(s)) for s in inner.scales().ravel()]
    code = int(inner.integers()[5, 2])
    assert Fraction(float(exact_values(inner)[5, 2])) == code * scale[2]


def test_the_bound_with_nothing_rounded_is_the_remainder():
    x = np.array([[1, -2]], np.float32)
    right = Right(np.array([[1.0], [0.5]]), np.zeros((2, 1)))
    bound = theorem_gemm(x, INT8_X2, right, bounds.EXACT)
    assert bound == pytest.approx(2 * 1.5 / 64516, rel=1e-9)
    assert (theorem_gemm(x, None, right, bounds.EXACT) == 0).all()
    rounded = Right(right.magnitudes, right.least, Fraction(1, 256))
    assert theorem_gemm(x, None, rounded, bounds.EXACT) == pytest.approx(2 / 256, rel=1e-9)


def test_units_that_align_count_subnormals_as_normal():
    """By hand: of two elements, what the powers of two they count as are above them."""
    x = np.array([[1, -2]], np.float32)
    right = Right(np.array([[1.0], [1.0]]), np.array([[0.5], [0.25]]))
    nearest, aligned = (
        Accumulation(2, Fraction(1, 64), to_nearest) for to_nearest in (True, False)
    )

    def excess(scheme):
        pair = (theorem_gemm(x, scheme, right, adding)[0, 0] for adding in (aligned, nearest))
        return np.subtract(*pair) / float(nearest.gamma)

    assert excess(None) == pytest.approx(1 * 0.5 + 2 * 0.25)
    # alpha is 2: E4M3 has 2**-6 / 2**8 of it, weights are 1.5 and 1.25, |x| is alpha/32 off.
    left = 1 * 0.5 + 2 * 0.25 + 2 / 32 * 0.75
    both = 2 * 2.0**-14 * (1.5 + 1.25)
    assert excess(MXFP8_X1) == pytest.approx(left + both)


def test_condition_numbers_are_those_asked_for():
    for record in committed("gemm_conditions"):
        asked, found = float(record["condition_asked"]), float(record["condition_median"])
        assert asked / 1.5 < found < 1.5 * asked, record


def test_ill_conditioned_rows_are_bf16():
    x, w = comparisons.drawn("normal", (8, 128, 8), np.random.default_rng(5))
    rows = product_experiments.ill_conditioned(x, baselines.WEIGHTS["INT8"](w, None), 200.0)
    assert (rows == rows.astype(ml_dtypes.bfloat16).astype(np.float32)).all()
