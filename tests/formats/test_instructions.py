"""Instructions: presets that refuse what hardware does not take, and those with block scales."""

import ml_dtypes
import numpy as np
import pytest

from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.products import matmul, transposed
from msdnum.formats.accumulators import (
    ALL_ACCUMULATORS,
    BLACKWELL_MX,
    BLACKWELL_MXFP4,
    CDNA3_FP8,
    HOPPER,
    HOPPER_FP8_PROMOTED,
    HOPPER_TF32,
    SEQUENTIAL,
    MatrixUnit,
)
from msdnum.formats.blocks import MXFP4, MXFP8_E4M3, BlockFormat
from msdnum.formats.elements import E2M1, E4M3, E8M0
from msdnum.formats.instructions import (
    BLACKWELL_MXF4,
    BLACKWELL_MXF4NVF4,
    BLACKWELL_MXF8F6F4,
    BLOCK_SCALED,
    TAKEN_BY_PRESETS,
    as_instruction,
)
from msdnum.formats.modes import ScaleRule

X = np.random.default_rng(0).standard_normal((4, 128)).astype(np.float32)
FP4_BY_16 = BlockFormat("E2M1 by 16", E2M1, E8M0, 16, ScaleRule.FLOOR)
UNSCALED_NVFP4 = BlockFormat("NVFP4 without tensor scale", E2M1, E4M3, 16, ScaleRule.AMAX)


def product(fmt, unit):
    a = quantize(X, fmt)
    return matmul(a, transposed(a), accumulator=unit)


@pytest.mark.parametrize("name", TAKEN_BY_PRESETS)
def test_a_preset_as_instruction_refuses_other_elements(name):
    unit = as_instruction(ALL_ACCUMULATORS[name])
    assert unit.instruction
    assert unit.name == name
    assert as_instruction(unit) is unit
    refused = X.astype(ml_dtypes.float8_e4m3b11fnuz)
    with pytest.raises(ValueError, match=f"accumulator {name} takes elements of .* no others"):
        matmul(refused, refused.T, accumulator=unit)


def test_blocks_of_an_instruction_refuse_them_too():
    x = X.astype(ml_dtypes.bfloat16)
    with pytest.raises(ValueError, match="takes elements of E4M3 or E5M2, got BF16"):
        matmul(x, x.T, accumulator=as_instruction(HOPPER_FP8_PROMOTED))
    assert as_instruction(HOPPER_TF32) is HOPPER_TF32


@pytest.mark.parametrize("unit", [SEQUENTIAL, CDNA3_FP8, MatrixUnit("HOPPER", 4, 20)], ids=repr)
def test_what_no_instruction_computes_is_none(unit):
    assert unit != HOPPER
    with pytest.raises(ValueError, match="must be a preset of one instruction, VOLTA, "):
        as_instruction(unit)


def test_a_name_is_no_accumulator():
    with pytest.raises(TypeError, match=r"accumulator must be one of .*, got 'HOPPER'"):
        as_instruction("HOPPER")


@pytest.mark.parametrize(
    ("fmt", "unit", "same"),
    [
        (MXFP8_E4M3, BLACKWELL_MXF8F6F4, BLACKWELL_MX),
        (MXFP4, BLACKWELL_MXF8F6F4, BLACKWELL_MX),
        (MXFP4, BLACKWELL_MXF4, BLACKWELL_MXFP4),
        (MXFP4, BLACKWELL_MXF4NVF4, BLACKWELL_MXFP4),
        (FP4_BY_16, BLACKWELL_MXF4NVF4, BLACKWELL_MXFP4),
        (UNSCALED_NVFP4, BLACKWELL_MXF4NVF4, BLACKWELL_MXFP4),
    ],
    ids=lambda x: x.name,
)
def test_block_scaled_instructions_compute_as_their_units_do(fmt, unit, same):
    np.testing.assert_array_equal(product(fmt, unit), product(fmt, same))


@pytest.mark.parametrize(
    ("fmt", "unit", "message"),
    [
        (FP4_BY_16, BLACKWELL_MXF8F6F4, "E8M0 by 32, got E8M0 by 16 beside E2M1"),
        (FP4_BY_16, BLACKWELL_MXF4, "E8M0 by 32, got E8M0 by 16 beside E2M1"),
        (UNSCALED_NVFP4, BLACKWELL_MXF4, "E8M0 by 32, got E4M3 by 16 beside E2M1"),
        (MXFP8_E4M3, BLACKWELL_MXF4, "takes elements of E2M1, got E4M3"),
    ],
    ids=lambda x: getattr(x, "name", ""),
)
def test_other_scales_and_elements_are_refused(fmt, unit, message):
    with pytest.raises(ValueError, match=message):
        product(fmt, unit)


def test_elements_without_scales_are_refused():
    x = X.astype(ml_dtypes.float8_e4m3fn)
    with pytest.raises(ValueError, match="takes scales inside of E8M0 by 32, got"):
        matmul(x, x.T, accumulator=BLACKWELL_MXF8F6F4)


def test_a_block_longer_than_k_is_one_block():
    a = quantize(X[:, :16], MXFP4)
    matmul(a, transposed(a), accumulator=BLACKWELL_MXF4)


def test_each_has_an_instruction_and_a_source():
    assert all(unit.instruction and unit.source and unit.takes for unit in BLOCK_SCALED.values())
    assert not set(BLOCK_SCALED) & set(ALL_ACCUMULATORS)
