"""Bounds on the splits of kernels: numbers as digits, every operation rounded."""

from fractions import Fraction

from msdnum.bounds.rationals import U32, Number, at_least_one, positive

__all__ = ["digit_splits", "direct_split"]


def digit_splits(
    first: Number = 127,
    ratio: Number = 254,
    digits: int = 2,
    *,
    division: Number = U32,
    rounding: Number = Fraction(1, 2),
    weights: Number = 0,
) -> Fraction:
    """Bound what a kernel that divides by amax first leaves of ``|x| <= amax``, over amax.

    ``t = x / amax``, ``y = t * first``; each digit rounds y to an integer, and the rest times
    ``ratio`` is the next y. Every operation is rounded to binary32. Forward error, relative to
    amax::

        E_n / first + division + u + division * u + weights,
        E_1 = rounding,  E_(n + 1) = rounding * (2 u + u**2) + E_n / ratio

    Parameters
    ----------
    first, ratio : number
        What t and then each rest is multiplied with: 127 and 254, or 7.49 and 14.98 for INT4.
    digits : int
        Number of digits.
    division : number
        Relative error of the quotient: ``2**-24`` to nearest, twice that and a little with a
        rounded reciprocal, three times for a division that is one ulp off.
    rounding : number
        Largest distance of a digit from what it rounds: 1/2 to nearest, 1 if it is rounded down.
    weights : number
        Sum over the digits of the largest magnitude times what its weight is off by, where weights
        are not ``1 / (first * ratio**i)``.

    Raises
    ------
    ValueError
        If a number is not positive, or ``division`` or ``weights`` is negative.

    Notes
    -----
    Source: theorem digit-splits. Hypothesis: nothing underflows.

    Examples
    --------
    >>> from msdnum import bounds
    >>> round(float(bounds.digit_splits() * 64516), 4)
    1.0077
    """
    first, ratio = positive("first", first), positive("ratio", ratio)
    part, off = positive("rounding", rounding), Fraction(division)
    if off < 0 or weights < 0:
        raise ValueError(
            f"division and weights must be at least 0, got {float(off):.3g} and {weights}"
        )
    left = part
    for _ in range(at_least_one("digits", digits) - 1):
        left = part * (2 * U32 + U32**2) + left / ratio
    return left / first + off + U32 + off * U32 + Fraction(weights)


def direct_split(
    first: Number,
    second: Number,
    largest: int = 127,
    *,
    division: Number = U32,
    quotient: Number = 2 * U32 + U32**2,
) -> Fraction:
    """Bound what a kernel leaves that subtracts its first digit, over ``first``, from t itself.

    ``t = x / amax``; the first digit rounds ``t * first``, the second ``(t - digit / first)`` times
    ``second``, both to nearest and at most ``largest``. Every operation is rounded to binary32.
    Forward error, relative to amax::

        c / second + (2 u + u**2) (d + o) + division + o,
        d = 1 / (2 first) + u (1 + division),  o = quotient * (1 + division + d)

    with c = 1/2, or more where ``largest`` cuts a digit.

    Parameters
    ----------
    first, second : number
        What t, and what is left of it, is multiplied with: 127.499 and twice its square.
    largest : int
        The largest magnitude of a digit.
    division : number
        Relative error of the quotient t, as in ``digit_splits``.
    quotient : number
        Relative error of the digit over ``first``: of a rounded product with a rounded reciprocal;
        ``2**-24`` where the product is not rounded but fused with the subtraction.

    Raises
    ------
    ValueError
        If a number is not positive, an error is negative, or the first digit does not fit.

    Notes
    -----
    Source: ``direct_split_error`` in proofs/digit-splits, machine-checked. Hypothesis: nothing
    underflows.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import bounds
    >>> first = Fraction("127.499")
    >>> round(float(bounds.direct_split(first, 2 * first**2) * 64516), 4)
    1.0134
    """
    first, second = positive("first", first), positive("second", second)
    off, error = Fraction(division), Fraction(quotient)
    if off < 0 or error < 0:
        raise ValueError(
            f"division and quotient must be at least 0, got {float(off):.3g} and {float(error):.3g}"
        )
    if first * (1 + off) * (1 + U32) > largest + Fraction(1, 2):
        raise ValueError(
            f"largest must hold the first digit, up to {float(first):g}, got {largest}"
        )
    digit = 1 / (2 * first) + U32 * (1 + off)
    over = error * (1 + off + digit)
    rest = (digit + over) * second * (1 + U32) ** 2
    cut = max(Fraction(1, 2), rest - largest)
    return cut / second + (2 * U32 + U32**2) * (digit + over) + off + over
