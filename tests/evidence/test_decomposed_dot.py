"""``theorem_gemm`` computes the closed statements of an entry, flushed or not, sum by sum.

The oracle is the statement written out in fractions, with the remainders of theorems
mxfp4-decomposition and int8-decomposition.
"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from msdnum import bounds, spec
from msdnum.evidence.product_bounds import Right, theorem_gemm
from msdnum.formats.elements import BINARY32, E2M1
from msdnum.formats.schemes import INT8_X2, MXFP4_X2

TINY = Fraction(1, 2**100)
# Large, so that no sum of the statement is too small to be seen beside another.
ROUNDED = bounds.Accumulation(3, Fraction(1, 64), underflow=TINY)
ALIGNED = bounds.Accumulation(3, Fraction(1, 64), nearest=False, underflow=TINY)
FLUSHING = bounds.Accumulation(3, Fraction(1, 64), underflow=TINY, flushes=True)
W_LEAST = Fraction(1, 8)
FP16_NORMAL = Fraction(1, 2**14)
NUMBERS = st.integers(-255, 255).map(lambda n: n / 64)


def remainders(scheme, row):
    """Return the bound on what is left after each of two terms."""
    amax = max(map(abs, row))
    if scheme is INT8_X2:
        return [bounds.int8_decomposition(amax, terms) for terms in (1, 2)]
    alpha = Fraction(2) ** spec.ceil_log2(amax)
    return [bounds.mxfp4_decomposition(alpha, terms) for terms in (1, 2)]


def least(scheme, row):
    """Return the smallest normal numbers of both terms, scaled, together."""
    if scheme is INT8_X2:
        return Fraction(0)
    scale = Fraction(2) ** (spec.ceil_log2(max(map(abs, row))) - E2M1.emax)
    return (scale + scale / 8) * Fraction(E2M1.min_normal)


def statement(scheme, row, column, right, adding):
    """Return the right side of the statement; alignment counts only where the unit aligns."""
    left = remainders(scheme, row)
    lost, carried, gamma = left[-1], 2 * sum(left) - left[-1], adding.gamma
    low = Fraction(0) if adding.nearest else least(scheme, row)
    w_low = Fraction(0) if adding.nearest else W_LEAST
    pairs = [(abs(x), abs(w)) for x, w in zip(row, column, strict=True)]
    total = sum(lost * w for _, w in pairs)
    off = [right.error * w + right.absolute for _, w in pairs]
    total += sum((x + lost) * e for (x, _), e in zip(pairs, off, strict=True))
    counted = ((x + carried + low) * (w + e + w_low) for (x, w), e in zip(pairs, off, strict=True))
    total += gamma * sum(counted)
    if adding.flushes:
        total += sum(
            min(x + carried, 2 * FP16_NORMAL) * (w + e) + (x + carried) * min(w + e, FP16_NORMAL)
            for (x, w), e in zip(pairs, off, strict=True)
        )
    return total + adding.underflow * (1 + gamma)


@pytest.mark.parametrize(
    "adding", [ROUNDED, ALIGNED, FLUSHING], ids=["rounded", "aligned", "flushing"]
)
@pytest.mark.parametrize("scheme", [MXFP4_X2, INT8_X2], ids=lambda scheme: scheme.name)
@given(
    pairs=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8),
    error=st.sampled_from([Fraction(0), Fraction(1, 4)]),
    absolute=st.sampled_from([Fraction(0), Fraction(1, 2)]),
)
def test_the_bound_is_the_closed_statement(scheme, adding, pairs, error, absolute):
    row, column = zip(*[(Fraction(x), Fraction(w)) for x, w in pairs], strict=True)
    if not any(row):
        return
    b = np.array([[float(abs(w))] for w in column])
    right = Right(b, np.full_like(b, float(W_LEAST)), error, absolute=absolute * (error > 0))
    dtype = np.float16 if adding.flushes else np.float32
    found = theorem_gemm(np.array([row], dtype), scheme, right, adding)[0, 0]
    promised = statement(scheme, row, column, right, adding)
    assert promised <= Fraction(found) <= promised * (1 + Fraction(1, 10**12))


@pytest.mark.parametrize("size", [1.0, 2.0**60])
def test_there_is_no_bound_where_a_result_could_overflow(size):
    """Counted are magnitudes, with the growth of the errors: up to the largest finite number."""
    x, growth = np.array([[size, size]], np.float32), 1 + ROUNDED.gamma
    largest = float(Fraction(BINARY32.max_finite) / growth / 2 / Fraction(size))

    def bound(weight):
        return theorem_gemm(x, None, Right(np.full((2, 1), weight), np.zeros((2, 1))), ROUNDED)

    assert np.isfinite(bound(largest * (1 - 2.0**-40)))
    assert np.isinf(bound(largest * (1 + 2.0**-40)))


def test_a_scale_that_magnifies_underflow_can_overflow():
    """The magnitudes are far from it; the sum before its scale is not, once that is applied."""
    x, w = np.array([[1]], np.float32), np.array([[2.0**-20]])
    right = Right(w, np.zeros((1, 1)), outside=np.array([[2.0**-20]]))
    assert np.isfinite(theorem_gemm(x, None, right, ROUNDED))
    magnified = Right(w * 2.0**140, np.zeros((1, 1)), outside=np.array([[2.0**127]]))
    finite = bounds.Accumulation(3, Fraction(1, 64))
    huge = bounds.Accumulation(3, Fraction(1, 64), underflow=Fraction(4))
    assert np.isfinite(theorem_gemm(x, None, magnified, finite))
    assert np.isinf(theorem_gemm(x, None, magnified, huge))
