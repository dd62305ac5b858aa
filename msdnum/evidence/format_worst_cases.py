"""The worst that a number format, or a block format, leaves of any number in its range."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from msdnum import bounds
from msdnum.emulator.blocks import quantize
from msdnum.emulator.elements import round_to
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.evidence.bf16_pairs import Window, to_float32, to_number
from msdnum.evidence.decompositions import witness_of
from msdnum.evidence.product_bounds import exact_values
from msdnum.evidence.promises import covering
from msdnum.evidence.searched_blocks import chosen_block
from msdnum.evidence.worst_cases import TOP, Extreme
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import (
    BINARY32,
    E8M0,
    INT8_SYMMETRIC,
    ElementFormat,
    FloatFormat,
    TableFormat,
)
from msdnum.formats.modes import Arithmetic, Overflow
from msdnum.formats.scale_searches import ScaleSearch
from msdnum.formats.schemes import Scheme
from msdnum.ledger.findings import Evidence, Witness

__all__ = ["as_scheme", "block_bound", "has_relative", "of_block", "of_element", "what_it_holds"]

Floats = NDArray[np.float64]

EVERY_CODE = 16
"""Formats of at most so many bits have all of their numbers run."""


def has_relative(fmt: ElementFormat) -> bool:
    """Return whether a format has neighbours that are normal, between which errors are relative."""
    return isinstance(fmt, FloatFormat) and fmt.max_finite > fmt.min_normal


def of_element(fmt: ElementFormat) -> Extreme:
    """Find the worst error of rounding to a number format (RNE), in its range.

    Relative to x between normal numbers: of all midpoints of neighbours, where the error is
    largest; of more than 16 bits, of the first midpoint above a power of two. Without neighbours
    that are normal, as in integers, relative to ``max_finite``.
    """
    x = np.array(list(_midpoints(fmt)))
    error = np.abs(x - np.asarray(round_to(x, fmt, overflow=Overflow.SATURATE), np.float64))
    size = x if has_relative(fmt) else np.full_like(x, fmt.max_finite)
    worst = _nearest_to_one(x, error / size)
    found = Fraction(float(error[worst])) / Fraction(float(size[worst]))
    kind = "exhaustive" if fmt.bits <= EVERY_CODE else "known case"
    evidence = Evidence(kind, len(x), f"midpoints of neighbours in {fmt.name}")
    return Extreme(found, _element_bound(fmt), _number_witness(float(x[worst])), evidence)


def _nearest_to_one(x: Floats, share: Floats) -> int:
    """Return the index of the largest share; of several, of that whose x is nearest to 1."""
    distance = np.where(share == share.max(), np.abs(np.log2(np.abs(x))), np.inf)
    return int(distance.argmin())


def _midpoints(fmt: ElementFormat) -> Iterator[float]:
    """Yield midpoints of neighbours: of positive ones, normal where there are some, or by table."""
    if isinstance(fmt, TableFormat):
        yield from ((a + b) / 2 for a, b in pairwise(float(n.value) for n in fmt.ordered))
        return
    if fmt.bits > EVERY_CODE and isinstance(fmt, FloatFormat):
        power = 2.0 ** min(max(0, fmt.emin), fmt.emax)
        yield power * (1 + 2.0**-fmt.precision)
        return
    least = fmt.min_normal if isinstance(fmt, FloatFormat) and has_relative(fmt) else 0.0
    numbers = sorted({v for v in fmt.values if least <= v <= fmt.max_finite} | {least})
    yield from ((a + b) / 2 for a, b in pairwise(numbers))


def _number_witness(x: float) -> Witness:
    narrow = np.array([x], np.float32)
    if float(narrow[0]) == x:
        return witness_of(narrow, 0)
    return Witness("BINARY64", (int(np.float64(x).view(np.uint64)),), 0)


def _element_bound(fmt: ElementFormat) -> Fraction | float:
    """Return what theorem element-rounding has; Inf for a format without zero."""
    if isinstance(fmt, TableFormat) or not getattr(fmt, "subnormals", True):
        return float("inf")
    bound = bounds.element_rounding(fmt)
    if has_relative(fmt):
        return bound.relative
    return bound.largest / Fraction(fmt.max_finite)


def of_block(fmt: BlockFormat) -> Extreme:
    """Find the worst of all blocks of BF16 numbers whose amax is in (1, 2].

    An error depends on the element and on the amax of its block alone, and with scales that do not
    under- or overflow a power of two changes nothing. Relative to alpha with power-of-two scales,
    to amax with others. With a tensor scale, that of a tensor whose amax is 2. Of a search it is
    the worst under any one of its divisors, at a whole block of which the search takes that one; if
    no such block is found, none of this format errs more, and the evidence says so.

    Raises
    ------
    ValueError
        If the search is of every scale: what it takes hangs on all of a block.
    """
    if fmt.search is not None and fmt.search.divisors is None:
        raise ValueError(f"search must have divisors for a worst case, not all of {fmt.name!r}")
    if fmt.search is not None and len(fmt.search.divisors or ()) > 1:
        return _of_search(fmt, fmt.search)
    rows = Window(TOP[0], TOP[-1]).rows()
    x = to_float32(rows)
    left = np.abs(x - what_it_holds(quantize(x, replace(fmt, block_size=None))))
    each, place = np.arange(len(rows)), left.argmax(axis=1)
    spans = [_range(fmt, to_number(int(amax))) for amax in rows[:, 0]]
    errors = [Fraction(float(e)) / s for e, s in zip(left[each, place], spans, strict=True)]
    worst = max(each.tolist(), key=errors.__getitem__)
    block = int(rows[worst, 0]), int(rows[worst, place[worst]])
    within = ", tensor amax 2" if fmt.tensor_scale else ""
    count = int((rows[:, :1].astype(int) + 1).sum())
    evidence = Evidence("exhaustive", count, f"BF16 pairs (x, amax), amax in (1, 2]{within}")
    return Extreme(errors[worst], block_bound(fmt), Witness("BF16", block, 1), evidence)


def _of_search(fmt: BlockFormat, search: ScaleSearch) -> Extreme:
    """Return the worst under any one divisor, at a block of which the search takes it."""
    found = {
        divisor: of_block(replace(fmt, search=replace(search, divisors=(divisor,))))
        for divisor in search.divisors or ()
    }
    divisor = max(found, key=lambda each: found[each].error)
    worst = found[divisor]
    block = chosen_block(fmt, divisor, worst.witness)
    how = f"amax / {divisor:g}, at a block whose search takes it"
    if block is None:
        how = "of any one divisor; no block is known whose search takes it"
    evidence = replace(worst.evidence, of=f"{worst.evidence.of}, {how}")
    return replace(worst, witness=block or worst.witness, evidence=evidence)


def _range(fmt: BlockFormat, amax: float) -> Fraction:
    return covering(amax) if fmt.scale == E8M0 else Fraction(amax)


def what_it_holds(array: QuantizedArray) -> Floats:
    """Return the numbers of an array in float64: unrounded where float64 can, as most can."""
    try:
        return exact_values(array)
    except ValueError:
        return np.asarray(array.dequantize(), np.float64)


def as_scheme(fmt: BlockFormat) -> Scheme | None:
    """Return the scheme of one term that does what quantizing does; None if there is none."""
    exact = fmt.scale == E8M0
    if not exact and (fmt.scale, fmt.element) != (BINARY32, INT8_SYMMETRIC):
        return None
    arithmetic = Arithmetic.EXACT if exact else Arithmetic.FLOAT32
    try:
        return Scheme(fmt.name, (fmt,), (), arithmetic)
    except ValueError:
        return None


def block_bound(fmt: BlockFormat) -> Fraction | float:
    """Return what is proved of a block format, relative as in ``of_block``; Inf for nothing."""
    scheme = as_scheme(fmt)
    return float("inf") if scheme is None else bounds.remainder(scheme)
