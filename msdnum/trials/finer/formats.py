"""Formats of the trial: E2M1 by scales of several formats, with and without a tensor scale."""

from dataclasses import replace

from msdnum.formats.blocks import NVFP4
from msdnum.formats.elements import FloatFormat, NonNumbers
from msdnum.formats.other_elements import UE5M3

__all__ = ["BY_E4M3", "BY_UE5M3", "FULL_SCALE", "WIDE_SCALE"]

WIDE_SCALE = FloatFormat(
    "UE7M3", 7, 3, specials=NonNumbers.NAN, signed=False, source="UE5M3 with a range without end"
)
"""The precision of E4M3 and a range that nothing here leaves: twice the sigma is the same."""
BY_E4M3 = replace(NVFP4, name="E2M1 by E4M3", tensor_scale=False)
BY_UE5M3 = replace(BY_E4M3, name="E2M1 by UE5M3", scale=UE5M3)
FULL_SCALE = NVFP4.element.max_finite * NVFP4.scale.max_finite
"""What a tensor scale makes of the largest element of a tensor: 6 times 448."""
