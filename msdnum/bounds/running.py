"""Bounds that are computed along: a-posteriori, from the results on the way to a sum."""

from collections.abc import Iterable
from fractions import Fraction

from msdnum.bounds.rationals import U32, Number
from msdnum.formats.elements import BINARY32

__all__ = ["running_error"]


def running_error(
    results: Iterable[Number], *, inputs: Number = 0, underflows: int = 0, unit: Number = U32
) -> Fraction:
    """Bound the error of a sum by the results that were rounded on the way to it.

    Forward error, absolute: ``unit`` of each result's magnitude, where ``gemm`` has as much of all
    magnitudes for each level of the sum. No order enters, and nothing that was not computed.

    Parameters
    ----------
    results : iterable of number
        What became of each sum, and of each product that was rounded, in the unit of the final one:
        times the scales that follow.
    inputs : number
        Bound on the errors of what is added, as of what a decomposition leaves.
    underflows : int
        Products that were rounded; each may err by ``2**-150`` besides. Sums do not underflow.
    unit : number
        Relative error of a rounding: ``2**-24`` for binary32 to nearest.

    Raises
    ------
    ValueError
        If an argument is negative or a result is not finite: such a sum has no bound.

    Notes
    -----
    Source: theorem running-error; ``evidence.running_product`` applies it. The idea is Wilkinson's;
    Higham, *Accuracy and Stability of Numerical Algorithms*, section 3.3.

    Examples
    --------
    >>> from msdnum import bounds
    >>> partial = [1.5, 0.25, 1.0]  # of four numbers whose magnitudes add up to 4
    >>> round(float(bounds.running_error(partial) / (bounds.sequential(4).gamma * 4)), 3)
    0.229
    """
    if inputs < 0 or underflows < 0 or unit < 0:
        raise ValueError(
            f"inputs, underflows and unit must be at least 0, got {inputs}, {underflows}, {unit}"
        )
    try:
        magnitudes = sum((abs(Fraction(result)) for result in results), Fraction(0))
    except (OverflowError, ValueError):
        raise ValueError("results must be finite, got Inf or NaN") from None
    tiny = underflows * Fraction(BINARY32.eta) / 2
    return Fraction(inputs) + Fraction(unit) * magnitudes + tiny
