"""Results of tensor cores beside those of the models of their units, bit for bit."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msdnum.device.dot_families import FAMILIES_OF_DOTS, Dots, draw_dots, integer_dots
from msdnum.device.instructions import Instruction
from msdnum.device.layouts import BINARY64, Layout, layout_of
from msdnum.device.unit_models import Multiply, modelled
from msdnum.formats.accumulators import Int32Overflow
from msdnum.formats.elements import FloatFormat

__all__ = ["Compared", "DotSet", "canonical", "compared", "computes_integers", "dot_sets"]

Array = NDArray[Any]

SIZE = (512, 512)
CHAINED = 3
"""Instructions in a row, where there is more than one."""
WITNESSES = 8
STARTS = ("c", "zero", "nothing")


@dataclass(frozen=True)
class DotSet:
    """A set of inner products for an instruction.

    Parameters
    ----------
    instruction : Instruction
        The instruction that multiplies.
    family : str
        One of ``FAMILIES_OF_DOTS``, or ``int8``.
    start : str
        ``c``, ``zero`` (a c of +0) or ``nothing`` (no c at all).
    count : int
        Instructions in a row.
    size : tuple of int
        Rows and columns.
    seed : int
        Of the operands.
    """

    instruction: Instruction
    family: str
    start: str
    count: int
    size: tuple[int, int]
    seed: int

    def operands(self) -> Dots:
        """Draw them."""
        of = self.instruction
        shape = (*self.size, of.k * self.count)
        if isinstance(of.model, Int32Overflow):
            given = integer_dots(shape, self.seed)
        else:
            left, right, out = (_layout(fmt) for fmt in (of.left, of.right, of.output))
            given = draw_dots(self.family, left, right, out, shape, self.seed)
        return given if self.start == "c" else Dots(given.a, given.b, np.zeros_like(given.c))


def _layout(fmt: Any) -> Layout:
    return layout_of(fmt) if isinstance(fmt, FloatFormat) else BINARY64


def dot_sets(
    instruction: Instruction, size: tuple[int, int] = SIZE, seed: int = 0
) -> Iterator[DotSet]:
    """Yield every family from a c, from zero, from nothing where that can be, and in a chain.

    Examples
    --------
    >>> from msdnum.device import TENSOR_CORES, dot_sets
    >>> sets = list(dot_sets(TENSOR_CORES["mma.m16n8k16.f32.f16.f16"]))
    >>> len(sets), sets[0].family, sets[0].start, sets[2].count
    (45, 'ordinary', 'c', 3)
    """
    integers = isinstance(instruction.model, Int32Overflow)
    for family in ("int8",) if integers else FAMILIES_OF_DOTS:
        yield DotSet(instruction, family, "c", 1, size, seed)
        yield DotSet(instruction, family, "zero", 1, size, seed + 1)
        yield DotSet(instruction, family, "c", CHAINED, size, seed + 2)
        if instruction.starts_from_nothing:
            yield DotSet(instruction, family, "nothing", 1, size, seed + 3)


@dataclass(frozen=True)
class Compared:
    """How many results of a set the model gives, bit for bit; one NaN is as good as another.

    Parameters
    ----------
    dots : DotSet
        What was computed.
    results, equal : int
        Inner products, and those of the same bits.
    nan_patterns : tuple of str
        Of the hardware, four at most.
    inputs, outputs : str
        SHA-256 of A, B and C, and of what the hardware gave, with one pattern for all NaN.
    witnesses : tuple of dict
        The first that differ: patterns of a row of A, a row of B, c, and both results.
    """

    dots: DotSet
    results: int
    equal: int
    nan_patterns: tuple[str, ...]
    inputs: str
    outputs: str
    witnesses: tuple[dict[str, Any], ...]


def compared(of: DotSet, multiply: Multiply) -> Compared:
    """Hold what the hardware gives for a set against the model.

    Parameters
    ----------
    of : DotSet
        The inner products to compute.
    multiply : callable
        As ``TensorCores.multiply``.
    """
    given = of.operands()
    found = multiply(of.instruction.name, given, from_nothing=of.start == "nothing")
    expected = modelled(of.instruction, given, multiply)
    theirs, ours = canonical(found), canonical(expected)
    differs = theirs != ours
    return Compared(
        of,
        differs.size,
        int((~differs).sum()),
        _nan_patterns(found),
        _sha256(given.a, given.b, given.c),
        _sha256(theirs),
        tuple(
            _witness(given, theirs, ours, int(i), int(j))
            for i, j in np.argwhere(differs)[:WITNESSES]
        ),
    )


def _witness(given: Dots, theirs: Array, ours: Array, i: int, j: int) -> dict[str, Any]:
    return {
        "a": _hexadecimal(given.a[i]),
        "b": _hexadecimal(given.b[j]),
        "c": _hexadecimal(given.c[i, j : j + 1])[0],
        "hardware": _hexadecimal(theirs[i, j : j + 1])[0],
        "model": _hexadecimal(ours[i, j : j + 1])[0],
    }


def _hexadecimal(x: Array) -> list[str]:
    patterns = np.ascontiguousarray(x).view(f"u{x.itemsize}")
    return [f"{int(pattern):0{2 * x.itemsize}x}" for pattern in patterns]


def canonical(x: Array) -> Array:
    """Return bit patterns, one for all NaN.

    Examples
    --------
    >>> from msdnum.device import canonical
    >>> canonical(np.array([0x7FFFFFFF, 0x3F800000], np.uint32).view(np.float32)) == 0x3F800000
    array([False,  True])
    """
    if x.dtype.kind == "f":
        x = np.where(np.isnan(x), np.array(np.nan, x.dtype), x)
    patterns: Array = np.ascontiguousarray(x).view(f"u{x.itemsize}")
    return patterns


def _nan_patterns(x: Array) -> tuple[str, ...]:
    if x.dtype.kind != "f":
        return ()
    return tuple(_hexadecimal(np.unique(x[np.isnan(x)].view(f"u{x.itemsize}"))[:4]))


def _sha256(*arrays: Array) -> str:
    """Return the digest of the bytes of arrays, little-endian, in order."""
    found = hashlib.sha256()
    for array in arrays:
        patterns = np.ascontiguousarray(array).view(f"u{array.itemsize}")
        found.update(patterns.astype(patterns.dtype.newbyteorder("<"), copy=False).tobytes())
    return found.hexdigest()


def computes_integers(instruction: Instruction, multiply: Multiply, seed: int = 0) -> bool:
    """Return whether small integers come out right, which every model computes exactly.

    What fails here is the program that feeds the tensor cores, and not a model of them.
    """
    rng = np.random.default_rng(seed)
    k = instruction.k * CHAINED
    a, b, c = (rng.integers(-2, 3, shape) for shape in ((70, k), (23, k), (70, 23)))
    like = DotSet(instruction, "ties", "c", CHAINED, (1, 1), seed).operands()
    given = Dots(a.astype(like.a.dtype), b.astype(like.b.dtype), c.astype(like.c.dtype))
    found = multiply(instruction.name, given).astype(np.float64)
    return bool((found == c + a @ b.T).all())
