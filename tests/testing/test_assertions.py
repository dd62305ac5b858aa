"""Assertions pass what is right in every format, and say of what is not where, in bits."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import settings

from msdnum import BLOCK_FORMATS, ELEMENT_FORMATS, encode, quantize, round_to
from msdnum.formats import NF4
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import BINARY32, E2M1, E4M3, E5M2, E8M0, FP16, INT8, FloatFormat
from msdnum.formats.modes import Overflow, Rounding, ScaleRule
from msdnum.testing import assert_conforms, assertions

MXFP4, NVFP4 = BLOCK_FORMATS["MXFP4"], BLOCK_FORMATS["NVFP4"]
SATURATE = Overflow.SATURATE
E3M2_BLOCKS = BlockFormat("SMALL", FloatFormat("E3M2_", 3, 2), E8M0, 4, ScaleRule.EVEN)
QUICK = {"examples": 30}


def parts(fmt):
    def quantizer(x):
        found = quantize(x, fmt)
        some = {"scale": found.scale_codes, "codes": found.codes}
        return some if found.tensor_scale is None else some | {"tensor_scale": found.tensor_scale}

    return quantizer


def fails(function, fmt, **options):
    with pytest.raises(AssertionError) as caught:
        assert_conforms(function, fmt, **options)
    return str(caught.value)


@pytest.fixture
def drawn_alone(monkeypatch):
    """Leave out the vectors, so that what is found was drawn, the same each time."""
    monkeypatch.setattr(assertions, "groups_of", lambda fmt: ())
    before = settings.get_current_profile_name()
    settings.load_profile("ci")
    yield
    settings.load_profile(before)


@pytest.mark.parametrize("fmt", ELEMENT_FORMATS.values(), ids=lambda fmt: fmt.name)
@pytest.mark.parametrize("strict", [False, True])
def test_the_emulator_casts_as_it_should(fmt, strict):
    if fmt == BINARY32:
        return
    overflow = Overflow.OVERFLOW if fmt.bits == 16 else SATURATE
    options = {"overflow": overflow, "strict": strict, **QUICK}
    assert_conforms(lambda x: encode(x, fmt, overflow=overflow), fmt, **options)


@pytest.mark.parametrize("rounding", [r for r in Rounding if r is not Rounding.STOCHASTIC])
@pytest.mark.parametrize("fmt", [E5M2, FloatFormat("E2M3_", 2, 3)], ids=lambda fmt: fmt.name)
def test_values_do_as_well_as_codes_in_every_direction(fmt, rounding):
    modes = {"rounding": rounding, "overflow": SATURATE}
    assert_conforms(lambda x: round_to(x, fmt, **modes), fmt, **modes, **QUICK)


@pytest.mark.parametrize("fmt", [MXFP4, NVFP4, E3M2_BLOCKS], ids=lambda fmt: fmt.name)
@pytest.mark.parametrize("strict", [False, True])
def test_the_emulator_quantizes_as_it_should(fmt, strict):
    assert_conforms(parts(fmt), fmt, strict=strict, **QUICK)
    assert_conforms(lambda x: quantize(x, fmt).dequantize(), fmt, strict=strict, **QUICK)


def test_another_rule_is_another_quantizer():
    covering = replace(MXFP4, rule=ScaleRule.CEIL)
    assert_conforms(parts(covering), MXFP4, rule=ScaleRule.CEIL, **QUICK)
    assert "quantize/MXFP4/FLOOR/" in fails(parts(covering), MXFP4, **QUICK)


def test_a_tuple_is_scale_and_codes():
    def pair(x):
        found = quantize(x, MXFP4)
        return found.scale_codes, found.codes

    assert_conforms(pair, MXFP4, **QUICK)


def test_signed_integers_are_codes():
    assert_conforms(lambda x: encode(x, INT8, overflow=SATURATE).view(np.int8), INT8, **QUICK)


# What is wrong


def test_a_wrong_tie_is_said_in_bits_with_its_source():
    text = fails(lambda x: encode(x, E2M1, overflow=SATURATE) + (x == 0.25), E2M1)
    assert text.splitlines()[0].endswith(
        "/3E800000: x 0x3E800000 (1/4): codes expected 0x0 (0), got 0x1 (1/2)"
    )
    assert "decided by OCP MX v1.0, 5.3.3" in text


def test_a_wrong_tie_is_found_by_drawing_too(drawn_alone):
    text = fails(lambda x: encode(x, E2M1, overflow=SATURATE) + (x == 0.25), E2M1)
    assert "x 0x3E800000 (1/4): codes expected 0x0 (0), got 0x1 (1/2)" in text


def by_logarithm(x):
    """Quantize as who takes the exponent from a binary32 logarithm."""
    amax = np.abs(x).max()
    if not np.isfinite(amax) or not amax:
        found = quantize(x, MXFP4)
        return found.scale_codes, found.codes
    exponent = max(int(np.floor(np.log2(amax))) - 2, -127)
    scaled = np.ldexp(x.astype(np.float64), -exponent).astype(np.float32)
    return np.uint8([exponent + 127]), encode(scaled, E2M1, overflow=SATURATE)


def test_a_wrong_scale_is_said_with_the_block():
    text = fails(by_logarithm, MXFP4)
    assert "quantize/MXFP4/FLOOR/amax-below-power-of-two/" in text
    assert "scale expected 0x18" in text


@pytest.mark.long
def test_a_wrong_scale_shrinks_to_one_element(drawn_alone):
    """A binary32 logarithm is wrong just below large powers of two."""
    text = fails(by_logarithm, MXFP4, examples=1000)
    place, pattern = text.partition("drawn/")[2].partition(":")[0].split("-")
    assert place == "0"
    assert (int(pattern, 16) + 1) % 2**23 < 128


def wrong_code(x):
    found = quantize(x, MXFP4)
    return found.scale_codes, found.codes ^ (found.codes == 5)


def test_a_wrong_element_shrinks_to_it_and_to_its_amax(drawn_alone):
    text = fails(wrong_code, MXFP4, examples=1000)
    names = text.partition("drawn/")[2].partition(":")[0].split(",")
    assert len(names) <= 2


def test_what_is_left_open_is_compared_only_where_it_is_asked_for():
    def without_negative_zero(x):
        return encode(x, E2M1, overflow=SATURATE) & np.where(abs(x) <= 0.25, 7, 15)

    assert_conforms(without_negative_zero, E2M1, **QUICK)
    assert "left open by OCP MX v1.0, 5.3.3 (no sentence keeps the sign of zero: kept)" in fails(
        without_negative_zero, E2M1, strict=True
    )


def test_what_has_no_answer_is_to_be_refused():
    text = fails(lambda x: encode(np.nan_to_num(x), E2M1, overflow=SATURATE), E2M1, strict=True)
    assert "nan" in text
    assert "expected refusal, got array" in text


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda x: x[1:], r"function must return (\d+) elements for \1, got \d+"),
        (lambda x: x * np.float64(1.1), "function must return numbers that float32 holds"),
        (lambda x: None, "function must return numbers or codes, got None"),
        (lambda x: "E2M1", "function must return numbers or codes, got 'E2M1'"),
    ],
)
def test_what_is_no_result_is_a_type_error(result, message):
    with pytest.raises(TypeError, match=message):
        assert_conforms(result, E2M1)


def test_an_exception_of_the_function_is_passed_on():
    with pytest.raises(NameError, match="nothing"):
        assert_conforms(lambda x: nothing, E2M1)  # noqa: F821


@pytest.mark.parametrize(
    ("fmt", "options", "message"),
    [
        (E2M1, {"rule": ScaleRule.CEIL}, "rule must be None for an element format, got CEIL"),
        (E2M1, {"overflow": Overflow.OVERFLOW}, "overflow must be SATURATE for E2M1, got OVERFLOW"),
        (BINARY32, {}, "fmt must be narrower than binary32, got BINARY32"),
        (E4M3, {"rounding": Rounding.STOCHASTIC}, "rounding must be a direction, got STOCHASTIC"),
        (FP16, {"examples": 0}, "examples must be positive, got 0"),
    ],
)
def test_wrong_use_is_refused(fmt, options, message):
    with pytest.raises(ValueError, match=message):
        assert_conforms(lambda x: encode(x, fmt, overflow=SATURATE), fmt, **options)


def test_what_is_no_format_is_refused():
    with pytest.raises(TypeError, match="fmt must be an element or a block format, got 'MXFP4'"):
        assert_conforms(lambda x: x, "MXFP4")


NF4_BLOCKS = BlockFormat("NF4_BLOCKS", NF4, BINARY32, 8, ScaleRule.AMAX)
TILES = BlockFormat("TILES", E2M1, E8M0, 4, ScaleRule.FLOOR, rows=2)


def test_formats_by_table_and_tiles_are_known():
    """Numbers of a tile come row after row."""
    assert_conforms(lambda x: encode(x, NF4, overflow=SATURATE), NF4, **QUICK)
    for fmt in (NF4_BLOCKS, TILES):

        def rows(x, fmt=fmt):
            found = quantize(x.reshape(-1, fmt.block_size) if fmt.rows > 1 else x, fmt)
            return found.scale_codes.ravel(), found.codes.ravel()

        assert_conforms(rows, fmt, **QUICK)
    off = np.float32(1.01)
    found = fails(lambda x: encode(x * off, NF4, overflow=SATURATE), NF4, **QUICK)
    assert "encode/NF4/RNE/SATURATE/" in found
