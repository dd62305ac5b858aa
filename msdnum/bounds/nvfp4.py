"""Bounds on NVFP4: E2M1 elements, block scales in E4M3, a scale for the tensor in binary32."""

from fractions import Fraction

from msdnum.bounds.rationals import Number, at_least_one, positive
from msdnum.formats.elements import BINARY32, E2M1, E4M3

__all__ = ["nvfp4_decomposition", "nvfp4_pass"]

TOP = Fraction(E2M1.max_finite) * Fraction(E4M3.max_finite)
"""The largest amax that the tensor's scale covers, over that scale: 2688."""

LOST = Fraction(3, 17)
"""Of amax: 5 is rounded to 4, and the scale 9/8, of a quotient just above 17/16, is 3/17 of it."""

LEAST = Fraction(E4M3.min_normal)
"""What the smallest normal scale makes of the error 1 of an element, over the tensor's scale."""

NORMAL = 2 * Fraction(BINARY32.min_normal) / Fraction(E4M3.eta)
"""From this scale of the tensor on, every scale and amax / 6 is normal, or the block's scale 0."""


def nvfp4_decomposition(
    amax: Number = 1,
    terms: int = 1,
    *,
    tensor_amax: Number | None = None,
    unit_roundoff: Number = 0,
) -> Fraction:
    """``(3/17)**(terms - 1)`` of 3/17 of amax, or of the tensor's over 172032: n passes of NVFP4.

    Every pass has block scales and a tensor scale of its own, from what is left. While the scale of
    the block is normal in the first pass, that is at most 8/45 of amax for one pass and 8/255 for
    two. Forward error, absolute, for every ``|x| <= amax``.

    Parameters
    ----------
    amax : number
        Largest magnitude of the block.
    terms : int
        Number of terms.
    tensor_amax : number, optional
        Largest magnitude of the tensor; ``amax`` unless given.
    unit_roundoff : number
        Relative error of every quotient and product: 0 in exact arithmetic, ``U32`` as ``quantize``
        computes it.

    Raises
    ------
    ValueError
        If a number is not positive, ``tensor_amax`` is below ``amax``, ``terms`` below 1,
        ``unit_roundoff`` not in 0..1/192, or scales could be subnormal in binary32.

    Notes
    -----
    Source: theorem nvfp4-decomposition.
    """
    block = positive("amax", amax)
    tensor = block if tensor_amax is None else positive("tensor_amax", tensor_amax)
    if tensor < block:
        raise ValueError(f"tensor_amax must be at least amax, {amax}, got {tensor_amax}")
    error = _rounded(unit_roundoff, tensor / TOP)
    growth = (1 + 10 * error) ** at_least_one("terms", terms)
    return growth * LOST ** (terms - 1) * max(LOST * block, LEAST * tensor / TOP)


def nvfp4_pass(amax: Number, tensor_scale: Number, unit_roundoff: Number = 0) -> Fraction:
    """Bound what one pass leaves with any scale of the tensor, one that is too small included.

    The largest of 3/17 of amax, of 1/64 of the tensor's scale, and of what amax is above 2688 times
    that scale, where both scales saturate.

    Parameters
    ----------
    amax, tensor_scale : number
        Of the block and of the tensor.
    unit_roundoff : number
        As for ``nvfp4_decomposition``.

    Notes
    -----
    Source: ``one_pass`` in proofs/nvfp4-decomposition, machine-checked.
    """
    block, scale = positive("amax", amax), positive("tensor_scale", tensor_scale)
    error = _rounded(unit_roundoff, scale)
    rounded = (1 + 8 * error) * max(LOST * block, LEAST * scale)
    return max(rounded, (1 + 2 * error) * block - (1 - error) * TOP * scale)


def _rounded(unit_roundoff: Number, tensor_scale: Fraction) -> Fraction:
    """Return the theorem's error: of two roundings, and their product."""
    error = 3 * Fraction(unit_roundoff)
    if not 0 <= error <= Fraction(1, 64):
        raise ValueError(f"unit_roundoff must be in 0..1/192, got {unit_roundoff}")
    if error and tensor_scale < NORMAL:
        raise ValueError(
            f"the scale of the tensor must be at least 2**-116 with rounding, that is an amax of "
            f"2688 times it, got {float(tensor_scale):g}"
        )
    return error
