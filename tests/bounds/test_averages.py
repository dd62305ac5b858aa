"""RMS errors in closed form: against integrals over the rationals, and against samples."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import iv

from msdnum import bounds
from msdnum.bounds import averages
from msdnum.formats.elements import E2M1, E4M3, E5M2, INT8, INT8_SYMMETRIC
from msdnum.formats.modes import ScaleRule
from tests.support.bounds import SCALED, names, parts, remainder

# Averages


def test_rms_error_closed_forms():
    """MXFP8: ``1 - 21858095488 / (31556720475 log 2)``. Two-pass MXFP4, uniform: 7/196608."""
    with localcontext() as context:
        context.prec = 40
        e4m3 = (1 - Decimal(21858095488) / Decimal(31556720475) / Decimal(2).ln()).sqrt()
    for binade in range(14):
        assert bounds.rms_error([E4M3], binade=binade).relative == float(e4m3)
    assert bounds.rms_error([E2M1] * 2).uniform == math.sqrt(7 / 196608)
    assert bounds.rms_error([E2M1]).relative == pytest.approx(
        math.sqrt(1 - 24 / (35 * math.log(2))), rel=1e-13
    )


def one_binade(elements, binade=0):
    """Integrate ``(x - v)**2 / x**3`` over one binade, less log 2, over the rationals."""

    def primitive(v, x):
        return 2 * v / x - v**2 / (2 * x**2)

    scales, high = averages._scales(elements, ScaleRule.COVERING), Fraction(1, 2**binade)
    cells = averages._cells(elements, scales, high / 2, high)
    return sum(primitive(v, b) - primitive(v, a) for v, a, b in cells)


def closed_form(precision):
    """Evaluate S_p of proofs/rms-error, one pass of a format with this precision."""
    n, half = 2 ** (precision - 1), Fraction(1, 2)
    inner = sum((v * half - v**3) / (v * v - half**2) ** 2 for v in range(n + 1, 2 * n))
    low = 2 * n / (n + half) - n**2 / (2 * (n + half) ** 2)
    high = 4 * n / (2 * n - half) - 2 * n**2 / (2 * n - half) ** 2
    return inner + low - high


def test_rms_error_over_the_rationals():
    assert one_binade([E2M1]) == closed_form(2) == Fraction(-24, 35)
    assert one_binade([E4M3]) == closed_form(4) == Fraction(-21858095488, 31556720475)


BY_BITS = ["MXFP4", "MXFP4_X2", "MXFP4_X3", "MXFP8"]


@pytest.mark.parametrize(
    ("elements", "digits"),
    [
        ((E2M1,), [3272, 3272, 2355, 922]),
        ((E2M1,) * 2, [6598, 6236, 5238, 4245]),
        ((E2M1,) * 3, [9848, 9236, 8236, 7236]),
        ((E4M3,), [5238] * 4),
    ],
    ids=BY_BITS,
)
def test_the_bits_in_intervals(elements, digits):
    """Every rounding enclosed: all decimals are right, the paper's 6.598 and 5.238 among them."""
    for binade, expected in enumerate(digits):
        total = one_binade(elements, binade)
        mean = 1 + iv.mpf(total.numerator) / iv.mpf(total.denominator) / iv.log(2)
        found = -iv.log(mean) / (2 * iv.log(2))
        assert expected - 0.5 < 1000 * found.a
        assert 1000 * found.b < expected + 0.5
        assert found.a < bounds.rms_error(elements, binade=binade).bits + 1e-12 < found.b + 2e-12


@pytest.mark.parametrize(
    ("elements", "mean"),
    [
        ((E2M1,), Fraction(5, 1536)),
        ((E2M1,) * 2, Fraction(7, 196608)),
        ((E2M1,) * 3, Fraction(11, 25165824)),
        ((E4M3,), Fraction(314146179365, 1688849860263936)),
    ],
    ids=BY_BITS,
)
def test_uniform_means_are_fractions(elements, mean):
    """Remainders of the specification, squared: three points of a cell give its integral."""
    cells = averages._cells(
        elements, averages._scales(elements, ScaleRule.COVERING), Fraction(0), Fraction(1)
    )

    def squared(x):
        return remainder(x, Fraction(1), elements) ** 2

    total = Fraction(0)
    for v, a, b in cells:
        ends = (a - v) ** 2 + (b - v) ** 2
        total += (b - a) * (ends + 4 * squared((a + b) / 2)) / 6
    assert total == mean
    assert bounds.rms_error(elements).uniform == pytest.approx(math.sqrt(mean), rel=1e-15)


