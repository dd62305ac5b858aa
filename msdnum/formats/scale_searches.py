"""Searches of scales as frozen data: of several, a block has the one whose elements err least."""

import struct
from dataclasses import dataclass

from msdnum._checks import check_type
from msdnum.formats.modes import Criterion

__all__ = ["EVERY_SCALE", "FOUR_OVER_SIX", "ScaleSearch"]


@dataclass(frozen=True)
class ScaleSearch:
    """Which scales are tried for a block, and what is made least.

    Parameters
    ----------
    divisors : tuple of float, or None
        The scales are ``amax / divisor``, rounded to the scale format; of two that err equally the
        first is taken. None: every positive scale that the format has, the smallest first.
    criterion : Criterion
        The sum of squared errors or of absolute ones, or the largest.
    nonzero : bool
        Whether a scale that would be rounded to zero is the least positive one instead.
    largest_scale : float, optional
        The scale for which the scale of the tensor leaves room, by default the largest of the
        format: it is ``amax / max_finite / largest_scale``. 256 in place of E4M3's 448 lets the
        largest block have the scale ``amax / 4``.

    Raises
    ------
    TypeError
        If a field is not of its type.
    ValueError
        If a divisor or the largest scale is not positive, a divisor is no number of binary32, or
        there are no divisors.

    Notes
    -----
    Errors are of x less element times scale, rounded to binary64. Each is cut to 24 bits, squares
    are exact, and sums are added in binary64 by halves: the first half of a block, filled up with
    zeros to a power of two, to the second half, until one number is left. A scale that is beyond
    binary32 once it is multiplied by the scale of the tensor is not tried; where all are, the block
    is a NaN block.

    Source: Cook et al., Four Over Six, arXiv:2512.02010.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from msdnum import BLOCK_FORMATS, quantize
    >>> from msdnum.formats import FOUR_OVER_SIX
    >>> nvfp4 = replace(BLOCK_FORMATS["NVFP4"], name="NVFP4 4/6", search=FOUR_OVER_SIX)
    >>> quantize(np.float32([6, 5, 5, 5]), nvfp4).dequantize()
    array([6. , 4.5, 4.5, 4.5], dtype=float32)
    """

    divisors: tuple[float, ...] | None
    criterion: Criterion = Criterion.SQUARED
    nonzero: bool = False
    largest_scale: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no scale."""
        check_type("criterion", self.criterion, Criterion, "a search")
        check_type("nonzero", self.nonzero, bool, "a search")
        positive = [] if self.largest_scale is None else [("largest_scale", self.largest_scale)]
        if self.divisors is not None:
            check_type("divisors", self.divisors, tuple, "a search")
            positive += [("divisors", divisor) for divisor in self.divisors]
            if not self.divisors:
                raise ValueError("divisors must be one or more positive numbers, got ()")
        for name, found in positive:
            check_type(name, found, float | int, "a search")
            if not 0 < found < float("inf"):
                raise ValueError(f"{name} must be positive numbers, got {found}")
            if name == "divisors" and not _is_binary32(found):
                raise ValueError(f"divisors must be numbers of binary32, got {found}")


def _is_binary32(number: float) -> bool:
    try:
        (rounded,) = struct.unpack("f", struct.pack("f", number))
    except OverflowError:
        return False
    return bool(rounded == number)


FOUR_OVER_SIX = ScaleSearch((6.0, 4.0), largest_scale=256.0)
"""Of E2M1 blocks: amax becomes 6 or 4, whichever errs less."""
EVERY_SCALE = ScaleSearch(None)
"""The least squared error over all scales."""
