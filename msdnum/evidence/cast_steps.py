"""Casts as steps: where the specification's code changes, among all binary32 patterns.

Rounding is monotone, so that a code holds for one run of neighbouring patterns. The ends of the
runs are found by asking the specification about single numbers; after that four billion answers
are a few thousand runs.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from msdnum import spec
from msdnum.formats.elements import ElementFormat, FloatFormat
from msdnum.formats.modes import Overflow, Rounding

__all__ = ["REFUSED", "Steps", "steps_of"]

SIGN, INFINITY, NAN = 1 << 31, 0x7F800000, 0x7F800001

REFUSED = -1
"""In place of a code where the specification has none."""


@dataclass(frozen=True)
class Steps:
    """The codes of all binary32 patterns, as runs.

    Parameters
    ----------
    starts : ndarray of int64
        The first pattern of each run, ascending, from 0.
    codes : ndarray of int64
        Its code, or ``REFUSED``.
    """

    starts: NDArray[np.int64]
    codes: NDArray[np.int64]

    def between(self, low: int, high: int) -> NDArray[np.int64]:
        """Return the codes of the patterns ``low`` to ``high - 1``."""
        first = int(np.searchsorted(self.starts, low, "right")) - 1
        last = int(np.searchsorted(self.starts, high, "left"))
        edges = np.concatenate([[low], self.starts[first + 1 : last], [high]])
        return np.repeat(self.codes[first:last], np.diff(edges))


@cache
def steps_of(fmt: ElementFormat, rounding: Rounding, overflow: Overflow) -> Steps:
    """Return the steps of a cast, from the specification of single numbers.

    Parameters
    ----------
    fmt : ElementFormat
        Of up to 16 bits, so that the steps are few.
    rounding : Rounding
        A direction, not STOCHASTIC.
    overflow : Overflow
        What becomes of numbers beyond the format.

    Raises
    ------
    ValueError
        If the format is wider, or the modes are none of it.

    Examples
    --------
    >>> from msdnum.evidence.cast_steps import steps_of
    >>> from msdnum.formats import E2M1, Overflow, Rounding
    >>> found = steps_of(E2M1, Rounding.RNE, Overflow.SATURATE)
    >>> [hex(start) for start in found.starts[:4]]  # 0, above 1/4, 3/4, above 5/4
    ['0x0', '0x3e800001', '0x3f400000', '0x3fa00001']
    >>> found.between(0x3E800000, 0x3E800002)
    array([0, 1])
    """
    if fmt.bits > 16:
        raise ValueError(f"fmt must have at most 16 bits, got {fmt.name} with {fmt.bits}")
    if rounding is Rounding.STOCHASTIC:
        raise ValueError("rounding must be a direction, got STOCHASTIC")
    spec.encode(spec.from_float32_bits(0x3F800000), fmt, overflow=overflow, rounding=rounding)

    def code(bits: int) -> int:
        try:
            value = spec.from_float32_bits(bits)
            return spec.encode(value, fmt, overflow=overflow, rounding=rounding)
        except ValueError:
            return REFUSED

    known = _in_range(fmt)
    halves = [list(_runs(code, base, known)) for base in (0, SIGN)]
    starts, codes = zip(*(run for half in halves for run in half), strict=True)
    return Steps(np.array(starts, np.int64), np.array(codes, np.int64))


def _in_range(fmt: ElementFormat) -> list[int]:
    """Return patterns of numbers of the format at whose sides NaN, too, lies at one end only."""
    ends = {Fraction(fmt.max_finite)}
    if isinstance(fmt, FloatFormat):
        ends.add(Fraction(fmt.min_normal))
    return sorted(spec.to_float32_bits(end) for end in ends)


def _runs(code: Callable[[int], int], base: int, known: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield start and code of the runs of one sign: zero, numbers, infinity and NaN."""
    previous = code(base)
    yield base, previous
    bounds = [base + pattern for pattern in (1, *known, INFINITY - 1)]
    changes = [change for pair in pairwise(bounds) for change in _changes(code, *pair)]
    for bits in (base + INFINITY, base + NAN):
        changes.append((bits, code(bits)))
    for start, found in changes:
        if found != previous:
            yield start, found
        previous = found


def _changes(code: Callable[[int], int], low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield where runs of a monotone function begin, from ``low`` to ``high``, by bisection.

    Between two patterns of one code there is none other, for rounding is monotone.
    """
    yield low, code(low)
    pending = [(low, code(low), high, code(high))]
    while pending:
        left, at_left, right, at_right = pending.pop()
        if at_left == at_right:
            continue
        if right - left == 1:
            yield right, at_right
            continue
        middle = (left + right) // 2
        at_middle = code(middle)
        # The left half last, so that it is taken first.
        pending += [(middle, at_middle, right, at_right), (left, at_left, middle, at_middle)]
