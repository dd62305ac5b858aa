"""Blocks of the specification: rules by hand, and NumPy's float32 arithmetic."""

from dataclasses import replace
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from msdnum import spec
from msdnum.formats.blocks import (
    INT4_GROUP,
    INT8_ROW,
    MXFP4,
    MXFP8_E4M3,
    MXINT8,
    NVFP4,
    BlockFormat,
)
from msdnum.formats.elements import (
    BINARY32,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    E8M0,
    INT8_SYMMETRIC,
    MXINT8_ELEMENT,
    ElementFormat,
)
from msdnum.formats.modes import Arithmetic, Rounding, ScaleRule
from msdnum.spec.numbers import Special
from tests.support.spec import ETA, LARGEST, NAMES, SAT, as_float, block, float32s, pattern

# Blocks -----------------------------------------------------------------------------------------

RULES = [
    # amax, element, FLOOR, CEIL, RCEIL, EVEN
    ("4", E2M1, 0, 0, 0, 0), ("4.001", E2M1, 0, 1, 0, 0), ("6", E2M1, 0, 1, 0, 0),
    ("6.001", E2M1, 0, 1, 1, 0), ("6.999", E2M1, 0, 1, 1, 0), ("7", E2M1, 0, 1, 1, 1),
    ("7.999", E2M1, 0, 1, 1, 1), ("8", E2M1, 1, 1, 1, 1), ("3.999", E2M1, -1, 0, 0, 0),
    ("448", E4M3, 0, 1, 0, 0), ("448.1", E4M3, 0, 1, 1, 0), ("496", E4M3, 0, 1, 1, 1),
    ("57344", E5M2, 0, 1, 0, 0), ("61440", E5M2, 0, 1, 1, 1), ("7.5", E2M3, 0, 1, 0, 0),
    ("7.75", E2M3, 0, 1, 1, 1), ("28", E3M2, 0, 1, 0, 0), ("1", MXINT8_ELEMENT, 0, 0, 0, 0),
    ("1.984375", MXINT8_ELEMENT, 0, 1, 0, 0), ("1.9921875", MXINT8_ELEMENT, 0, 1, 1, 1),
    ("1.99", MXINT8_ELEMENT, 0, 1, 1, 0),
]  # fmt: skip


@pytest.mark.parametrize(("amax", "element", "floor", "ceil", "rceil", "even"), RULES, **NAMES)
def test_scale_rules(
    amax: str, element: ElementFormat, floor: int, ceil: int, rceil: int, even: int
) -> None:
    expected = {
        ScaleRule.FLOOR: floor, ScaleRule.CEIL: ceil, ScaleRule.RCEIL: rceil, ScaleRule.EVEN: even
    }  # fmt: skip
    for rule, exponent in expected.items():
        for binade in (-40, 0, 40):
            scaled = Fraction(amax) * Fraction(2) ** binade
            assert spec.shared_exponent(scaled, element, rule) == exponent + binade


@pytest.mark.parametrize("rule", [ScaleRule.FLOOR, ScaleRule.CEIL, ScaleRule.RCEIL, ScaleRule.EVEN])
def test_scales_at_the_ends_of_e8m0(rule: ScaleRule) -> None:
    fmt = replace(MXFP4, rule=rule)
    assert spec.shared_scale(ETA, fmt) == 0
    assert spec.shared_scale(Fraction(1, 2**126), fmt) == 0
    assert spec.shared_scale(Fraction(0), fmt) == 0
    top = spec.shared_scale(LARGEST, fmt)
    assert top == (252 if rule is ScaleRule.FLOOR else 253)
    mxint8 = spec.shared_scale(LARGEST, replace(MXINT8, rule=rule))
    assert mxint8 == 254  # CEIL would be 2**128


def test_one_ulp_below_a_power_of_two_keeps_its_binade() -> None:
    """A float log2 rounds up there in 243 of 247 binades (peers)."""
    for exponent in range(-100, 100):
        amax = Fraction(2) ** exponent * (1 - Fraction(1, 2**24))
        assert spec.shared_scale(amax, MXFP4) == exponent - 1 - 2 + 127


def test_an_ocp_block_by_hand() -> None:
    code, codes = spec.quantize_block(block(5, -0.3, 0, Special.NEGATIVE_ZERO, 7.9, "0.124"), MXFP4)
    assert code == 127
    assert codes == [0x6, 0x9, 0x0, 0x8, 0x7, 0x0]
    assert spec.dequantize_block(code, codes, MXFP4) == block(
        4, -0.5, 0, Special.NEGATIVE_ZERO, 6, 0
    )


def test_a_scale_exponent_applies_exactly() -> None:
    code, codes = spec.quantize_block(block("1.5", "0.2"), MXFP8_E4M3)
    assert (code, codes) == (119, [0x7C, 0x65])  # 384 and 52 (51.2) times 2**-8
    assert spec.dequantize_block(code, codes, MXFP8_E4M3) == [Fraction(3, 2), Fraction(52, 256)]


@pytest.mark.parametrize("fmt", [MXFP4, MXFP8_E4M3, MXINT8, NVFP4, INT8_ROW, INT4_GROUP], **NAMES)
@pytest.mark.parametrize("bad", [Special.NAN, Special.INFINITY, Special.NEGATIVE_INFINITY])
def test_a_block_with_nan_or_inf_is_nan(fmt: BlockFormat, bad: Special) -> None:
    tensor = spec.tensor_scale([Fraction(1)], fmt)
    code, codes = spec.quantize_block([Fraction(1), bad], fmt, tensor=tensor)
    assert code == {E8M0: 0xFF, E4M3: 0x7F, BINARY32: 0x7FC00000}[fmt.scale]
    assert codes == [0, 0]
    assert spec.dequantize_block(code, codes, fmt, tensor=tensor) == [Special.NAN] * 2


