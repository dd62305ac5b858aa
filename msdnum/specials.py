"""Inf and NaN in a sum of products, whatever the accumulator: as IEEE 754 has it."""

import numpy as np

from msdnum import bits
from msdnum.bits import Array
from msdnum.exact_sums import dot
from msdnum.factors import Factor, Kind, scaled_elements

__all__ = ["specials", "with_specials", "without_specials"]


def _values(x: Factor) -> Array:
    """Return values of the right sign and class: Inf, NaN, 0 or finite."""
    xp = bits.namespace(x.elements)
    value = scaled_elements(x)
    return value if x.nan is None else xp.where(x.nan, np.float32(np.nan), value)


def _is_special(x: Factor, kind: Kind) -> Array:
    """Return where the elements with their scales inside are Inf or NaN."""
    if not kind.has_specials and x.nan is None and x.scales is None:
        return np.zeros((), bool)
    return ~bits.namespace(x.elements).isfinite(_values(x))


def without_specials(x: Factor, kind: Kind) -> Factor:
    """Replace what is Inf or NaN by zero."""
    xp = bits.namespace(x.elements)
    special = _is_special(x, kind)
    if not bits.is_jax(special) and not special.any():
        return x._replace(nan=None)
    scales = None if x.scales is None else xp.where(special, np.float32(1), x.scales)
    cleared = xp.where(special, np.float32(0), x.elements)
    return x._replace(elements=cleared, scales=scales, nan=None)


def specials(a: Factor, b: Factor, kinds: tuple[Kind, Kind]) -> Array | None:
    """Return a matrix that is Inf or NaN where the product is, and finite elsewhere."""
    found = _is_special(a, kinds[0]).any() | _is_special(b, kinds[1]).any()
    if not bits.is_jax(found):
        return dot(_signs(a), _signs(b)) if found else None
    import jax

    zeros = jax.numpy.zeros((a.elements.shape[0], b.elements.shape[1]), np.float32)
    return jax.lax.cond(found, lambda: dot(_signs(a), _signs(b)), lambda: zeros)


def _signs(x: Factor) -> Array:
    """Return the values with -1, 0 and 1 in place of the finite ones."""
    xp = bits.namespace(x.elements)
    value = _values(x)
    return xp.where(xp.isfinite(value), xp.sign(value), value)


def with_specials(result: Array, special: Array | None) -> Array:
    """Return ``result`` where ``special`` is finite, else ``special``."""
    if special is None:
        return result
    xp = bits.namespace(result)
    return xp.where(xp.isfinite(special), result, special)
