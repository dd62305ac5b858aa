"""Inner products with Inf, NaN and the largest numbers: what each step of a unit makes of them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from msdnum.conformance.unit_dots import DotSetting, UnitDots, drawn
from msdnum.emulator.gemm.plans import HAVE_STEPS
from msdnum.formats.elements import FloatFormat

__all__ = ["INFINITE", "infinite_dots"]

INFINITE = "Inf and NaN"
"""Name of the topic."""


def infinite_dots(setting: DotSetting, count: int, seed: int) -> Iterator[UnitDots]:
    """Yield about ``count`` inner products, for units whose steps decide: one step and three.

    Nothing is drawn for formats that have neither, and whose largest numbers cannot overflow.

    Parameters
    ----------
    setting : DotSetting
        The unit and its formats.
    count, seed : int
        How many, and where draws begin.
    """
    if not isinstance(setting.accumulator, HAVE_STEPS) or setting.scale is not None:
        return
    for i, dots in enumerate(drawn(setting, 8 * count, seed)):
        if dots.topic != "near one":
            return
        rng = np.random.default_rng((seed, 1000 + i))
        a, b = (
            _with_infinities(rng, codes, fmt)
            for codes, fmt in zip(dots.codes, (setting.a, setting.b), strict=True)
        )
        yield UnitDots(INFINITE, (a, b), None, _starts(rng, setting, dots.c))


def _with_infinities(
    rng: np.random.Generator, codes: NDArray[np.unsignedinteger], fmt: FloatFormat
) -> NDArray[np.unsignedinteger]:
    """Put in a few places the largest numbers, Inf and NaN: the last codes of either sign."""
    last, sign = 2 ** (fmt.bits - 1) - 1, rng.integers(0, 2, codes.shape) << (fmt.bits - 1)
    places = rng.random(codes.shape) < 2 / codes.shape[1]
    infinity = last & (-1 << fmt.fraction_bits)
    largest = infinity - rng.integers(1, 1 + (1 << fmt.fraction_bits), codes.shape)
    nan = last - rng.integers(0, max(1, (1 << fmt.fraction_bits) - 1), codes.shape)
    draw = rng.random(codes.shape)
    chosen = np.where(draw < 0.5, largest, np.where(draw < 0.95, infinity, nan)) | sign
    return np.where(places, chosen.astype(codes.dtype), codes)


def _starts(
    rng: np.random.Generator, setting: DotSetting, c: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Make a tenth of the accumulators infinite.

    Not of CDNA3's FP8: MMA-Sim gives Inf the exponent that ``frexp`` leaves unspecified, 0 in fact,
    and drops it as it drops a small c.
    """
    if not c.any() or getattr(setting.accumulator, "drops_accumulator", False):
        return c
    infinite = np.copysign(np.float32(np.inf), c)
    return np.where(rng.random(len(c)) < 0.1, infinite, c)
