"""Hypothesis strategies, the hostile inputs first, and checks of a quantizer in one call."""

from msdnum.testing.assertions import assert_conforms
from msdnum.testing.designs import (
    block_formats,
    element_formats,
    float_formats,
    overflows,
    random_block_formats,
    random_element_formats,
    random_schemes,
    random_units,
    roundings,
    scale_rules,
)
from msdnum.testing.hostile_blocks import BLOCK_KINDS, FINITE_KINDS, bfloat16, blocks, rows, shapes
from msdnum.testing.numbers import (
    bfloat16_bits,
    codes,
    finite_values,
    float32_bits,
    midpoints,
    near_midpoints,
)

__all__ = [
    "BLOCK_KINDS", "FINITE_KINDS", "assert_conforms", "bfloat16", "bfloat16_bits", "block_formats",
    "blocks", "codes", "element_formats", "finite_values", "float32_bits", "float_formats",
    "midpoints", "near_midpoints", "overflows", "random_block_formats", "random_element_formats",
    "random_schemes", "random_units", "roundings", "rows", "scale_rules", "shapes",
]  # fmt: skip
