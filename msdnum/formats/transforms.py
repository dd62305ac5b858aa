"""Transforms before quantization as frozen data: Hadamard, smoothing factors, permutations."""

import math
from dataclasses import dataclass

from msdnum._checks import check_integer, check_type
from msdnum.display import html
from msdnum.display.text import one_line

__all__ = ["Hadamard", "Permutation", "Smoothing", "Transform", "random_signs"]

GOLDEN = 0x9E3779B97F4A7C15
WORD = (1 << 64) - 1


@dataclass(frozen=True)
class Hadamard(html.Shown):
    """A Hadamard transform of consecutive blocks: ``y = H (signs * x) / sqrt(length)``.

    ``H`` is Sylvester's matrix in natural order: its entry (i, j) is -1 to the number of bits that
    i and j share. It is carried out in binary32, every operation rounded (RNE): signs, then
    butterflies ``a + b, a - b`` of elements 1, 2, 4, ... apart, then one product with
    ``1 / sqrt(length)`` rounded to binary32. For lengths that are powers of four that
    factor is a power of two.

    Parameters
    ----------
    length : int
        Elements of a block, a power of two; it divides the length of the axis.
    signs : tuple of int, optional
        1 or -1 for each element; None: all 1. `random_signs` draws them.

    Raises
    ------
    TypeError
        If a field is not of its type.
    ValueError
        If ``length`` is no power of two, or ``signs`` are not as many, each 1 or -1.

    Notes
    -----
    ``H / sqrt(length)`` is symmetric and its own inverse. Source: Ashkboos et al., QuaRot,
    arXiv:2404.00456, section 3; Tseng et al., QuIP#, arXiv:2402.04396 (random signs).

    Examples
    --------
    >>> from msdnum.emulator.transforms import inverse, transform
    >>> from msdnum.formats.transforms import Hadamard
    >>> outlier = np.float32([8, 0, 0, 0])
    >>> transform(outlier, Hadamard(4))
    array([4., 4., 4., 4.], dtype=float32)
    >>> inverse(transform(outlier, Hadamard(4)), Hadamard(4))
    array([8., 0., 0., 0.], dtype=float32)
    """

    length: int
    signs: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse what is no Hadamard matrix of Sylvester's, and signs that are none."""
        check_integer("length", self.length, "Hadamard")
        if self.length < 1 or self.length & (self.length - 1):
            raise ValueError(f"length must be a power of two, got {self.length}")
        if self.signs is None:
            return
        check_type("signs", self.signs, tuple, "Hadamard")
        if len(self.signs) != self.length or not set(self.signs) <= {1, -1}:
            raise ValueError(
                f"signs must be {self.length} numbers 1 or -1, got {len(self.signs)} of "
                f"{sorted(set(self.signs))[:4]}"
            )

    @property
    def stages(self) -> int:
        """How often an element is added to another."""
        return self.length.bit_length() - 1

    @property
    def exact_factor(self) -> bool:
        """Whether ``1 / sqrt(length)`` is a power of two."""
        return self.stages % 2 == 0

    __repr__ = one_line


@dataclass(frozen=True)
class Smoothing(html.Shown):
    """Smoothing factors: ``y = x / factors``; the other side of a product is multiplied by them.

    Parameters
    ----------
    factors : tuple of float
        One for each element of the axis: positive, finite, and binary32 numbers when they are used
        (they are rounded once). Powers of two move exponents alone.

    Raises
    ------
    ValueError
        If a factor is not positive and finite.

    Notes
    -----
    Source: Xiao et al., SmoothQuant, arXiv:2211.10438, equation 3.
    """

    factors: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse factors that cannot be divided by."""
        check_type("factors", self.factors, tuple, "Smoothing")
        wrong = [f for f in self.factors if not 2.0**-149 <= f < 2.0**128 or math.isnan(f)]
        if wrong or not self.factors:
            raise ValueError(f"factors must be positive binary32 numbers, got {wrong[:3]}")

    __repr__ = one_line


@dataclass(frozen=True)
class Permutation(html.Shown):
    """A permutation along an axis: ``y[i] = x[order[i]]``; exact.

    Parameters
    ----------
    order : tuple of int
        Each of 0 to its length - 1 once.

    Raises
    ------
    ValueError
        If an index is missing or there twice.
    """

    order: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse what is no permutation."""
        check_type("order", self.order, tuple, "Permutation")
        if sorted(self.order) != list(range(len(self.order))) or not self.order:
            raise ValueError(
                f"order must have each of 0..{len(self.order) - 1} once, got {self.order[:8]}"
            )

    @property
    def inverse(self) -> "Permutation":
        """The permutation that takes it back."""
        places = {index: place for place, index in enumerate(self.order)}
        return Permutation(tuple(places[i] for i in range(len(self.order))))

    __repr__ = one_line


Transform = Hadamard | Smoothing | Permutation
"""What an operand may be transformed by before it is quantized."""


def random_signs(length: int, seed: int) -> tuple[int, ...]:
    """Return signs for a randomized Hadamard transform, the same ones everywhere.

    Sign i is minus where the top bit of the i-th output of SplitMix64, seeded so, is set.

    Notes
    -----
    Source: Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators (OOPSLA 2014).

    Examples
    --------
    >>> from msdnum.formats.transforms import random_signs
    >>> random_signs(8, 0)
    (-1, 1, 1, -1, 1, 1, 1, -1)
    """
    words = (_mixed((seed + (i + 1) * GOLDEN) & WORD) for i in range(length))
    return tuple(-1 if word >> 63 else 1 for word in words)


def _mixed(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
    return z ^ (z >> 31)
