"""Fingerprint of the emulators: one digest over casts, blocks, decompositions and products.

It is the same on every machine and under every version of Python, NumPy, JAX and ml_dtypes. Its
operands are made of integers, because the last bit of a normal sample is the C library's.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.blocks import quantize
from msdnum.emulator.decompositions import decompose_terms
from msdnum.emulator.elements import encode
from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import (
    BLACKWELL_MX,
    CDNA3_FP8,
    HOPPER_FP8,
    INT32,
    PAIRWISE,
    SEQUENTIAL,
    Accumulator,
)  # fmt: skip
from msdnum.formats.blocks import BLOCK_FORMATS, INT8_ROW, MXFP4, MXFP8_E4M3, BlockFormat
from msdnum.formats.elements import ELEMENT_FORMATS, ElementFormat, FloatFormat
from msdnum.formats.modes import Overflow, Rounding
from msdnum.formats.schemes import INT8_X2_FLOAT32, MXFP4_X2, MXFP8_X1, SCHEMES, Scheme

__all__ = ["Part", "digest", "parts"]

Array: TypeAlias = Any
Results: TypeAlias = tuple[Array, ...]

ROUNDINGS = tuple(rounding for rounding in Rounding if rounding is not Rounding.STOCHASTIC)
HOSTILE, MILD = range(1, 200), range(120, 126)
"""Biased exponents of numbers."""
ROWS, LENGTH, COLUMNS = 8, 64, 6
FLOATS = (SEQUENTIAL, PAIRWISE, HOPPER_FP8, BLACKWELL_MX, CDNA3_FP8)
PRODUCTS: tuple[tuple[Scheme, BlockFormat, tuple[Accumulator, ...]], ...] = (
    (MXFP4_X2, MXFP4, FLOATS),
    (MXFP8_X1, MXFP8_E4M3, FLOATS),
    (INT8_X2_FLOAT32, INT8_ROW, (INT32,)),
)


@dataclass(frozen=True)
class Part:
    """One computation of the fingerprint.

    Parameters
    ----------
    name : str
        What is computed.
    compute : callable
        Takes the operands, as arrays of NumPy or of JAX, and returns arrays.
    operands : tuple of ndarray
        What the part takes, in its order.
    """

    name: str
    compute: Callable[..., Results]
    operands: tuple[NDArray[Any], ...]

    def results(self) -> tuple[NDArray[Any], ...]:
        """Return what NumPy gives."""
        return self.compute(*self.operands)


def digest(results: Iterable[Results]) -> str:
    """Return the SHA-256 of the bytes of arrays, little-endian, in order.

    Parameters
    ----------
    results : iterable of tuple of Array
        The results of all `parts`, in their order.
    """
    found = hashlib.sha256()
    for array in (np.asarray(array) for arrays in results for array in arrays):
        found.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    return found.hexdigest()


def parts() -> Iterator[Part]:
    """Yield all parts: 16-bit patterns, then blocks of hostile numbers, then mild ones.

    Examples
    --------
    >>> from msdnum.evidence.fingerprint import parts
    >>> next(parts()).name
    'cast to INT4'
    """
    for element in ELEMENT_FORMATS.values():
        yield Part(f"cast to {element.name}", partial(_cast, element), (_castable(element),))
    hostile, mild = _numbers(len(HOSTILE) + 1, LENGTH, HOSTILE), _numbers(ROWS, LENGTH, MILD)
    weights = _numbers(LENGTH, COLUMNS, MILD)
    for fmt in BLOCK_FORMATS.values():
        yield Part(f"quantize to {fmt.name}", partial(_quantize, fmt), (hostile, mild))
    for scheme in SCHEMES.values():
        yield Part(f"terms of {scheme.name}", partial(_terms, scheme), (hostile,))
    for scheme, fmt, accumulators in PRODUCTS:
        for accumulator in accumulators:
            kind = getattr(accumulator, "name", type(accumulator).__name__)
            name = f"{scheme.name} by {fmt.name}, {kind}"
            yield Part(name, partial(_multiply, scheme, fmt, accumulator), (mild, weights))


def _castable(fmt: ElementFormat) -> NDArray[Any]:
    """Return all BF16 patterns, without NaN where the format has none."""
    patterns = np.arange(1 << 16, dtype=np.uint16)
    if not (isinstance(fmt, FloatFormat) and fmt.nan_code is not None):
        patterns = patterns[(patterns & 0x7FFF) <= 0x7F80]
    return patterns.view(ml_dtypes.bfloat16)


def _numbers(rows: int, length: int, exponents: range) -> NDArray[np.float32]:
    """Return binary32 numbers; their exponents spread below one of the row, row 0 is zero."""
    count = rows * length
    words = (np.arange(1, count + 1, dtype=np.uint64) * 0x9E3779B97F4A7C15 >> 40).astype(np.uint32)
    row = np.arange(count, dtype=np.uint32) // length
    first = exponents.start + row * len(exponents) // rows
    exponent = np.maximum(first.astype(np.int32) - (words >> 21).astype(np.int32), 0)
    pattern = (words & 1) << 31 | exponent.astype(np.uint32) << 23 | words & 0x7FFFFF
    x = pattern.astype(np.uint32).reshape(rows, length)
    x[0] = 0
    return x.view(np.float32)


def _cast(fmt: ElementFormat, x: Array) -> Results:
    return tuple(encode(x, fmt, overflow=Overflow.SATURATE, rounding=r) for r in ROUNDINGS)


def _quantize(fmt: BlockFormat, *operands: Array) -> Results:
    made = [quantize(x, fmt) for x in operands]
    arrays = [(each.codes, each.scale_codes, each.tensor_scale) for each in made]
    return tuple(array for each in arrays for array in each if array is not None)


def _terms(scheme: Scheme, x: Array) -> Results:
    terms = decompose_terms(x, scheme)
    return tuple(array for term in terms for array in (term.codes, term.scale_codes))


def _multiply(
    scheme: Scheme, fmt: BlockFormat, accumulator: Accumulator, x: Array, y: Array
) -> Results:
    weights = quantize(y, fmt, axis=-2)
    return (matmul(decompose_terms(x, scheme), weights, accumulator=accumulator),)
