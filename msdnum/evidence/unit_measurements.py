"""Measurements of a unit from outside, each of which a few inner products answer."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msdnum.evidence.products_of_powers import Powers
from msdnum.formats.elements import BINARY32, FloatFormat

__all__ = ["UnitMeasurement"]

HELD = 1.5
"""Significand of what others are added to: no rounding of theirs changes its exponent."""

MODES: dict[str, Callable[[float], float]] = {
    "to nearest, ties to even": lambda x: float(round(x)),
    "to nearest, ties away": lambda x: math.copysign(math.floor(abs(x) + 0.5), x),
    "towards zero": lambda x: float(math.trunc(x)),
    "down": lambda x: float(math.floor(x)),
    "up": lambda x: float(math.ceil(x)),
    "to odd": lambda x: x if x == math.floor(x) else 2.0 * math.floor(x / 2) + 1,
}
"""From multiples of the last bit to what is kept of them, beside an even number."""
OTHERS: dict[str, Callable[[float], float]] = {
    "not at all": lambda x: x,
    "down, but to 0 below half a bit": lambda x: float(math.floor(x)) if abs(x) >= 0.5 else 0.0,
}
"""What addends may become besides."""


@dataclass(frozen=True)
class UnitMeasurement:
    """Questions to a unit whose order of addition is known; None where they have no answer.

    Parameters
    ----------
    powers : Powers
        The unit, and the powers of two that it gives back.
    places : list of int
        Places of k in the order in which they are added.
    """

    powers: Powers
    places: list[int]

    @property
    def _step(self) -> int:
        return len(self.places)

    @property
    def _slot(self) -> int:
        return self.powers.box.slot

    def _sums(self, rows: Sequence[Sequence[float]], start: Sequence[float] = ()) -> list[float]:
        """Return the sums of products at the first places; 1 + 1 cancels where there are two."""
        width = max(map(len, rows))
        if width > self._step:
            return [math.nan] * len(rows)
        places = [self.powers.box.slot * place for place in self.places]
        placed = [dict(zip(places, row, strict=False)) for row in rows]
        return [float(x) for x in self.powers.sums(placed, start)]

    def _beside(self, small: Sequence[Sequence[float]], held: float, at: int = 1) -> list[float]:
        """Return what is left of small products beside a large one that is then taken away."""
        slot, count = self._slot, len(small[0])
        if self._step < at + count + (slot == 1):
            return [math.nan] * len(small)
        places = [slot * place for place in self.places]
        # Where blocks share a scale, the large one is taken away within its own.
        last = places[at + count] if slot == 1 else places[0] + 1
        rows = [
            {places[0]: held, last: -held}
            | dict(zip(places[at : at + count], addends, strict=True))
            for addends in small
        ]
        return [float(x) for x in self.powers.sums(rows)]

    # Alignment

    @property
    def _held(self) -> float:
        return HELD * 2.0**self.powers.big

    @property
    def _depth(self) -> int:
        return self.powers.big - self.powers.small

    def fraction_bits(self) -> int | None:
        """Return how far below a large addend a small one of the same addition is kept."""
        depths = range(1, self._depth + 1)
        small = [2.0 ** (self.powers.big - d) for d in depths]
        left = self._beside([[x] for x in small], self._held)
        kept = [d for d, x, y in zip(depths, small, left, strict=True) if x == y]
        return kept[-1] if kept and kept[-1] < self._depth - 2 else None

    def _multiples(self, bits: int, at: int = 1) -> tuple[list[float], list[float]]:
        """Return multiples of the last bit that is kept, and what is left of them."""
        last = 2.0 ** (self.powers.big - bits)
        quarters = [0.25, 0.5, 0.75, 1.25, 1.5, 1.75]
        asked = [x for x in quarters if self._is_number(x * last)]
        asked += [-x for x in asked]
        return asked, [y / last for y in self._beside([[x * last] for x in asked], self._held, at)]

    def _is_number(self, product: float) -> bool:
        """Return whether a format that has few bits has this product."""
        element = self.powers.box.element
        bits = element.fraction_bits if isinstance(element, FloatFormat) else element.bits - 2
        significand, exponent = math.frexp(product)
        return significand * 2 ** (bits + 1) == math.floor(significand * 2 ** (bits + 1)) and (
            exponent - 1 - bits >= self.powers.low
        )

    def alignment(self, bits: int) -> str | None:
        """Return how a small addend is rounded beside a large one."""
        return _named(*self._multiples(bits))

    def other_parts(self, bits: int, alignment: str | None) -> str | None:
        """Return how the addends next to the first place are rounded, if not as all others."""
        if self._step < 4 or self._slot > 1:
            return None
        asked, left = self._multiples(bits, 2)
        found = _named(asked, left)
        return None if found == alignment else found

    def start_alignment(self, bits: int, alignment: str | None) -> str | None:
        """Return how c is rounded beside large products, if not as these."""
        if not self.powers.box.takes_c or self._slot > 1:
            return None
        last = 2.0 ** (self.powers.big - bits)
        asked = [0.25, 0.5, 0.75, 1.25, 1.5, 1.75, -0.25, -0.5, -0.75, -1.25, -1.5, -1.75]
        rows = [[self._held, -self._held]] * len(asked)
        left = self._sums(rows, [x * last for x in asked])
        found = _named(asked, [y / last for y in left])
        return None if found == alignment else found

    def apart(self, bits: int) -> bool | None:
        """Return whether two addends, each less than the last bit, are lost where both are more."""
        last = 2.0 ** (self.powers.big - bits)
        if not self._is_number(0.75 * last) or self._step < 4:
            return None
        (left,) = self._beside([[0.75 * last, 0.75 * last]], self._held)
        each = self._beside([[0.75 * last]], self._held)[0]
        return left == 2 * each

    def normalized(self, bits: int) -> bool | None:
        """Return whether the exponent of a product is that of its value."""
        if self._slot > 1 or self._step < 3 or not isinstance(self.powers.box.element, FloatFormat):
            return None
        half = self.powers.big // 2
        x, last = HELD * 2.0**half, 2.0 ** (2 * half - bits)
        if 2 * half - bits < self.powers.low or 2 * half + 2 > self.powers.high:
            half, x, last = half - 1, x / 2, last / 4
        first, second, third = self.places[:3]
        row = {first: (x, x), third: (x, -x), second: _halves(last)}
        (left,) = self.powers.pairs([row])
        return bool(left != last)

    def rounded_products(self) -> bool | None:
        """Return whether the last bit of a product is lost before a sum that would keep it."""
        if self.powers.box.fmt != BINARY32 or self._step < 2:
            return None
        x = 1 + 2.0**-12
        first, second = self.places[:2]
        rows = [{first: (-(1 + 2.0**-11), 1.0), second: (x, x)}]
        return bool(self.powers.pairs(rows)[0] == 0)

    # Results

    def result_bits(self) -> int | None:
        """Return the fraction bits of a sum of two."""
        top = self.powers.big - 1
        depths = range(1, top - self.powers.small + 1)
        if not len(depths):
            return None
        rows = [[2.0**top, 2.0 ** (top - d)] for d in depths]
        found = self._sums(rows)
        kept = [d for d, row, y in zip(depths, rows, found, strict=True) if y - row[0] == row[1]]
        return kept[-1] if kept and kept[-1] < len(depths) - 1 else None

    def rounding(self, bits: int, aligned: int | None) -> str | None:
        """Return how sums are rounded, by those of which alignment has lost nothing."""
        spare = 2 if aligned is None else min(aligned - bits, 2)
        top = self.powers.big - 1
        last = 2.0 ** (top - bits)
        fractions = [n / 2**spare for n in range(1, 2 ** (spare + 1)) if n % 2**spare]
        asked = [x for x in fractions if self._is_number(x * last)]
        if spare < 1 or not asked:
            return None
        rows = [
            [sign * HELD * 2.0**top, other * x * last]
            for sign in (1, -1)
            for other in (1, -1)
            for x in asked
        ]
        return _named([sum(row) / last for row in rows], [y / last for y in self._sums(rows)])

    def seen_beside_start(self, bits: int, rounding: str | None) -> int | None:
        """Return how far below c, or the first sum, a bit is seen that decides a tie."""
        if not self.powers.box.takes_c or not (rounding or "").startswith("to nearest"):
            return None
        top = self.powers.big - 1
        depths = range(bits + 2, top - self.powers.small + 1)
        tie = 2.0 ** (top - bits - 1)
        start = HELD * 2.0**top
        rows = [[tie, 2.0 ** (top - d)] for d in depths]
        if not rows:
            return None
        found = self._sums(rows, [start] * len(rows))
        seen = [d for d, y in zip(depths, found, strict=True) if y > start]
        return seen[-1] if seen and seen[-1] < depths[-1] else None

    # Subnormal numbers, zeros, overflow

    def inputs(self) -> str | None:
        """Return what becomes of a subnormal element, times a large number."""
        element = self.powers.box.element
        if not isinstance(element, FloatFormat) or not element.fraction_bits or self._slot > 1:
            return None
        small = element.min_normal / 2
        rows = [{self.places[0]: (small, 1.0)}, {self.places[0]: (small, 2.0**element.emax)}]
        found = self.powers.pairs(rows)
        wanted = [small, small * 2.0**element.emax]
        return _kept(float(found[1]), wanted[1])

    def results(self) -> str | None:
        """Return what becomes of a subnormal result of normal numbers, of binary32 or FP16."""
        element = self.powers.box.element
        for emin in (BINARY32.emin, -14):
            if not isinstance(element, FloatFormat) or 2 * element.emin > emin - 4:
                continue
            if emin == -14 and self.powers.high > 15:
                continue
            wanted = 2.0 ** (emin - 4)
            return _kept(self._sums([[wanted]])[0], wanted)
        return None

    def starts(self) -> str | None:
        """Return what becomes of a subnormal c."""
        if not self.powers.box.takes_c:
            return None
        wanted = 2.0**-20 if self.powers.high <= 15 else 2.0**-130
        return _kept(self._sums([[0.0]], [wanted])[0], wanted)

    def negative_zero(self) -> str:
        """Return the sum of -0 and nothing else."""
        minus, count = -0.0, self.powers.box.length
        row = dict.fromkeys(range(count), (minus, 1.0)) if self._slot == 1 else {}
        start = [minus] if self.powers.box.takes_c else []
        return _signed(float(self.powers.pairs([row], start)[0]))

    def vanished(self) -> str | None:
        """Return what is left of a product below all that a result can be."""
        element = self.powers.box.element
        if not isinstance(element, FloatFormat) or 2 * element.emin > self.powers.low - 60:
            return None
        small = 2.0**element.emin
        return _signed(float(self.powers.pairs([{self.places[-1]: (-small, small)}])[0]))

    def exponent_of_zero(self, bits: int) -> int | None:
        """Return the exponent by the lowest bit that is kept where all else is zero.

        Products whose sum is the least result need bits below that to be it.
        """
        element = self.powers.box.element
        if self._slot > 1 or not isinstance(element, FloatFormat) or self._step < 2:
            return None
        least = self.powers.low
        depths = [d for d in range(1, element.fraction_bits + 1) if least - d >= 2 * element.emin]
        kept = []
        for d in depths:
            rest = 2.0 ** (least - d)
            large = 2.0**least - rest
            rows = [{self.places[0]: _halves(large), self.places[1]: _halves(rest)}]
            if self.powers.pairs(rows)[0] == 2.0**least:
                kept.append(d)
        if not kept or kept[-1] == depths[-1]:
            return None
        return least - kept[-1] + bits

    def overflow(self) -> str | None:
        """Return what two sums make that are each as large as they can be."""
        most = 2.0**self.powers.high
        element = self.powers.box.element
        reached = self.powers.high in (15, 127) and isinstance(element, FloatFormat)
        if not reached or self._step < 2:
            return None
        (found,) = self._sums([[most, most]])
        return "Inf" if found == math.inf else "NaN" if math.isnan(found) else "largest"

    def product_overflow(self) -> str | None:
        """Return what is left of a product that is too large, less a large one."""
        element = self.powers.box.element
        if self.powers.high != BINARY32.emax or self._step < 2 or self._slot > 1:
            return None
        if not isinstance(element, FloatFormat) or element.emax < BINARY32.emax:
            return None
        most = 2.0**element.emax
        row = {self.places[0]: (most, 2.0), self.places[1]: (-most, 1.5)}
        found = float(self.powers.pairs([row])[0])
        return "Inf" if math.isinf(found) else "NaN" if math.isnan(found) else "none"


def _named(asked: Sequence[float], left: Sequence[float]) -> str | None:
    """Return the rounding that explains what was left, or the numbers if none does."""
    if not asked:
        return None
    for modes in (MODES, OTHERS):
        fits = [name for name, f in modes.items() if [f(x) for x in asked] == list(left)]
        if fits:
            return " or ".join(fits)
    pairs = ", ".join(f"{x:g}: {y:g}" for x, y in zip(asked, left, strict=True))
    return f"none of the usual ({pairs})"


def _kept(found: float, wanted: float) -> str:
    return "kept" if found == wanted else "zero" if found == 0 else f"{found:g} for {wanted:g}"


def _signed(found: float) -> str:
    if found:
        return f"{found:g}"
    return "-0" if math.copysign(1, found) < 0 else "+0"


def _halves(x: float) -> tuple[float, float]:
    """Return two factors whose exponents are half of that of a product."""
    exponent = math.frexp(x)[1] - 1
    return x / 2.0 ** (exponent // 2), 2.0 ** (exponent // 2)
