"""Codes of floating-point formats that are not numbers: which they are, as data."""

from enum import Enum, unique

__all__ = ["NaNCodes", "NonNumbers"]


@unique
class NaNCodes(Enum):
    """Where the NaNs of a format are."""

    TOP_EXPONENT = "in the top exponent, with Inf"
    TOP_CODE = "the all-ones pattern, of either sign"
    NEGATIVE_ZERO = "the pattern of -0; without a sign, the all-ones pattern"
    NONE = "nowhere"


@unique
class NonNumbers(Enum):
    """Which codes are not numbers.

    Attributes
    ----------
    nans : NaNCodes
        Where NaN is.
    inf : bool
        Whether the magnitude above the largest number is Inf.
    """

    IEEE = "Inf and NaN fill the top exponent", NaNCodes.TOP_EXPONENT, True
    NAN = (
        "only the all-ones pattern, of either sign, is NaN; there is no Inf ('fn')",
        NaNCodes.TOP_CODE,
        False,
    )
    NEGATIVE_ZERO = (
        "only the pattern of -0 is NaN; there is no Inf and no -0 ('fnuz')",
        NaNCodes.NEGATIVE_ZERO,
        False,
    )
    INF_AND_ONE_NAN = (
        "the largest magnitude is Inf, and only the pattern of -0 is NaN; without a sign only the "
        "all-ones pattern is NaN, and Inf comes before it (IEEE P3109, extended)",
        NaNCodes.NEGATIVE_ZERO,
        True,
    )
    NONE = "every code is a number", NaNCodes.NONE, False

    nans: NaNCodes
    inf: bool

    def __new__(cls, text: str, nans: NaNCodes, inf: bool) -> "NonNumbers":
        """Keep what is said as the value and the rest as attributes."""
        member = object.__new__(cls)
        member._value_ = text
        member.nans, member.inf = nans, inf
        return member

    def count(self, fraction_bits: int, *, signed: bool) -> int:
        """Return how many of the largest magnitudes are not numbers."""
        if self.nans is NaNCodes.TOP_EXPONENT:
            return 1 << fraction_bits
        at_the_top = {NaNCodes.TOP_CODE, NaNCodes.NEGATIVE_ZERO} - (
            {NaNCodes.NEGATIVE_ZERO} if signed else set()
        )
        return self.inf + (self.nans in at_the_top)

    def nan_code(self, bits: int, fraction_bits: int, *, signed: bool) -> int | None:
        """Return the code of the canonical NaN, or None."""
        magnitudes = 1 << (bits - signed)
        if self.nans is NaNCodes.NONE:
            return None
        if self.nans is NaNCodes.NEGATIVE_ZERO and signed:
            return magnitudes
        if self.nans is NaNCodes.TOP_EXPONENT:
            return magnitudes - (1 << fraction_bits) + (1 << max(fraction_bits - 1, 0))
        return magnitudes - 1
