"""Where two scale arithmetics differ: the smallest input, and both of them step by step."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from msdnum import spec
from msdnum.emulator.library_arithmetic import codes_of_rows
from msdnum.formats.scale_arithmetic import ScaleArithmetic

__all__ = ["ArithmeticDifference", "smallest_difference"]

Array = NDArray[np.float32]

BITS = 8
"""Significand bits of BF16, whose numbers are tried."""
PIECE = 1 << 16
"""Tensors that are tried at once."""


@dataclass(frozen=True)
class ArithmeticDifference:
    """An input on which two arithmetics give other codes.

    Parameters
    ----------
    tensor_amax : Fraction
        Largest magnitude of the tensor.
    block : tuple of Fraction
        Elements of the block.
    one, other : BlockTrace
        The block as each quantizes it.
    names : tuple of str
        Of the two.
    """

    tensor_amax: Fraction
    block: tuple[Fraction, ...]
    one: spec.BlockTrace
    other: spec.BlockTrace
    names: tuple[str, str]

    def __str__(self) -> str:
        elements = ", ".join(map(str, self.block))
        text = [f"block {elements} of a tensor whose amax is {self.tensor_amax}"]
        for name, trace in zip(self.names, (self.one, self.other), strict=True):
            codes = " ".join(f"{code:#x}" for code in trace.codes)
            text += [f"{name}: scale code {trace.scale_code:#x}, element codes {codes}"]
            text += [f"  {line}" for line in trace.lines]
        return "\n".join(text)


def smallest_difference(
    one: ScaleArithmetic, other: ScaleArithmetic
) -> ArithmeticDifference | None:
    """Return the smallest input found on which two arithmetics give other codes.

    Tensors of BF16 numbers are tried, those whose amax is in [1, 2) first, for in the middle of the
    range a power of two changes nothing: one element; then a block of amax and an element; then, in
    formats with a tensor scale, an element, and a block of amax and an element, beside another
    block. Where none of them differs, one element of any size, at the ends of the range, too. Of
    these inputs one with fewer significand bits together is smaller, then one whose exponents are
    nearer to 0. None says that no input tried differs, no more.

    Parameters
    ----------
    one, other : ScaleArithmetic
        Of formats with the same elements, scales and blocks.

    Raises
    ------
    ValueError
        If the formats differ.

    Examples
    --------
    >>> from msdnum.conformance import smallest_difference
    >>> from msdnum.formats import LIBRARY_ARITHMETIC
    >>> up, down = (LIBRARY_ARITHMETIC[f"triton {way} E2M1"] for way in ("up", "down"))
    >>> found = smallest_difference(up, down)
    >>> found.block, found.one.scale_code, found.other.scale_code
    ((Fraction(7, 4),), 126, 125)
    """
    if one.format != other.format:
        raise ValueError(
            f"one and other must be of the same format, got {one.format.name} and "
            f"{other.format.name}"
        )
    for tensors in _searches(one):
        found = _first(tensors, one, other)
        if found is not None:
            return found
    return None


def _searches(arithmetic: ScaleArithmetic) -> Iterator[Array]:
    """Yield tensors, one in a row: the amax of the tensor, and then one block's elements."""
    yield np.stack([_significands(0)] * 2, axis=1)
    amax, below = _significands(0), np.concatenate([_significands(-e) for e in range(7)])
    yield _pairs(amax, below)
    if arithmetic.format.tensor_scale:
        few = amax[_bits(amax) <= 4]
        far = np.concatenate([np.ldexp(few, -e) for e in range(24)])
        yield _pairs(few, far)[:, [0, 2]]
        tops = np.concatenate([np.ldexp(few, -e) for e in range(4)])
        three = np.array(np.meshgrid(few, tops, below[: 4 << (BITS - 1)])).reshape(3, -1).T
        yield np.ascontiguousarray(three[(three[:, 1] < three[:, 0]) & (three[:, 2] < three[:, 1])])
    patterns = np.arange(1, 0x7F80, dtype=np.uint16).view(ml_dtypes.bfloat16)
    yield np.stack([patterns.astype(np.float32)] * 2, axis=1)


def _significands(exponent: int) -> Array:
    steps = np.arange(1 << (BITS - 1), dtype=np.float32)
    return np.ldexp(1 + steps / (1 << (BITS - 1)), exponent).astype(np.float32)


def _pairs(amax: Array, x: Array) -> Array:
    both = np.array(np.meshgrid(amax, x)).reshape(2, -1).T
    both = both[both[:, 1] < both[:, 0]]
    return np.ascontiguousarray(both[:, [0, 0, 1]])


def _bits(x: Array) -> NDArray[np.int64]:
    """Return the significand bits of BF16 numbers."""
    fraction = (x.view(np.uint32) >> 16 & 0x7F) | 0x80
    lowest = fraction & -fraction.astype(np.int64)
    found: NDArray[np.int64] = BITS - np.log2(lowest).astype(np.int64)
    return found


def _first(
    tensors: Array, one: ScaleArithmetic, other: ScaleArithmetic
) -> ArithmeticDifference | None:
    differs = np.concatenate(
        [
            _differs(tensors[start : start + PIECE], one, other)
            for start in range(0, len(tensors), PIECE)
        ]
    )
    candidates = tensors[differs]
    if not len(candidates):
        return None
    bits, exponents = (f(candidates).sum(axis=1) for f in (_bits, _distance))
    top, *block = candidates[np.lexsort((exponents, bits))[0]].tolist()
    tensor_amax, values = Fraction(top), tuple(map(Fraction, block))
    left, right = (spec.trace_block(values, each, tensor_amax) for each in (one, other))
    return ArithmeticDifference(tensor_amax, values, left, right, (one.name, other.name))


def _distance(x: Array) -> NDArray[np.int64]:
    exponents: NDArray[np.int64] = (x.view(np.uint32) >> 23).astype(np.int64)
    return np.abs(exponents - 127)


def _differs(tensors: Array, one: ScaleArithmetic, other: ScaleArithmetic) -> NDArray[np.bool_]:
    """Return which tensors have other codes."""
    amax, blocks = tensors[:, :1], tensors[:, 1:]
    left, right = (codes_of_rows(blocks, amax, arithmetic) for arithmetic in (one, other))
    found: NDArray[np.bool_] = np.zeros(len(tensors), bool)
    for mine, theirs in zip(left, right, strict=True):
        found |= (mine != theirs).any(axis=1)
    return found
