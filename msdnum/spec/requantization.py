"""Requantization: an array as a sum of terms, each quantized from what binary32 has left."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from msdnum.formats.blocks import BlockFormat
from msdnum.formats.modes import Overflow
from msdnum.spec.blocks import dequantize_block, elements_by, quantize_block, tensor_scale
from msdnum.spec.elements import decode, encode, fl32
from msdnum.spec.numbers import Special, Value, divide, is_finite, multiply, number, subtract

__all__ = ["RequantizedTerm", "Requantized", "requantize"]


class RequantizedTerm(NamedTuple):
    """A term of a row."""

    tensor: Value | None
    """Scale of the tensor."""
    scale_codes: tuple[int, ...]
    codes: tuple[int, ...]


class Requantized(NamedTuple):
    """A row as a sum of terms."""

    terms: tuple[RequantizedTerm, ...]
    remainders: tuple[Value, ...]
    """What element times scale, both exact, leave of each number; binary64 after each term."""


def requantize(
    values: Sequence[Value], formats: Sequence[BlockFormat], ratios: Sequence[Fraction] | None
) -> Requantized:
    """Return the terms of a tensor of one row, each block of its own length.

    A term is `quantize_block` of every block of what is left; what is left is ``x - q``, q being
    the term as `dequantize_block` has it, rounded to binary32. With ratios the later scales are
    ``fl32(scale / ratio)`` of those of the term before, rounded to the scale format, saturating,
    and the scale of the tensor is that of the first.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import spec
    >>> from msdnum.formats import NVFP4
    >>> found = spec.requantize([Fraction(1), Fraction(3, 8)], [NVFP4, NVFP4], None)
    >>> [term.codes for term in found.terms]
    [(7, 4), (0, 7)]
    >>> [round(float(left), 8) for left in found.remainders]
    [-3e-08, 0.0]
    """
    carried = remainders = list(values)
    terms: list[RequantizedTerm] = []
    for i, fmt in enumerate(formats):
        given = terms[-1] if i and ratios is not None else None
        tensor = tensor_scale(carried, fmt) if given is None else given.tensor
        size = fmt.block_size or len(carried)
        blocks = [carried[j : j + size] for j in range(0, len(carried), size)]
        pairs = []
        for j, block in enumerate(blocks):
            if given is None:
                pairs.append(quantize_block(block, fmt, tensor=tensor))
            else:
                assert ratios is not None
                code = _over(given.scale_codes[j], ratios[i - 1], fmt)
                pairs.append((code, _elements(code, block, fmt, tensor)))
        scales, codes = zip(*pairs, strict=True)
        back = [dequantize_block(s, c, fmt, tensor=tensor) for s, c in pairs]
        exact = [_exactly(s, c, fmt, tensor) for s, c in pairs]
        carried = _less(carried, back, fl32)
        remainders = _less(remainders, exact, _to_binary64)
        terms.append(RequantizedTerm(tensor, scales, tuple(c for part in codes for c in part)))
    return Requantized(tuple(terms), tuple(remainders))


def _over(code: int, ratio: Fraction, fmt: BlockFormat) -> int:
    """Return the code of a scale over a ratio."""
    quotient = fl32(divide(decode(code, fmt.scale), ratio))
    return encode(quotient, fmt.scale, overflow=Overflow.SATURATE)


def _elements(
    scale_code: int, block: Sequence[Value], fmt: BlockFormat, tensor: Value | None
) -> list[int]:
    if not all(is_finite(value) for value in block):
        return [0] * len(block)
    return elements_by(scale_code, block, fmt, tensor=tensor)


def _exactly(
    scale_code: int, codes: Sequence[int], fmt: BlockFormat, tensor: Value | None
) -> list[Value]:
    scale = decode(scale_code, fmt.scale)
    if tensor is not None:
        scale = fl32(multiply(scale, tensor))
    return [multiply(decode(code, fmt.element), scale) for code in codes]


def _less(values: Sequence[Value], parts: Sequence[Sequence[Value]], fl: object) -> list[Value]:
    taken = [value for part in parts for value in part]
    return [fl(subtract(v, t)) for v, t in zip(values, taken, strict=True)]  # type: ignore[operator]


def _to_binary64(x: Value) -> Value:
    return x if isinstance(x, Special) else Fraction(float(number(x)))
