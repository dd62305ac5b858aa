"""Block formats against the tables of the standards, and the registries."""

from dataclasses import replace

import pytest

from msdnum.formats import blocks, elements
from msdnum.formats.blocks import BLOCK_FORMATS, MXFP4, NVFP4, BlockFormat
from msdnum.formats.elements import (
    BINARY32,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    E8M0,
    ELEMENT_FORMATS,
    INT4,
    INT8_SYMMETRIC,
    MXINT8_ELEMENT,
    ElementFormat,
)
from msdnum.formats.modes import ScaleRule

# OCP MX v1.0, table 1, and the formats that are not OCP's.
BLOCKS = {
    "MXFP4": (E2M1, E8M0, 32, ScaleRule.FLOOR, False),
    "MXFP6_E2M3": (E2M3, E8M0, 32, ScaleRule.FLOOR, False),
    "MXFP6_E3M2": (E3M2, E8M0, 32, ScaleRule.FLOOR, False),
    "MXFP8_E4M3": (E4M3, E8M0, 32, ScaleRule.FLOOR, False),
    "MXFP8_E5M2": (E5M2, E8M0, 32, ScaleRule.FLOOR, False),
    "MXINT8": (MXINT8_ELEMENT, E8M0, 32, ScaleRule.FLOOR, False),
    "NVFP4": (E2M1, E4M3, 16, ScaleRule.AMAX, True),
    "INT8_ROW": (INT8_SYMMETRIC, BINARY32, None, ScaleRule.AMAX, False),
    "INT8_GROUP": (INT8_SYMMETRIC, BINARY32, 128, ScaleRule.AMAX, False),
    "INT4_GROUP": (INT4, BINARY32, 128, ScaleRule.AMAX, False),
}


def test_block_formats() -> None:
    got = {
        name: (f.element, f.scale, f.block_size, f.rule, f.tensor_scale)
        for name, f in BLOCK_FORMATS.items()
    }
    assert got == BLOCKS


def test_registries_and_exports_hold_every_format_under_its_name() -> None:
    everything = {
        name: value
        for name, value in {**vars(elements), **vars(blocks)}.items()
        if isinstance(value, ElementFormat | BlockFormat)
    }
    assert everything == {**ELEMENT_FORMATS, **elements.UNIT_FORMATS, **BLOCK_FORMATS}
    assert set(everything) <= {*elements.__all__, *blocks.__all__}
    assert all(fmt.name == name for name, fmt in everything.items() if name != "MXINT8_ELEMENT")


def test_block_formats_that_cannot_be() -> None:
    for size in (0, -1):
        with pytest.raises(ValueError, match=f"block_size must be positive or None, got {size}"):
            replace(MXFP4, block_size=size)
    with pytest.raises(ValueError, match="rule must be AMAX exactly when the scale is not E8M0"):
        replace(MXFP4, rule=ScaleRule.AMAX)
    with pytest.raises(ValueError, match="got FLOOR with E4M3 for 'NVFP4'"):
        replace(NVFP4, rule=ScaleRule.FLOOR)
    assert replace(MXFP4, block_size=1).block_size == 1


def test_block_formats_that_mean_nothing():
    with pytest.raises(ValueError, match="element must have a sign, got E8M0"):
        BlockFormat("X", E8M0, E8M0, 32, ScaleRule.FLOOR)
    with pytest.raises(ValueError, match="scale must have a NaN, got E2M1"):
        BlockFormat("X", E2M1, E2M1, 32, ScaleRule.AMAX)
