"""Inf and NaN in a product, whatever the accumulator: as IEEE 754 has it for the sum."""

import numpy as np

from msdnum import bits
from msdnum.bits import Array
from msdnum.exact_sums import dot
from msdnum.factors import Factor, Kind

__all__ = ["specials", "with_specials", "without_specials"]


def _is_special(x: Factor, kind: Kind) -> Array:
    """Return where the elements or their scales inside are Inf or NaN."""
    xp = bits.namespace(x.elements)
    found = np.zeros((), bool) if x.nan is None else x.nan
    if x.scales is not None:
        found = found | xp.isnan(x.scales)
    if kind.has_specials:
        found = found | ~xp.isfinite(x.elements)
    return found


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
        return dot(_signs(a, kinds[0]), _signs(b, kinds[1])) if found else None
    import jax

    zeros = jax.numpy.zeros((a.elements.shape[0], b.elements.shape[1]), np.float32)
    return jax.lax.cond(found, lambda: dot(_signs(a, kinds[0]), _signs(b, kinds[1])), lambda: zeros)


def _signs(x: Factor, kind: Kind) -> Array:
    """Return the elements with -1, 0 and 1 in place of the finite ones."""
    xp = bits.namespace(x.elements)
    signs = xp.sign(x.elements).astype(np.float32)
    if kind.integer:
        return signs
    special = xp.where(xp.isinf(x.elements), x.elements, np.float32(np.nan))
    if x.nan is not None:
        special = xp.where(x.nan, np.float32(np.nan), special)
    return xp.where(_is_special(x, kind), special, signs)


def with_specials(result: Array, special: Array | None) -> Array:
    """Return ``result`` where ``special`` is finite, else ``special``; NaN the quiet one."""
    xp = bits.namespace(result)
    if special is not None:
        result = xp.where(xp.isfinite(special) | xp.isnan(result), result, special)
    return xp.where(xp.isnan(result), np.float32(np.nan), result)
