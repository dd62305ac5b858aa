"""Rounding of many exact numbers at once to formats whose numbers are evenly spaced near each."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msdnum.formats.elements import FloatFormat, IntegerFormat, SpacedFormat
from msdnum.formats.modes import Overflow, Rounding

__all__ = ["check_rounding", "limited", "rounded_to_spacing"]

FloatArray = NDArray[np.float64]
Integers = NDArray[np.int64]


def check_rounding(fmt: SpacedFormat, overflow: Overflow, rounding: Rounding) -> None:
    """Raise where there is no one right answer in the format."""
    if rounding is Rounding.STOCHASTIC:
        raise ValueError("rounding must not be STOCHASTIC: a reference is not random")
    if isinstance(fmt, FloatFormat) and not (fmt.signed and fmt.subnormals):
        raise ValueError(f"fmt must be signed and have a zero, got {fmt.name}")
    if overflow is Overflow.OVERFLOW and fmt.nan_code is None:
        raise ValueError(f"overflow must be SATURATE for {fmt.name}, got OVERFLOW")


def rounded_to_spacing(
    significand: Integers, exponent: Integers, fmt: SpacedFormat, rounding: Rounding
) -> FloatArray:
    """Round ``significand * 2**exponent`` to the spacing of the format, exponent unbounded."""
    magnitude = abs(significand)
    shift = _quantum_exponent(magnitude, exponent, fmt) - exponent
    # Beyond 63 places nothing but "less than half" is left; below 0 nothing is discarded.
    right = np.clip(shift, 0, 63).astype(np.uint64)
    bits = magnitude.astype(np.uint64)
    down = bits >> right
    rest = bits - (down << right)
    half = (np.uint64(1) << right) >> np.uint64(1)
    negative = significand < 0
    up = _goes_up(down, rest, half, negative, rounding)
    places = exponent + np.maximum(shift, 0)
    with np.errstate(over="ignore"):
        rounded: FloatArray = np.ldexp((down + up).astype(np.float64), places)
    return np.where(negative, -rounded, rounded)


def _quantum_exponent(magnitude: Integers, exponent: Integers, fmt: SpacedFormat) -> Any:
    """Return the exponent of the spacing of the format around ``magnitude * 2**exponent``."""
    if isinstance(fmt, IntegerFormat):
        return -fmt.fraction_bits
    length = np.frexp(magnitude.astype(np.float64))[1].astype(np.int64)
    length -= magnitude >> np.maximum(length - 1, 0) == 0  # the conversion has rounded up
    return np.maximum(length - 1 + exponent, fmt.emin) - fmt.fraction_bits


def _goes_up(
    down: NDArray[np.uint64],
    rest: NDArray[np.uint64],
    half: NDArray[np.uint64],
    negative: NDArray[np.bool_],
    rounding: Rounding,
) -> NDArray[np.bool_]:
    up: dict[Rounding, NDArray[np.bool_]] = {
        Rounding.RNE: (rest > half) | ((rest == half) & (down % 2 == 1)),
        Rounding.RNA: rest >= half,
        Rounding.RTZ: np.zeros_like(negative),
        Rounding.RTP: ~negative,
        Rounding.RTN: negative,
    }
    return (rest > 0) & up[rounding]


def limited(x: FloatArray, fmt: SpacedFormat, overflow: Overflow) -> FloatArray:
    """Replace what exceeds the format's range."""
    if isinstance(fmt, IntegerFormat):
        return np.clip(x, fmt.min_integer * fmt.eta, fmt.max_finite) + 0.0
    if not fmt.has_negative_zero:
        x = x + 0.0
    if overflow is Overflow.SATURATE:
        return np.clip(x, -fmt.max_finite, fmt.max_finite)
    excess = np.copysign(math.inf, x) if fmt.specials.inf else math.nan
    return np.where(abs(x) > fmt.max_finite, excess, x)
