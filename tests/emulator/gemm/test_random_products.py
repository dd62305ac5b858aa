"""Random formats, codes, scales, shapes and accumulators against the scalar oracle, in NumPy."""

from dataclasses import replace

import ml_dtypes
import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from msdnum import spec
from msdnum.emulator.gemm.products import matmul
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import (
    ACCUMULATORS,
    BLACKWELL_MXFP4,
    EXACT,
    SEQUENTIAL,
    Blocks,
    Cdna3Unit,
    FusedUnit,
    Int32,
    MatrixUnit,
    PairwiseUnit,
)
from msdnum.formats.blocks import MXFP4, MXFP6_E2M3, MXFP8_E4M3, MXINT8, BlockFormat
from msdnum.formats.elements import BF16, E2M1, E4M3, E8M0, IntegerFormat
from msdnum.formats.modes import ScaleRule
from tests.support.gemm_oracle import float_numbers, inner_product, quantized_numbers

FORMATS = [MXFP4, MXFP6_E2M3, MXFP8_E4M3, MXINT8]
NUMBERS = {
    fmt.element: [
        code for code in fmt.element.codes if not isinstance(spec.decode(code, fmt.element),
                                                             spec.Special)
    ]
    for fmt in FORMATS
}  # fmt: skip
ANY = [a for a in ACCUMULATORS.values() if not isinstance(a, Int32) and a != BLACKWELL_MXFP4]

accumulators = st.one_of(
    st.sampled_from(ANY),
    st.builds(MatrixUnit, st.just("unit"), st.integers(1, 40), st.integers(1, 25),
              st.integers(1, 23)),
    st.builds(Cdna3Unit, st.just("unit"), st.sampled_from([4, 8, 16]), st.sampled_from([1, 2]),
              st.integers(10, 24), st.just(31), st.booleans()),
    st.builds(FusedUnit, st.just("unit"), st.integers(1, 8)),
    st.builds(PairwiseUnit, st.just("unit"), st.sampled_from([1, 2, 4, 8])),
    st.builds(Blocks, st.integers(1, 50), st.sampled_from([SEQUENTIAL, MatrixUnit("u", 5, 13)])),
    st.just(Blocks(8, EXACT)),
)  # fmt: skip


@st.composite
def factors(draw, k, block, axis):
    """Return a factor with random codes, and scales in a window that may lie anywhere."""
    fmt = draw(st.sampled_from(FORMATS))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows = draw(st.integers(1, 3))
    codes = rng.choice(NUMBERS[fmt.element], size=(rows, k)).astype(np.uint8)
    codes[rng.random(codes.shape) < draw(st.sampled_from([0, 0.5]))] = 0
    blocks = -(-k // block)
    middle, width = draw(st.integers(0, 254)), draw(st.sampled_from([1, 6, 30, 254]))
    scales = np.clip(middle + rng.integers(-width, width, (rows, blocks)), 0, 254)
    fmt = replace(fmt, block_size=min(block, k))
    scales = scales.astype(np.uint8)
    if axis == -1:
        return QuantizedArray(codes, scales, None, fmt, axis)
    return QuantizedArray(codes.T.copy(), scales.T.copy(), None, fmt, axis)


@st.composite
def problems(draw):
    k, block = draw(st.integers(1, 70)), draw(st.sampled_from([8, 16, 32]))
    return draw(factors(k, block, -1)), draw(factors(k, block, -2)), draw(accumulators)


def magnitude(a, b):
    return sum(abs(x.value * y.value) for x, y in zip(a, b, strict=True))


@settings(max_examples=120)
@given(problems())
def test_products(problem):
    a, b, accumulator = problem
    wide = {a.format.element.name, b.format.element.name} - {"E2M1", "E2M3", "MXINT8_ELEMENT"}
    assume(not (wide and accumulator == Blocks(32, EXACT) and a.format.block_size < 32))
    if isinstance(accumulator, Blocks) and accumulator.inner == EXACT:
        assume(a.format.block_size % accumulator.size == 0 or a.format.block_size == a.shape[-1])
    found = matmul(a, b, accumulator=accumulator)
    check(found, quantized_numbers(a, -1), quantized_numbers(b, -2), accumulator)


def check(found, left, right, accumulator):
    for i, row in enumerate(left):
        for j, column in enumerate(right):
            if magnitude(row, column) < 2**126:
                expected = inner_product(row, column, accumulator)
                assert expected == spec.number(spec.from_float(float(found[i, j])))


@st.composite
def grouped_problems(draw):
    """Return E2M1 factors with E8M0 or E4M3 scales."""
    k, block = draw(st.integers(1, 150)), draw(st.sampled_from([16, 32]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    found = []
    for axis in (-1, -2):
        scale, top = draw(st.sampled_from([(E8M0, 254), (E4M3, 126)]))
        rows, blocks = draw(st.integers(1, 3)), -(-k // block)
        middle, width = draw(st.integers(0, top)), draw(st.sampled_from([1, 20, 254]))
        scales = np.clip(middle + rng.integers(-width, width, (rows, blocks)), 0, top)
        codes = rng.integers(0, 16, (rows, k)).astype(np.uint8)
        rule = ScaleRule.FLOOR if scale is E8M0 else ScaleRule.AMAX
        fmt = BlockFormat("random", E2M1, scale, min(block, k), rule)
        arrays = [codes, scales.astype(np.uint8)]
        arrays = arrays if axis == -1 else [v.T.copy() for v in arrays]
        found.append(QuantizedArray(*arrays, None, fmt, axis))
    return found


@settings(max_examples=60)
@given(grouped_problems())
def test_grouped_products(problem):
    a, b = problem
    found = matmul(a, b, accumulator=BLACKWELL_MXFP4)
    check(found, quantized_numbers(a, -1), quantized_numbers(b, -2), BLACKWELL_MXFP4)


@st.composite
def float_problems(draw):
    """Return BF16 matrices of any bit patterns in a window of exponents."""
    k = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    found = []
    for rows in (draw(st.integers(1, 3)), draw(st.integers(1, 3))):
        low = draw(st.integers(0, 240))
        fields = np.clip(
            rng.integers(low, low + draw(st.sampled_from([1, 12, 60])), (rows, k)), 0, 254
        )
        patterns = rng.integers(0, 2, (rows, k)) << 15 | fields << 7
        patterns |= rng.integers(0, 128, (rows, k))
        found.append(patterns.astype(np.uint16).view(ml_dtypes.bfloat16))
    return *found, draw(accumulators.filter(lambda a: EXACT not in (getattr(a, "inner", None),)))


@settings(max_examples=80)
@given(float_problems())
def test_float_products(problem):
    a, b, accumulator = problem
    found = matmul(a, b.T.copy(), accumulator=accumulator)
    check(found, float_numbers(a, BF16), float_numbers(b, BF16), accumulator)


def test_integers_of_the_specification_and_the_formats_agree():
    for fmt in FORMATS:
        assert isinstance(fmt.element, IntegerFormat) or fmt.element.max_finite in {
            float(spec.number(spec.decode(code, fmt.element))) for code in NUMBERS[fmt.element]
        }
