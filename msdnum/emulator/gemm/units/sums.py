"""Sums of products over k: what every kind of accumulator says about itself, as one protocol.

A kind is a file of this folder with a subclass of `Sums`, and a line in ``kinds``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, unique
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np

from msdnum.emulator import backend, binary32, bit_patterns
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.operands import (
    OperandType,
    Prepared,
    scaled_elements,
    significands_and_exponents,
)
from msdnum.emulator.gemm.tiles import Arrays, Tiling, over_tiles, slices
from msdnum.emulator.gemm.units.rounding import power_of_two
from msdnum.formats.accumulators import AnyAccumulator

__all__ = [
    "EXACT_APART", "EXACT_VALUES", "OperandTypes", "Operands", "Operations", "Range", "Step",
    "Sums",
    "are_exact", "are_integers", "check_exact_products", "check_shared", "fold_steps",
    "plain_values", "product_at", "scale_by_power",
]  # fmt: skip

OperandTypes: TypeAlias = tuple[OperandType, OperandType]
Step: TypeAlias = Callable[[Array, Arrays, Arrays], Array]
"""From c, and a slice of each side along k, to the next c."""
Accumulator = TypeVar("Accumulator", bound=AnyAccumulator)


@unique
class Range(Enum):
    """What is known of the values of a product."""

    ANY = "nothing"
    MODERATE = "binary32 arithmetic on them is exact but for the roundings of sums"


class Operations(NamedTuple):
    """How two elements are multiplied and a product is added."""

    product: Callable[[Arrays, Arrays], Array]
    add: Callable[[Array, Array], Array]


class Operands(NamedTuple):
    """The arrays of both sides, and the operations for them."""

    left: Arrays
    right: Arrays
    operations: Operations


def _native_add(c: Array, x: Array) -> Array:
    return c + x


def scale_by_power(x: Array, exponent: Array) -> Array:
    """Return ``x * 2**exponent`` for finite float32, rounded once where it is subnormal."""
    parts = bit_patterns.fields(x.view(np.int32))
    return bit_patterns.compose(
        parts.negative, parts.significand, parts.exponent + exponent - bit_patterns.FRACTION_BITS
    )


EXACT_VALUES = Operations(lambda a, b: a[0] * b[0], _native_add)
"""Products are exact and nothing is subnormal: the arithmetic of the machine, fused or not."""
ROUNDED_VALUES = Operations(lambda a, b: binary32.multiply(a[0], b[0]), binary32.add)
"""Values of more bits than binary32 holds the products of: products are rounded, too."""
ROUNDED_APART = Operations(
    lambda a, b: binary32.multiply_scaled(a[0], b[0], a[1] + b[1]), binary32.add
)
"""Elements and exponents apart, of more bits than binary32 holds the products of."""
EXACT_APART = Operations(lambda a, b: scale_by_power(a[0] * b[0], a[1] + b[1]), binary32.add)
"""Elements and exponents apart: products are exact but where they are subnormal."""


@dataclass(frozen=True)
class Sums(ABC, Generic[Accumulator]):
    """How an accumulator of one kind sums products: its checks, its operands and its steps.

    Parameters
    ----------
    accumulator : Accumulator
        The parameters of the kind.
    """

    accumulator: Accumulator

    tiling = Tiling.CACHED
    """Tiles of the result that suit the steps."""
    takes_start = True
    """Whether a sum may start from a c of the caller."""

    @property
    def lowest_product(self) -> int:
        """Exponent below which no product may be in a moderate range."""
        return bit_patterns.EMIN

    def check(self, kinds: OperandTypes, segment: int) -> None:
        """Raise ValueError unless sums of ``segment`` products of these types are defined."""

    @abstractmethod
    def depends_on_range(self, kinds: OperandTypes) -> bool:
        """Return whether there is a faster way for values of a moderate range."""

    @abstractmethod
    def operands(self, a: Prepared, b: Prepared, kinds: OperandTypes, values: Range) -> Operands:
        """Return what the steps take of both sides."""

    @abstractmethod
    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Return one step, and how much of k it takes."""

    def fold(
        self, operations: Operations, kinds: OperandTypes, a: Arrays, b: Arrays, c: Array
    ) -> Array:
        """Return c after all steps."""
        step, size = self.step(operations, kinds)
        return fold_steps(step, size, a, b, c)

    def accumulate(
        self, a: Prepared, b: Prepared, kinds: OperandTypes, values: Range, c: Array | None
    ) -> Array:
        """Return c, or +0, plus the sum of products, of shape (m, n)."""
        left, right, operations = self.operands(a, b, kinds, values)

        def run(left: Arrays, right: Arrays, c: Array) -> Array:
            return self.fold(operations, kinds, left, right, c)

        if c is None:
            shape = (a.elements.shape[0], b.elements.shape[1])
            c = backend.namespace(a.elements).zeros(shape, np.float32)
        return over_tiles(run, left, right, c, self.tiling)


