"""The exponential of attention: one whose bits are stated, and that of each backend.

Backends do not agree on the bits of an exponential, and none of them states its error. ``STATED``
is a sequence of binary32 operations, each rounded once, so that NumPy and JAX give the same bits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np

from msdnum.emulator import backend, bit_patterns
from msdnum.emulator.backend import Array

__all__ = ["NATIVE", "STATED", "Exponential"]


@dataclass(frozen=True)
class Exponential:
    """A function that rounds ``e**x`` in binary32, for x from -Inf to 0.

    Parameters
    ----------
    name : str
        Name in tables.
    function : callable
        From an array of float32 to one of its shape. It must give 1 for 0, 0 for -Inf, NaN for NaN.
    ulps : float
        Largest error in ulp where the result is normal. Below 2**-126 the error is at most that.
    """

    name: str
    function: Callable[[Array], Array]
    ulps: float

    @property
    def relative_error(self) -> float:
        """Largest relative error of a normal result: an ulp is at most ``2**-23`` of it."""
        return self.ulps * 2.0**-23


LOWEST = np.float32(-104)
"""Here and below the result is nearer to 0 than to the least subnormal number."""
LOG2_E = np.float32(1.44269504088896341)
LN_2_HIGH = np.float32(0.693359375)
"""Of 9 bits: its product with an exponent is exact."""
LN_2_LOW = np.float32(-2.12194440e-4)
COEFFICIENTS = tuple(
    map(np.float32, (1.98756915e-4, 1.39819995e-3, 8.33345191e-3, 4.16657959e-2, 1.66666655e-1,
                     5.00000012e-1))
)  # fmt: skip
"""Of ``(e**r - 1 - r) / r**2`` for ``abs(r) <= log(2) / 2``, the highest power first (Cephes)."""


def _stated(x: Array) -> Array:
    """Return ``2**n * e**r`` with ``x = n * log(2) + r``."""
    xp = backend.namespace(x)
    clipped = xp.where(x > LOWEST, x, LOWEST)
    # JAX does not know that this is zero: a product that it is added to cannot be fused into a sum.
    zero = (clipped > 0).astype(np.int32)

    def times(a: Array, b: Array | np.float32) -> Array:
        return ((a * b).view(np.int32) + zero).view(np.float32)

    n = xp.round(times(clipped, LOG2_E))
    r = (clipped - times(n, LN_2_HIGH)) - times(n, LN_2_LOW)
    series = reduce(lambda y, c: times(y, r) + c, COEFFICIENTS)
    y = (times(times(r, r), series) + r) + np.float32(1)
    parts = bit_patterns.fields(y.view(np.int32))
    exponent = parts.exponent + n.astype(np.int32) - bit_patterns.FRACTION_BITS
    power = bit_patterns.compose(parts.negative, parts.significand, exponent)
    return xp.where(xp.isnan(x), np.float32(np.nan), power)


def _native(x: Array) -> Array:
    with np.errstate(all="ignore"):
        return backend.namespace(x).exp(x)


STATED = Exponential("STATED", _stated, 0.982)
"""The same bits on NumPy and JAX; 0.98196 ulp at C2A2CA22, the worst of all binary32 numbers from
-104 to 0."""
NATIVE = Exponential("NATIVE", _native, 2.541)
"""What the backend calls ``exp``. Measured on x86-64 with AVX-512 for all binary32 numbers from
-104 to -2**-27: NumPy 2.4 errs by 2.5408 ulp at C2781E37, XLA of jax 0.10 by 1.0104 at C0BC17A1,
and flushes results below 2**-126 to zero."""
