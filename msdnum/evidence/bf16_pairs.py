"""Every pair of a BF16 element and a BF16 amax: the worst that a decomposition leaves of any block.

An element-wise error depends on the element and on the amax of its block only, so that finitely
many pairs decide it for all blocks of BF16 numbers. Magnitudes only: a sign goes through unchanged.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from msdnum.display import html
from msdnum.emulator import shared_scales
from msdnum.emulator.decompositions import decompose
from msdnum.formats.schemes import OWN_AMAX, Scheme
from msdnum.ledger.trial import Progress

__all__ = [
    "LARGEST", "ONE", "Profile", "Window", "every_amax", "profile", "scale_free", "to_float32",
    "to_number",
]  # fmt: skip

Patterns = NDArray[np.uint16]
Floats = NDArray[np.float64]

LARGEST = 0x7F7F
"""Pattern of the largest BF16 number."""

ONE = 0x3F80
BINADE = 0x80
UNDERFLOW_BINADES = 6
CHUNK = 1 << 20


@dataclass(frozen=True)
class Window(html.Shown):
    """The pairs of all amax in ``first..last`` with all x from ``depth`` binades below up to it.

    Parameters
    ----------
    first, last : int
        BF16 patterns of amax, inclusive.
    depth : int or None
        Binades; None: all x down to zero.

    Raises
    ------
    ValueError
        If these are not patterns of positive finite BF16 numbers.
    """

    first: int
    last: int
    depth: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is not a range of positive finite numbers."""
        if not 1 <= self.first <= self.last <= LARGEST:
            raise ValueError(f"window must lie in 1..{LARGEST}, got {self.first}..{self.last}")

    def lowest(self, amax: int) -> int:
        """Return the pattern of the smallest x beside ``amax``."""
        return 0 if self.depth is None else max(0, amax - self.depth * BINADE)

    def chunks(self) -> Iterator["Window"]:
        """Yield windows of about a million pairs, each of one depth for all its amax."""
        start = self.first
        while start <= self.last:
            width = start - self.lowest(start) + 1
            step = max(1, min(CHUNK // width, width // 8))
            stop = min(self.last, start + step - 1)
            yield Window(start, stop, self.depth)
            start = stop + 1

    def rows(self) -> Patterns:
        """Return blocks as rows: amax, then every x up to it; a zero in the place of larger x."""
        amax = np.arange(self.first, self.last + 1, dtype=np.uint16)[:, np.newaxis]
        x = np.arange(self.lowest(self.first), self.last + 1, dtype=np.uint16)
        return np.hstack([amax, np.where(x <= amax, x, 0).astype(np.uint16)])

    def __len__(self) -> int:
        """Return the number of amax."""
        return self.last - self.first + 1


def every_amax(depth: int | None = None) -> tuple[Window, ...]:
    """Return the window of every amax; without a depth, of all 5.3e8 pairs."""
    return (Window(1, LARGEST, depth),)


def scale_free(depth: int) -> tuple[Window, ...]:
    """Return windows of all pairs that differ by more than a power of two.

    Parameters
    ----------
    depth : int
        Binades below amax after which all digits are zero.

    Returns
    -------
    tuple of Window
        The lower end, as long as a scale or x may be subnormal; the binade [1, 2); the last two.
    """
    return (
        Window(1, (depth + UNDERFLOW_BINADES) * BINADE, depth),
        Window(ONE, ONE + BINADE - 1, depth),
        Window(LARGEST - 2 * BINADE + 1, LARGEST, depth),
    )


@dataclass(frozen=True)
class Profile(html.Shown):
    """The worst error beside each amax.

    Parameters
    ----------
    blocks : dict
        From the pattern of amax to the pattern(s) of a worst block; its last element is the one
        with the error.
    errors : dict
        From the pattern of amax to the magnitude of that error, exact.
    pairs : dict
        From the pattern of amax to the number of x that were run beside it.
    """

    blocks: dict[int, tuple[int, ...]]
    errors: dict[int, Fraction]
    pairs: dict[int, int]


def profile(scheme: Scheme, windows: tuple[Window, ...], progress: Progress) -> Profile:
    """Run the emulator on all pairs of the windows and keep the worst beside each amax.

    With fixed ratios blocks of two, ``[amax, x]``, are all blocks. With OWN_AMAX the second scale
    follows from a third element, so that blocks ``[amax, y, x]`` are run: for each scale that the
    remainder of some y gives, all x whose remainder is not above it.

    Parameters
    ----------
    scheme : Scheme
        How to decompose; its block size is not used.
    windows : tuple of Window
        Pairs that are run.
    progress : callable
        Told the number of amax after each chunk.

    Returns
    -------
    Profile
        What an x leaves is at most ``|x|``, since zero competes for nearest; where an x below a
        window could so leave more than those in it, it is run too.
    """
    formats = tuple(replace(fmt, block_size=None) for fmt in scheme.formats)
    rowwise = replace(scheme, formats=formats)
    total = Profile({}, {}, {})
    for chunk in chain.from_iterable(window.chunks() for window in windows):
        part = _searched(rowwise, chunk)
        total.blocks.update(part.blocks)
        total.errors.update(part.errors)
        total.pairs.update(part.pairs)
        progress(len(part.pairs))
    return total


def _searched(scheme: Scheme, window: Window) -> Profile:
    rows = window.rows()
    search = _shared if scheme.ratios is OWN_AMAX and scheme.terms > 1 else _single
    magnitudes, denominator, found = search(rows, scheme)
    lowest = int(rows[0, 1])
    if (magnitudes < to_number(lowest) * denominator).any():
        return _searched(scheme, replace(window, depth=None))
    amax = rows[:, 0].tolist()
    errors = (Fraction(m) / denominator for m in magnitudes.tolist())
    return Profile(
        dict(zip(amax, found, strict=True)),
        dict(zip(amax, errors, strict=True)),
        {a: a - lowest + 1 for a in amax},
    )


def to_float32(patterns: Patterns) -> NDArray[np.float32]:
    """Return the numbers of BF16 patterns."""
    return (patterns.astype(np.uint32) << 16).view(np.float32)


def to_number(pattern: int) -> float:
    """Return the number of one BF16 pattern."""
    return float(to_float32(np.array([pattern], np.uint16))[0])


Search = tuple[Floats, int, Sequence[tuple[int, ...]]]
"""The worst magnitude of each row, times a denominator, the denominator, and the worst blocks."""


def _left(rows: Patterns, scheme: Scheme) -> tuple[Floats, int]:
    result = decompose(to_float32(rows), scheme)
    return np.abs(result.scaled_remainder.astype(np.float64)), result.denominator


def _single(rows: Patterns, scheme: Scheme) -> Search:
    left, denominator = _left(rows, scheme)
    place = left.argmax(axis=1)
    each = np.arange(len(rows))
    pairs = zip(rows[:, 0].tolist(), rows[each, place].tolist(), strict=True)
    return left[each, place], denominator, list(pairs)


def _shared(rows: Patterns, scheme: Scheme) -> Search:
    """Try every scale of the second term, from the largest down while it could still matter."""
    first = replace(scheme, formats=scheme.formats[:1], ratios=())
    remainder = decompose(to_float32(rows), first).remainder
    pattern = remainder.view(np.int32) & 0x7FFFFFFF
    fmt = scheme.formats[1]
    level = shared_scales.shared_exponent(pattern, fmt.element, fmt.rule)
    size = np.abs(remainder.astype(np.float64))
    each = np.arange(len(rows))
    worst = np.zeros(len(rows))
    found: list[tuple[int, ...]] = [(int(a), 0) for a in rows[:, 0]]
    active = np.ones(rows.shape, bool)
    denominator = 1
    while (np.where(active, size, 0).max(axis=1) > worst).any():
        kept = np.where(active, rows, 0).astype(np.uint16)
        left, denominator = _left(kept, scheme)
        left = np.where(active, left, 0)
        place, third = left.argmax(axis=1), np.where(active, size, 0).argmax(axis=1)
        better = np.flatnonzero(left[each, place] > worst)
        worst[better] = left[better, place[better]]
        for i in better:
            found[i] = (int(rows[i, 0]), int(rows[i, third[i]]), int(rows[i, place[i]]))
        top = np.where(active, level, -999).max(axis=1, keepdims=True)
        active &= level < top
        # A block has its amax: no second scale is below the one that amax asks for.
        active &= active[:, :1]
    return worst, denominator, found
