"""Digits: quotients by binary32 scales, rounded to binary32 and then to integers."""

import numpy as np

from msdnum.emulator import backend, binary32, bit_patterns, element_rounding, elements
from msdnum.emulator.backend import Array
from msdnum.emulator.machine_modes import flushes_subnormals
from msdnum.emulator.shared_scales import zero_unless
from msdnum.formats.elements import ElementFormat, IntegerFormat
from msdnum.formats.modes import Overflow

__all__ = ["digits_over"]


def digits_over(x: Array, scale: Array, element: ElementFormat) -> tuple[Array, ...]:
    """Return the codes of quotients, and their numbers; 0 where the scale is 0 or NaN."""
    xp, pattern = backend.namespace(x), scale.view(np.int32)
    usable = (pattern != 0) & ~bit_patterns.is_nan(pattern)
    if isinstance(element, IntegerFormat) and not backend.is_jax(x) and not flushes_subnormals():
        return _natively(x, scale, usable, element)
    quotient = binary32.divide(x, scale).view(xp.int32)
    codes = element_rounding.encode_scaled(quotient, 0, element, Overflow.SATURATE)
    codes = zero_unless(usable, codes)
    return codes, elements.decode(codes, element)


def _natively(x: Array, scale: Array, usable: Array, element: IntegerFormat) -> tuple[Array, ...]:
    """Return the same by NumPy's own division and rounding, which are correctly rounded."""
    with np.errstate(all="ignore"):
        digit = np.rint(x / np.where(usable, scale, np.float32(np.inf)))
        np.clip(digit, element.min_integer, element.max_integer, out=digit)
        digit[~usable[:, 0]] = 0
    return digit.astype(np.int16).astype(np.uint8) & ((1 << element.bits) - 1), digit