class RangedSums(Sums[Accumulator]):
    """Sums in binary32 arithmetic, which is the hardware's own where the range allows it."""

    def depends_on_range(self, kinds: OperandTypes) -> bool:
        """Products of binary32 arrays are rounded anyway; beside E8M0 scales it matters."""
        return are_exact(kinds) or any(not k.is_float and not k.bounded for k in kinds)

    def operands(self, a: Prepared, b: Prepared, kinds: OperandTypes, values: Range) -> Operands:
        """Values where they suffice, otherwise elements and exponents."""
        if values is Range.MODERATE or not self.depends_on_range(kinds):
            operations = EXACT_VALUES if are_exact(kinds) else ROUNDED_VALUES
            left, right = plain_values(a, operations), plain_values(b, operations)
            return Operands([left], [right], operations)
        return Operands(
            significands_and_exponents(a),
            significands_and_exponents(b),
            EXACT_APART if are_exact(kinds) else ROUNDED_APART,
        )


def plain_values(x: Prepared, operations: Operations = EXACT_VALUES) -> Array:
    """Return the values of a side whose range is moderate."""
    value = scaled_elements(x)
    if x.exponents is None:
        return value
    if operations is ROUNDED_VALUES:
        return scale_by_power(value, x.exponents)
    (scaled,) = backend.map_rows(_scaled_in_range, value, x.exponents)
    return scaled


def _scaled_in_range(value: Array, exponent: Array) -> tuple[Array]:
    # In range: each of two powers is a normal number, and so is every intermediate value.
    half = exponent >> 1
    with np.errstate(invalid="ignore"):  # A signalling NaN is no mistake here.
        if not backend.is_jax(exponent) and np.abs(exponent).max() <= bit_patterns.BIAS - 1:
            return (value * power_of_two(exponent),)
        return (value * power_of_two(half) * power_of_two(exponent - half),)


def product_at(operations: Operations, a: Arrays, b: Arrays, k: int) -> Array:
    """Return the products of column k of the left side and row k of the right."""
    return operations.product([v[:, k, None] for v in a], [v[k] for v in b])


def fold_steps(step: Step, size: int, a: Arrays, b: Arrays, c: Array) -> Array:
    """Apply ``step`` to consecutive slices of k, the last as short as it is.

    A step hands on the slices of the next: sliced where they are used, XLA fuses them into the
    step, which takes up to ten times as long then (jax 0.10, CPU).
    """
    whole, rest = divmod(a[0].shape[1], size)

    def body(i: Any, state: tuple[Array, tuple[Arrays, Arrays]]) -> Any:
        c, parts = state
        following = backend.namespace(c).minimum(i + 1, whole - 1) * size
        return step(c, *parts), slices(a, b, following, size)

    if whole:
        c, _ = backend.loop(whole, body, (c, slices(a, b, 0, size)))
    return step(c, *slices(a, b, whole * size, rest)) if rest else c


# ------------------------------------------------------------------------------------------------
# What several kinds ask of their operands
# ------------------------------------------------------------------------------------------------


def are_exact(kinds: OperandTypes) -> bool:
    """Return whether binary32 holds the significand of every product."""
    return sum(k.precision for k in kinds) <= bit_patterns.FRACTION_BITS + 1


def are_integers(kinds: OperandTypes) -> bool:
    """Return whether all elements are integers of at most 8 bits."""
    return all(k.integer for k in kinds)


def check_shared(name: str, size: int, kind: OperandType, segment: int) -> None:
    """Raise if ``size`` products, from the start of a segment on, could have two scales inside."""
    block = kind.length if kind.inside is None else kind.inside
    aligned = segment >= kind.length or segment % size == 0
    if block >= kind.length or block % segment == 0 or (block % size == 0 and aligned):
        return
    raise ValueError(
        f"accumulator {name} needs scales shared by whole blocks of {size}, "
        f"got {kind.name} with blocks of {block} in segments of {segment}"
    )


def check_exact_products(name: str, kinds: OperandTypes) -> None:
    """Raise unless the emulated unit can hold a product exactly in binary32."""
    if max(k.precision for k in kinds) > 12:
        raise ValueError(
            f"accumulator {name} needs elements of at most 12 significand bits, "
            f"got {kinds[0].name} and {kinds[1].name}"
        )
