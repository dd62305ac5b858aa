"""The judges of GEMM and attention: references exact, bounds obeyed, broken products seen."""

import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from msdnum import bounds, spec
from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import SEQUENTIAL
from msdnum.formats.elements import E8M0
from msdnum.inputs.families import family
from msdnum.ledger.findings import Verdict
from msdnum.trials.toolkit import products
from msdnum.trials.toolkit.products import GEMM_CASES

EACH_CASE = pytest.mark.parametrize("case", GEMM_CASES, ids=lambda case: case.name)


def normal(rows, k, seed=3):
    return family("normal").generate((rows, k), rng=np.random.default_rng(seed))


@EACH_CASE
def test_every_product_obeys_its_bound(case):
    finding = case.judge(seed=1)
    assert finding.verdict is Verdict.HOLDS
    assert finding.ratio <= 1
    assert re.search(r"at random they cancel: 0\.1\d+ on ", finding.notes[1])


@EACH_CASE
def test_worst_remainders_nearly_attain_the_bound(case):
    assert (0.9 if case.accumulator is SEQUENTIAL else 0.98) < case.worst_ratio() <= 1


def test_exact_sums_of_worst_remainders_attain_the_bound():
    assert 1 - 1e-5 < GEMM_CASES[0].worst_ratio() <= 1


def specified(row, fmt):
    """Return the numbers that a row of the weight is quantized to, in fractions."""
    size = 32 if fmt.scale == E8M0 else len(row)
    found = []
    for block in (row[i : i + size] for i in range(0, len(row), size)):
        scale, codes = spec.quantize_block([Fraction(float(x)) for x in block], fmt)
        step = spec.number(spec.decode(scale, fmt.scale))
        found += [step * spec.number(spec.decode(code, fmt.element)) for code in codes]
    return found


@EACH_CASE
def test_measured_sums_are_exact(case):
    x, w = normal(2, 64), normal(3, 64, seed=4)
    error, product, span = case.measured(x, w)
    for i in range(2):
        for j in range(3):
            column = specified(w[j], case.weight)
            row = [Fraction(float(v)) for v in x[i]]
            exact = sum(abs(p * q) for p, q in zip(row, column, strict=True))
            assert float(exact) == product[i, j]
            amax = max(map(abs, row))
            assert span[i, j] <= 2 * amax * sum(map(abs, column))
            assert span[i, j] >= product[i, j]
    assert error.shape == (2, 3)


@EACH_CASE
def test_the_bound_is_that_of_the_theorem(case):
    x, w = normal(1, 96), normal(1, 96, seed=4)
    error, product, span = (float(part[0, 0]) for part in case.measured(x, w))
    accumulation = case.accumulation(96 * case.scheme.terms)
    promised = float(bounds.gemm(case.residuals, accumulation).at(product, span))
    if accumulation.nearest:
        assert case.ratio(x, w) == pytest.approx(error / promised, rel=1e-12)
    else:
        # Products count with at least the powers that they are aligned to: a little more.
        assert 0.99 * error / promised < case.ratio(x, w) < error / promised


def test_ranges_are_those_of_blocks():
    x = np.zeros((1, 64), np.float32)
    x[0, 3], x[0, 40] = -1.5, 4.0
    assert products._ranges(x, products.MXFP4_X2)[0, [0, 40]].tolist() == [2.0, 4.0]
    assert products._ranges(x, products.INT8_X2_FLOAT32)[0, [0, 40]].tolist() == [4.0, 4.0]


@EACH_CASE
def test_a_product_that_loses_a_term_is_seen(case, monkeypatch):
    def first_term_only(terms, b, **options):
        return matmul(terms[:1], b, **options)

    monkeypatch.setattr(products, "matmul", first_term_only)
    assert case.judge(seed=1).verdict is Verdict.FAILS


def test_a_bound_that_is_too_small_is_seen():
    case = replace(GEMM_CASES[0], residuals=(Fraction(1, 8), Fraction(1, 65)))
    assert case.worst_ratio() > 1
    assert case.judge(seed=1).verdict is Verdict.FAILS


def test_bounds_computed_along_are_met_and_tighter(monkeypatch):
    finding = products.judge_running(seed=1)
    assert finding.verdict is Verdict.HOLDS
    assert 1 - 2.0**-40 < finding.ratio <= 1
    least, largest = finding.notes[1].split(" times")[0].split(" to ")
    assert float(largest) > 30 > float(least) >= 2
    monkeypatch.setattr(products, "running_product", halved(products.running_product))
    assert products.judge_running(seed=1).verdict is Verdict.FAILS


def halved(function):
    def wrong(*arguments):
        found = function(*arguments)
        return replace(found, bound=found.bound / 2)

    return wrong


@pytest.mark.parametrize(
    ("digits", "k"), [((127, 8), 2_113_665), ((12, 12), 14_913_080), ((1, 1), 2**31 - 1)]
)
def test_the_int32_threshold_is_where_the_largest_products_fit(digits, k, monkeypatch):
    finding = products.judge_int32_threshold(*digits)
    assert (finding.verdict, finding.found) == (Verdict.HOLDS, f"K = {k:,}")
    for wrong in (k - 1, k + 1):
        monkeypatch.setattr(bounds, "int32_overflow", lambda a, b, wrong=wrong: wrong)
        assert products.judge_int32_threshold(*digits).verdict is Verdict.FAILS


def test_the_int32_threshold_is_found(monkeypatch):
    assert products.judge_int32_overflow().verdict is Verdict.HOLDS
    monkeypatch.setattr(bounds, "int32_overflow", lambda: 133_143)
    assert products.judge_int32_overflow().verdict is Verdict.FAILS
