"""Methods of attention, as data: what is decomposed, summed and exponentiated, and how."""

from dataclasses import dataclass
from enum import Enum, unique

from msdnum.emulator import argument_checks
from msdnum.emulator.attention.exponential import STATED, Exponential
from msdnum.formats.accumulators import SEQUENTIAL, Accumulator, AnyAccumulator
from msdnum.formats.elements import BF16, BINARY32, FP16, FloatFormat
from msdnum.formats.schemes import Scheme

__all__ = ["BF16_FLASH", "FLOAT32_FLASH", "Mask", "Method", "WeightRange"]


@unique
class WeightRange(Enum):
    """What the weights of a row are scaled by before they are decomposed."""

    FIXED = "1, which no weight exceeds, or the largest scale of a token that is folded in"
    AMAX = "the amax of each block: of a tile, or of the 32 weights of an MX block"


@unique
class Mask(Enum):
    """Which keys a query sees."""

    FULL = "all of them"
    CAUSAL = "up to its own: the last query is the last token, the one before it the one before"


@dataclass(frozen=True)
class Method:
    """How attention is computed.

    Parameters
    ----------
    queries, weights : Scheme or FloatFormat
        What queries and softmax weights become: terms, or numbers of BF16, FP16 or BINARY32.
    accumulator : Accumulator
        Of both products. Int32 needs keys, values and schemes of INT8.
    range : WeightRange
        Of the weights, if they are decomposed.
    tile : int
        Keys in a tile; a multiple of the block size of the values.
    exp : Exponential
        Of scores less their maximum.

    Raises
    ------
    TypeError
        If an argument is not of its type.
    ValueError
        If the tile is not positive, or a format is none of these.
    """

    queries: Scheme | FloatFormat
    weights: Scheme | FloatFormat
    accumulator: AnyAccumulator = SEQUENTIAL
    range: WeightRange = WeightRange.FIXED
    tile: int = 128
    exp: Exponential = STATED

    def __post_init__(self) -> None:
        """Refuse what is not defined."""
        argument_checks.check_mode("range", self.range, WeightRange)
        argument_checks.check_mode("exp", self.exp, Exponential)
        if not isinstance(self.accumulator, Accumulator):
            raise TypeError(f"accumulator must be an Accumulator, got {self.accumulator!r}")
        if not isinstance(self.tile, int) or isinstance(self.tile, bool):
            raise TypeError(f"tile must be an integer, got {self.tile!r}")
        if self.tile < 1:
            raise ValueError(f"tile must be at least 1, got {self.tile}")
        for name in ("queries", "weights"):
            _check_form(name, getattr(self, name))


def _check_form(name: str, form: object) -> None:
    if not isinstance(form, Scheme | FloatFormat):
        raise TypeError(f"{name} must be a Scheme or a FloatFormat, got {form!r}")
    if isinstance(form, FloatFormat) and form not in (BF16, FP16, BINARY32):
        raise ValueError(f"{name} must become BF16, FP16 or BINARY32, got {form.name}")


BF16_FLASH = Method(BF16, BF16)
"""What dequantization is followed by: queries and weights in BF16, sums in binary32."""


FLOAT32_FLASH = Method(BINARY32, BINARY32)
"""Everything in binary32."""
