"""Products that are powers of two, or a few bits: what a black box is asked with."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum.evidence.black_boxes import BlackBox
from msdnum.formats.elements import FloatFormat

__all__ = ["Powers", "powers_of"]

Floats: TypeAlias = NDArray[np.float64]
WIDEST = 60
"""Exponent of a large product, where the format allows it, and of a small one below it."""


@dataclass(frozen=True)
class Powers:
    """The powers of two that a box gives back as they are, as products and as sums.

    Parameters
    ----------
    box : BlackBox
        What is asked.
    low, high : int
        Least and largest exponent of such a product.
    """

    box: BlackBox
    low: int
    high: int

    @property
    def big(self) -> int:
        """Exponent of a product that hides others."""
        return min(self.high, WIDEST)

    @property
    def small(self) -> int:
        """Exponent of products that are hidden."""
        return max(self.low, self.big - 100)

    def of(self, exponent: int) -> float:
        """Return a power of two."""
        return math.ldexp(1.0, exponent)

    def ask(self, products: Floats, start: Floats | None = None) -> Floats:
        """Return the sums for rows of products, one for each slot of k."""
        values = np.zeros((len(products), self.box.length))
        values[:, :: self.box.slot][:, : products.shape[1]] = products
        return self.box.ask(*split(values, self.box), start)

    def sums(self, rows: Sequence[Mapping[int, float]], start: Sequence[float] = ()) -> Floats:
        """Return the sums for rows of products at some places of k, the others zero.

        Parameters
        ----------
        rows : sequence of mappings
            From a place to the product there.
        start : sequence of float
            The c of each row; none where it is left out.
        """
        values = np.zeros((len(rows), self.box.length))
        for row, products in enumerate(rows):
            for place, product in products.items():
                values[row, place] = product
        return self.box.ask(*split(values, self.box), np.array(start) if len(start) else None)

    def pairs(
        self, rows: Sequence[Mapping[int, tuple[float, float]]], start: Sequence[float] = ()
    ) -> Floats:
        """Return the sums for rows of both factors at some places of k, in products."""
        a, b = (np.zeros((len(rows), self.box.length)) for _ in range(2))
        for row, factors in enumerate(rows):
            for place, (x, y) in factors.items():
                a[row, place], b[row, place] = x, y
        return self.box.ask(a, b, np.array(start) if len(start) else None)


def split(products: Floats, box: BlackBox) -> tuple[Floats, Floats]:
    """Return two factors of each product: a few bits times a power of two, and a power of two."""
    significand, exponent = np.frexp(products)
    low, high = _exponents(box)
    own = np.clip(-(-exponent // 2), low + 1, high + 1)
    other = np.where(products == 0, 0, exponent - own)
    short = np.where(products == 0, 0, np.clip(other, low, high) - other)
    left = np.ldexp(significand, own - short)
    return left, np.where(products == 0, 0.0, np.ldexp(1.0, other + short))


def _exponents(box: BlackBox) -> tuple[int, int]:
    """Return the least and the largest exponent of elements of a format, with their scales."""
    element = box.element
    if not isinstance(element, FloatFormat):
        return 0, element.bits - 2
    shift = 100 if box.slot > 1 else 0
    return element.emin - element.fraction_bits - shift, element.emax + shift


def powers_of(box: BlackBox) -> Powers:
    """Return which powers of two a box gives back.

    Raises
    ------
    ValueError
        If not even 1 times 1 is 1.
    """
    low, high = _exponents(box)
    exponents = np.arange(max(2 * low, -300), min(2 * high, 127) + 1)
    probing = Powers(box, 0, 0)
    found = probing.sums([{0: math.ldexp(1.0, int(e))} for e in exponents])
    same = dict(zip(exponents.tolist(), (found == np.ldexp(1.0, exponents)).tolist(), strict=True))
    if not same[0]:
        raise ValueError(
            f"{box.name} must give 1 for one product 1 * 1 in {box.fmt.name}, "
            f"got {found[exponents == 0][0]}: it is no product"
        )
    least = max(
        (e for e, kept in same.items() if e < 0 and not kept), default=int(exponents[0]) - 1
    )
    most = min(
        (e for e, kept in same.items() if e > 0 and not kept), default=int(exponents[-1]) + 1
    )
    return Powers(box, least + 1, most - 1)
