"""Formats of IEEE P3109: families of small floats with one NaN, no -0, and Inf or not."""

from msdnum._checks import check_integer, check_type
from msdnum.formats.elements import FloatFormat, NonNumbers

__all__ = ["p3109"]


def p3109(
    width: int, precision: int, *, signed: bool = True, infinities: bool = True
) -> FloatFormat:
    """Return the format of this width and precision.

    Parameters
    ----------
    width : int
        Bits of a code, K.
    precision : int
        Bits of a significand, P: 1 to K - 1, or to K without a sign.
    signed : bool
        Whether there is a sign bit.
    infinities : bool
        Whether the largest magnitude is Inf (the extended domain) or a number (the finite one).

    Returns
    -------
    FloatFormat
        Named as in the draft, as binary8p4se: signed or unsigned, extended or finite.

    Raises
    ------
    TypeError
        If an argument is not of its type.
    ValueError
        If there is no such format, or its numbers are beyond those of binary32.

    Notes
    -----
    NaN is the pattern of -0, or the last code where there is no sign. The bias is half the count of
    exponent fields. With one bit of precision, RNE goes to the even code. SATURATE is the draft's
    SatFinite and OVERFLOW its OvfInf, but for directed roundings, which here overflow as the
    others do; and a negative number is NaN in an unsigned format, whatever the mode.

    Source: IEEE P3109, interim report 3.2, sections 3 and 4.

    Examples
    --------
    >>> from msdnum.formats import p3109
    >>> fp8 = p3109(8, 4)
    >>> fp8
    FloatFormat('binary8p4se', exponent_bits=4, fraction_bits=3, bias=8, specials=INF_AND_ONE_NAN)
    >>> fp8.max_finite, fp8.value(0x7F), fp8.value(0x80)
    (224.0, inf, nan)
    >>> p3109(8, 4, infinities=False).max_finite
    240.0
    """
    name = f"binary{width}p{precision}{'su'[not signed]}{'fe'[infinities]}"
    check_integer("width", width, name)
    check_integer("precision", precision, name)
    check_type("signed", signed, bool, name)
    check_type("infinities", infinities, bool, name)
    if not 1 <= precision <= width - signed:
        raise ValueError(
            f"precision must be in 1..{width - signed} for {name!r} of {width} bits, "
            f"got {precision}"
        )
    exponent_bits = width - precision + 1 - signed
    return FloatFormat(
        name,
        exponent_bits,
        precision - 1,
        1 << (exponent_bits - 1),
        _non_numbers(signed=signed, infinities=infinities),
        signed=signed,
        ties_by_code=precision == 1,
        source="IEEE P3109, interim report 3.2",
    )


def _non_numbers(*, signed: bool, infinities: bool) -> NonNumbers:
    if infinities:
        return NonNumbers.INF_AND_ONE_NAN
    return NonNumbers.NEGATIVE_ZERO if signed else NonNumbers.NAN