def test_the_papers_effective_bits():
    """One definition on one input gives the 6.6, the 5.24 and the 16."""
    two_pass = [bounds.rms_error([E2M1] * 2, binade=b).bits for b in range(4)]
    assert [f"{bits:.3f}" for bits in two_pass] == ["6.598", "6.236", "5.238", "4.245"]
    assert f"{bounds.rms_error([E4M3]).bits:.3f}" == "5.238"
    int8 = bounds.rms_error([INT8_SYMMETRIC] * 2, rule=ScaleRule.AMAX)
    assert f"{int8.bits:.3f}" == "16.213"
    assert int8.uniform_bits == pytest.approx(math.log2(64516), rel=1e-12)


@pytest.mark.parametrize("elements", [(E2M1,) * 2, (E4M3, E2M1), *SCALED[1:4]], ids=names)
@given(part=parts(), width=st.integers(4, 12))
def test_rms_error(elements, part, width):
    """The cells it integrates over are adjacent, and the specification rounds each to its value."""
    rule = ScaleRule.AMAX if elements in SCALED else ScaleRule.COVERING
    high = abs(part)
    low = high * (1 - Fraction(1, 2**width))
    cells = averages._cells(elements, averages._scales(elements, rule), low, high)
    for v, a, b in islice(cells, 6):
        assert low == a <= b <= high
        middle, low = (a + b) / 2, b
        assert remainder(middle, Fraction(1), elements, rule) == abs(middle - v)
    assert low == high or next(cells, None)


@pytest.mark.parametrize("binade", [0, 1, 3, 9])
@pytest.mark.parametrize("elements", [(E2M1,) * 2, (E5M2,), (E2M1,), (E4M3, E2M1)], ids=names)
def test_rms_error_of_samples(elements, binade):
    """The mean over 599 points, log-uniform or uniform, of the specification's errors."""
    centres = (np.arange(599) + 0.5) / 599
    logs = [Fraction(2.0 ** -(binade + t)) for t in centres]
    error = bounds.rms_error(elements, binade=binade)
    relative = [remainder(x, Fraction(1), elements) / x for x in logs]
    uniform = [remainder(Fraction(x), Fraction(1), elements) for x in centres]
    for xs, expected in ((relative, error.relative), (uniform, error.uniform)):
        assert math.sqrt(np.mean([float(x) ** 2 for x in xs])) == pytest.approx(expected, rel=0.05)


def test_rms_error_of_full_int8():
    """The missing code of the symmetric format is not a value; the full format has it."""
    assert bounds.rms_error([INT8_SYMMETRIC], rule=ScaleRule.AMAX) == bounds.rms_error(
        [INT8], rule=ScaleRule.AMAX
    )


@pytest.mark.parametrize(
    ("terms", "binade"), [(2, 2), (2, 4), (3, 8), (3, 10)], ids=str
)  # fmt: skip
def test_cells_that_are_alike_are_summed_at_once(terms, binade, monkeypatch):
    elements = [INT8_SYMMETRIC] * terms
    at_once = bounds.rms_error(elements, rule=ScaleRule.AMAX, binade=binade)
    monkeypatch.setattr(averages, "MANY", 10**9)
    monkeypatch.setattr(averages, "_cubes", lambda *given: Fraction(3))
    one_by_one = bounds.rms_error(elements, rule=ScaleRule.AMAX, binade=binade)
    assert at_once.relative == one_by_one.relative
    step = 127 * 254 ** (terms - 1)
    assert at_once.uniform == pytest.approx(1 / step / math.sqrt(12), rel=1e-15)
