"""Block formats of the paper, and what they make of rows."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.blocks import quantize
from msdnum.emulator.transforms import inverse, transform
from msdnum.formats.blocks import MXFP4, MXFP8_E4M3, MXINT8, NVFP4, BlockFormat
from msdnum.formats.elements import INT4, IntegerFormat
from msdnum.formats.modes import ScaleRule
from msdnum.formats.transforms import Hadamard, random_signs

__all__ = [
    "INT4_SYMMETRIC", "MXFP4_UP", "MXFP8_UP", "MXINT4_UP", "MXINT8_SYMMETRIC", "MXINT8_UP",
    "NVFP4_FORMAT", "NVINT4", "outliers", "snr",
]  # fmt: skip

INT4_SYMMETRIC = IntegerFormat("INT4_SYMMETRIC", 4, -7)
MXINT8_SYMMETRIC = IntegerFormat("MXINT8_SYMMETRIC", 8, -127, 6)
UP = ScaleRule.RCEIL
MXINT8_UP = replace(MXINT8, name="MXINT8", element=MXINT8_SYMMETRIC, rule=UP)
MXFP8_UP = replace(MXFP8_E4M3, name="MXFP8", rule=UP)
MXINT4_UP = replace(MXFP4, name="MXINT4", element=INT4_SYMMETRIC, rule=UP)
MXFP4_UP = replace(MXFP4, name="MXFP4", rule=UP)
NVFP4_FORMAT = NVFP4
NVINT4 = replace(NVFP4, name="NVINT4", element=INT4)


def snr(
    x: NDArray[np.float32], fmt: BlockFormat, rotation: int | None = None, seed: int = 0
) -> float:
    """Return signal over error in dB, of rows rotated in blocks of that length, or not.

    The seed is that of the signs of the rotation.
    """
    how = Hadamard(rotation, random_signs(rotation, seed)) if rotation else None
    y = quantize(x if how is None else transform(x, how), fmt).dequantize()
    restored = y if how is None else inverse(y, how)
    wide = x.astype(np.float64)
    return 10 * float(np.log10(np.sum(wide**2) / np.sum((restored - wide) ** 2)))


def outliers(family: str, seed: int, shape: tuple[int, int] = (256, 1024)) -> NDArray[np.float32]:
    """Return rows: normal, Student's t with 3 degrees of freedom, or 8 channels times 30."""
    rng = np.random.default_rng([seed, len(family)])
    if family == "student_t3":
        return rng.standard_t(3, shape).astype(np.float32)
    x = rng.standard_normal(shape)
    if family == "outlier_channels":
        x[:, rng.permutation(shape[1])[:8]] *= 30
    return x.astype(np.float32)