@pytest.mark.parametrize("fmt", [MXFP4, MXFP8_E4M3, MXINT8, NVFP4, INT8_ROW, INT4_GROUP], **NAMES)
def test_a_zero_block(fmt: BlockFormat) -> None:
    zeros = [Fraction(0), Special.NEGATIVE_ZERO]
    tensor = spec.tensor_scale(zeros, fmt)
    code, codes = spec.quantize_block(zeros, fmt, tensor=tensor)
    assert code == 0
    minus = {MXFP4: 0x8, NVFP4: 0x8, MXFP8_E4M3: 0x80}.get(fmt, 0)
    assert codes == [0, minus]
    sign = Special.NEGATIVE_ZERO if minus else Fraction(0)
    assert spec.dequantize_block(code, codes, fmt, tensor=tensor) == [Fraction(0), sign]


def test_covering_scale_of_the_largest_number_dequantizes_to_infinity() -> None:
    fmt = replace(MXFP4, rule=ScaleRule.COVERING)
    code, codes = spec.quantize_block([LARGEST, -LARGEST], fmt)
    assert (code, codes) == (253, [0x6, 0xE])
    assert spec.dequantize_block(code, codes, fmt) == [Special.INFINITY, Special.NEGATIVE_INFINITY]


def float32_division(x: np.ndarray, scale: np.float32) -> np.ndarray:
    with np.errstate(all="ignore"):
        return x / scale


@given(st.lists(float32s, min_size=1, max_size=6))
def test_int8_rows_are_numpys_float32_arithmetic(numbers: list[float]) -> None:
    x = np.array(numbers, np.float32)
    scale = np.abs(x).max() / np.float32(127)
    code, codes = spec.quantize_block([spec.from_float(v) for v in numbers], INT8_ROW)
    assert code == pattern(scale)
    digits = np.zeros(x.shape, np.int8)
    if scale:
        digits = np.clip(np.rint(float32_division(x, scale)), -127, 127).astype(np.int8)
    assert codes == digits.view(np.uint8).tolist()
    with np.errstate(all="ignore"):
        expected = digits.astype(np.float32) * scale
    got = spec.dequantize_block(code, codes, INT8_ROW)
    assert [as_float(v).tobytes() for v in got] == [v.tobytes() for v in expected]


@given(st.lists(float32s, min_size=16, max_size=32), st.data())
def test_nvfp4_is_numpys_float32_arithmetic(numbers: list[float], data: st.DataObject) -> None:
    outlier = data.draw(st.sampled_from([1.0, 2.0**10, 2.0**20]))
    numbers = [np.clip(n * outlier, -3e38, 3e38) if i == 20 else n for i, n in enumerate(numbers)]
    x = np.array(numbers, np.float32)
    values = [spec.from_float(float(v)) for v in x]
    tensor = spec.tensor_scale(values, NVFP4)
    t = np.abs(x).max() / np.float32(6) / np.float32(448)
    assert spec.to_float32_bits(tensor) == pattern(t)
    first = x[:16]
    scale = np.zeros((), ml_dtypes.float8_e4m3fn)
    with np.errstate(all="ignore"):
        if t:
            ideal = np.abs(first).max() / np.float32(6) / t
            scale = np.minimum(ideal, np.float32(448)).astype(ml_dtypes.float8_e4m3fn)
        effective = scale.astype(np.float32) * t
        divisor = effective if effective else np.float32(np.inf)
        expected = (first / divisor).astype(ml_dtypes.float4_e2m1fn)
        product = expected.astype(np.float32) * effective
    code, codes = spec.quantize_block(values[:16], NVFP4, tensor=tensor)
    assert code == int(scale.view(np.uint8))
    assert codes == expected.view(np.uint8).tolist()
    got = spec.dequantize_block(code, codes, NVFP4, tensor=tensor)
    assert [as_float(v).tobytes() for v in got] == [v.tobytes() for v in product]


def test_a_quotient_by_a_float_scale_is_rounded_to_binary32_first() -> None:
    """The true quotient is just above 64.5 and binary32 has the tie; likewise 17/16 for NVFP4."""
    amax, x = spec.from_float32_bits(0x3FD187F6), spec.from_float32_bits(0x3F54D4B0)
    assert spec.number(x) / spec.number(spec.fl32(amax / 127)) > Fraction(129, 2)
    assert spec.quantize_block([amax, x], INT8_ROW)[1] == [127, 64]
    d = spec.decompose_amax([amax, x], [INT8_SYMMETRIC], Arithmetic.FLOAT32)
    assert d.codes == ((127, 64),)
    tensor = Fraction(2**23 + 15)
    ideal = (17 * tensor + 1) / 16
    assert spec.encode(ideal / tensor, E4M3, overflow=SAT) == 0x39
    assert spec.shared_scale(6 * ideal, NVFP4, tensor) == 0x38


def test_the_tensor_scale_ignores_what_is_not_finite() -> None:
    values = [Fraction(2688), Special.INFINITY, Special.NAN]
    assert spec.tensor_scale(values, NVFP4) == 1
    assert spec.tensor_scale(values, MXFP4) is None


def test_stochastic_blocks_take_one_word_for_each_element() -> None:
    codes = spec.quantize_block(
        block(4, "2.5", "2.5"), MXFP4, rounding=Rounding.STOCHASTIC, random=[0, 2**31 - 1, 2**31]
    )[1]
    assert codes == [0x6, 0x5, 0x4]
