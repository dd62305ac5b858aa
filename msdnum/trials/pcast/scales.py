"""The cast of P to E4M3 after a static scale S, over every BF16 P in (0, 1] and any BF16 S.

P times S has at most 16 significant bits, so that products and errors times S are exact in
binary64; what they give is kept as fractions.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator import elements
from msdnum.formats.elements import BF16, E4M3
from msdnum.formats.modes import Overflow

__all__ = [
    "E4M3_MAX", "PATTERN_OF_ONE", "STATIC", "StaticScale", "all_scales", "judged", "scales_from",
    "weights",
]  # fmt: skip

PATTERN_OF_ONE = 0x3F80
"""Pattern of 1 in BF16: the P in (0, 1] are those of patterns 1 to PATTERN_OF_ONE."""
E4M3_MAX = 448
"""Of E4M3: with a larger scale P = 1 saturates."""
STATIC = 256
"""The scale that the paper is about."""


@dataclass(frozen=True)
class StaticScale:
    """What a static scale does to all P, over S: in units of P.

    Parameters
    ----------
    scale : Fraction
        Of the weights, S in the paper.
    spacing_below, spacing_above : Fraction
        Between the E4M3 numbers just below and just above S, over S. Where S is none of them, both
        are that of the two between which it lies.
    gap : Fraction
        The largest between neighbouring numbers that P can become.
    error : Fraction
        The largest of all P.
    worst : int
        Pattern of a P that has it.
    relative_error : Fraction
        The largest over P, of all P whose product is in the normal range; 0 if there are none.
    flushed, subnormal : int
        Patterns of the largest P that becomes zero, and of the largest whose product is below
        the normal range; as P is positive and rounding monotone, they count these P.
    """

    scale: Fraction
    spacing_below: Fraction
    spacing_above: Fraction
    gap: Fraction
    error: Fraction
    worst: int
    relative_error: Fraction
    flushed: int
    subnormal: int

    @property
    def normal(self) -> int:
        """How many P keep all the precision of E4M3."""
        return PATTERN_OF_ONE - self.subnormal

    @classmethod
    def of(cls, scale: float) -> "StaticScale":
        """Cast every P with this scale, a BF16 number that is positive; larger casts saturate."""
        products = weights() * scale
        found = elements.round_to(products, E4M3, overflow=Overflow.SATURATE).astype(np.float64)
        errors = np.abs(found - products)
        normal = products >= E4M3.min_normal
        # Fractions of 20 bits that differ, differ by more than the rounding of this quotient.
        relative = np.where(normal, errors / products, 0)
        i, j = int(errors.argmax()), int(relative.argmax())
        s, below, above = Fraction(scale), *_spacings(scale)
        return cls(
            scale=s,
            spacing_below=below / s,
            spacing_above=above / s,
            gap=Fraction(float(np.diff(np.unique([0, *found])).max(initial=0))) / s,
            error=Fraction(float(errors[i])) / s,
            worst=i + 1,
            relative_error=Fraction(float(errors[j] * normal[j])) / Fraction(float(products[j])),
            flushed=int((found == 0).sum()),
            subnormal=int((~normal).sum()),
        )


def weights() -> NDArray[np.float64]:
    """Return every BF16 P in (0, 1], ascending."""
    return _bf16(np.arange(1, PATTERN_OF_ONE + 1))


def _bf16(patterns: NDArray[np.int64]) -> NDArray[np.float64]:
    found: NDArray[np.float32] = elements.decode(patterns.astype(np.uint16), BF16)
    return found.astype(np.float64)


def _spacings(scale: float) -> tuple[Fraction, Fraction]:
    """Return the distances of the E4M3 numbers just below and just above a scale."""
    numbers = [E4M3.value(code) for code in range(E4M3.max_code + 1)]
    gaps = [(low, high, Fraction(high) - Fraction(low)) for low, high in pairwise(numbers)]
    below = next((gap for low, high, gap in gaps if low < scale <= high), gaps[-1][2])
    above = next((gap for low, high, gap in gaps if low <= scale < high), gaps[-1][2])
    return below, above


def all_scales() -> NDArray[np.float64]:
    """Return every positive BF16 number to 448: E4M3 numbers and powers of two are among them."""
    found = _bf16(np.arange(1, 0x43E0 + 1))
    return found[found <= E4M3_MAX]


def scales_from(least: float) -> NDArray[np.float64]:
    """Return those that are no smaller than this."""
    found = all_scales()
    return found[found >= least]


def judged(scales: Iterable[float]) -> Iterator[StaticScale]:
    """Yield what each scale does."""
    return (StaticScale.of(float(scale)) for scale in scales)
