"""Sums of products over k, as each accumulator defines them, for two-dimensional finite factors."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from msdnum.emulator import backend, binary32, bit_patterns
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.exact_sums import (
    dot,
    float64_dot,
    fused_step,
    integer_dot,
    largest_k,
    rounded_sum,
    scaled_float64,
)
from msdnum.emulator.gemm.operands import (
    OperandType,
    Prepared,
    scaled_elements,
    significands_and_exponents,
)
from msdnum.emulator.gemm.tiles import Arrays, loop, over_tiles, padded, slices
from msdnum.emulator.gemm.units.aligned import (
    EXPONENT_BIAS,
    cdna3_step,
    grouped_step,
    matrix_unit_step,
    with_infinite_products,
)
from msdnum.formats.accumulators import (
    AnyAccumulator,
    Blocks,
    Cdna3Unit,
    Exact,
    FusedUnit,
    GroupedUnit,
    Int32,
    Int32Overflow,
    MatrixUnit,
    Pairwise,
    PairwiseUnit,
    Sequential,
)
from msdnum.formats.elements import E2M1, E4M3, E8M0

__all__ = ["accumulate", "check_accumulator", "depends_on_range"]

UNROLLED = 16
TREE = 32
FLOAT32_INTEGERS = 1 << 24
FLOAT64_INTEGERS = 1 << 53

Step: TypeAlias = Callable[[Array, Arrays, Arrays], Array]
"""From c, and a slice of each side along k, to the next c."""


class Operations(NamedTuple):
    """How two elements are multiplied and a product is added."""

    product: Callable[[Arrays, Arrays], Array]
    add: Callable[[Array, Array], Array]


def _native_add(c: Array, x: Array) -> Array:
    return c + x


NATIVE = Operations(lambda a, b: a[0] * b[0], _native_add)
"""Values in a range where products are exact and nothing is subnormal: fusing changes nothing."""
ROUNDED = Operations(lambda a, b: binary32.multiply(a[0], b[0]), binary32.add)
"""Values of more bits than binary32 holds the products of."""
SCALED = Operations(lambda a, b: binary32.multiply_scaled(a[0], b[0], a[1] + b[1]), binary32.add)
"""The same beside scales whose products with the elements binary32 may not hold."""
CAREFUL = Operations(lambda a, b: scale_by_power(a[0] * b[0], a[1] + b[1]), binary32.add)
"""Elements and exponents apart: any range."""


def accumulate(
    a: Prepared,
    b: Prepared,
    kinds: tuple[OperandType, OperandType],
    accumulator: AnyAccumulator,
    in_range: bool,
    c: Any,
) -> Array:
    """Return c plus the sum of products.

    Parameters
    ----------
    a, b : Prepared
        Of shape (m, k) and (k, n). Where they are Inf or NaN, nothing is said of the sums.
    kinds : tuple of Kind
        Operand types of the two sides.
    accumulator : Accumulator
        One that ``check_accumulator`` accepts for them.
    in_range : bool
        Whether binary32 arithmetic on the values is exact but for the roundings of sums.
    c : Array of float32, or None
        Where to start; None: +0. Not for integer sums.

    Returns
    -------
    Array of float32, int32 or int64
        Integers from Int32 accumulators, and from EXACT for integers; shape (m, n).
    """
    if isinstance(accumulator, Int32):
        return integer_dot(a.elements, b.elements, kinds, accumulator)
    if isinstance(accumulator, Exact) and _are_integers(kinds):
        return integer_dot(a.elements, b.elements, kinds, None)
    if isinstance(accumulator, Exact):
        return rounded_sum(a, b)
    left, right, arithmetic = _operands(a, b, kinds, accumulator, in_range)

    def run(left: Arrays, right: Arrays, c: Array) -> Array:
        return _fold(accumulator, arithmetic, kinds, left, right, c)

    if c is None:
        shape = (a.elements.shape[0], b.elements.shape[1])
        c = backend.namespace(a.elements).zeros(shape, np.float32)
    blas = isinstance(accumulator, Blocks) and isinstance(accumulator.inner, Exact)
    return over_tiles(run, left, right, c, blas)


def depends_on_range(accumulator: AnyAccumulator, kinds: tuple[OperandType, OperandType]) -> bool:
    """Return whether there is a faster way for values of moderate exponents.

    Products of binary32 arrays are rounded, whatever their range; beside E8M0 scales it matters.
    """
    inner = accumulator.inner if isinstance(accumulator, Blocks) else accumulator
    if isinstance(accumulator, Exact | Int32):
        return False
    if isinstance(inner, MatrixUnit | GroupedUnit | Cdna3Unit | FusedUnit):
        return False
    return _are_exact(kinds) or any(not k.is_float and not k.bounded for k in kinds)


def check_accumulator(
    accumulator: AnyAccumulator, kinds: tuple[OperandType, OperandType], segment: int
) -> None:
    """Raise unless the accumulator is defined for these kinds, in every segment of k."""
    if isinstance(accumulator, Int32):
        _check_int32(accumulator, kinds, segment)
    if isinstance(accumulator, Blocks):
        _check_blocks(accumulator, kinds, segment)
    if isinstance(accumulator, MatrixUnit | Cdna3Unit | FusedUnit | PairwiseUnit):
        _check_exact_products(accumulator, kinds)
    if isinstance(accumulator, GroupedUnit):
        _check_grouped(accumulator, kinds, segment)


def _check_int32(accumulator: Int32, kinds: tuple[OperandType, OperandType], segment: int) -> None:
    names = f"{kinds[0].name} by {kinds[1].name}"
    if not _are_integers(kinds):
        raise ValueError(
            f"accumulator {accumulator.name} needs integer elements with BINARY32 scales, "
            f"got {names}"
        )
    largest = largest_k(kinds)
    if accumulator.overflow is Int32Overflow.REFUSE and segment > largest:
        raise ValueError(
            f"k must be at most {largest} for {names} to fit int32, got {segment}: "
            f"use INT32_SATURATE, INT32_WRAP or EXACT"
        )
    if accumulator.overflow is Int32Overflow.SATURATE and accumulator.group > largest:
        raise ValueError(
            f"group must be at most {largest} for {names} to fit int32, got {accumulator.group}"
        )


def _check_blocks(
    accumulator: Blocks, kinds: tuple[OperandType, OperandType], segment: int
) -> None:
    if not isinstance(accumulator.inner, Exact):
        return check_accumulator(accumulator.inner, kinds, min(accumulator.size, segment))
    for k in kinds:
        if k.is_float:
            raise ValueError(f"accumulator {accumulator.name} needs shared scales, got {k.name}")
        _check_shared(accumulator, accumulator.size, k, segment)
    if _largest_sum(min(accumulator.size, segment), kinds) > FLOAT64_INTEGERS:
        raise ValueError(
            f"accumulator {accumulator.name} needs sums of 53 bits, "
            f"got {kinds[0].name} by {kinds[1].name}"
        )
    return None


def _check_shared(accumulator: AnyAccumulator, size: int, kind: OperandType, segment: int) -> None:
    """Raise if ``size`` products, from the start of a segment on, could have two scales inside."""
    block = kind.length if kind.inside is None else kind.inside
    aligned = segment >= kind.length or segment % size == 0
    if block >= kind.length or block % segment == 0 or (block % size == 0 and aligned):
        return
    raise ValueError(
        f"accumulator {accumulator.name} needs scales shared by whole blocks of {size}, "
        f"got {kind.name} with blocks of {block} in segments of {segment}"
    )


def _check_exact_products(
    accumulator: AnyAccumulator, kinds: tuple[OperandType, OperandType]
) -> None:
    if max(k.precision for k in kinds) > 12:
        raise ValueError(
            f"accumulator {accumulator.name} needs elements of at most 12 significand bits, "
            f"got {kinds[0].name} and {kinds[1].name}"
        )


def _check_grouped(
    accumulator: GroupedUnit, kinds: tuple[OperandType, OperandType], segment: int
) -> None:
    for k in kinds:
        if k.element != E2M1 or k.scale not in (E8M0, E4M3):
            raise ValueError(
                f"accumulator {accumulator.name} needs E2M1 elements with E8M0 or E4M3 scales, "
                f"got {k.name}"
            )
        _check_shared(accumulator, accumulator.exact, k, segment)


def _are_exact(kinds: tuple[OperandType, OperandType]) -> bool:
    """Return whether binary32 holds the significand of every product."""
    return sum(k.precision for k in kinds) <= bit_patterns.FRACTION_BITS + 1


def _are_integers(kinds: tuple[OperandType, OperandType]) -> bool:
    return all(k.integer for k in kinds)


def scale_by_power(x: Array, exponent: Array) -> Array:
    """Return ``x * 2**exponent`` for finite float32, rounded once where it is subnormal."""
    parts = bit_patterns.fields(x.view(np.int32))
    return bit_patterns.compose(
        parts.negative, parts.significand, parts.exponent + exponent - bit_patterns.FRACTION_BITS
    )


# ------------------------------------------------------------------------------------------------
# What each accumulator reads, and one step of it
# ------------------------------------------------------------------------------------------------


def _operands(
    a: Prepared,
    b: Prepared,
    kinds: tuple[OperandType, OperandType],
    accumulator: AnyAccumulator,
    in_range: bool,
) -> tuple[Arrays, Arrays, Operations]:
    """Return the arrays of both sides and the arithmetic for them."""
    inner = accumulator.inner if isinstance(accumulator, Blocks) else accumulator
    if isinstance(inner, GroupedUnit):
        return _scales_apart(a), _scales_apart(b), CAREFUL
    if isinstance(inner, MatrixUnit | Cdna3Unit):
        return _exponents_apart(a, kinds[0]), _exponents_apart(b, kinds[1]), CAREFUL
    if isinstance(inner, FusedUnit):
        backend.require_float64(a.elements, f"a sum of {inner.name}")
        return significands_and_exponents(a), significands_and_exponents(b), CAREFUL
    if isinstance(inner, PairwiseUnit):
        a, b = (_without_subnormals(x, k) for x, k in zip((a, b), kinds, strict=True))
    if in_range or not depends_on_range(accumulator, kinds):
        arithmetic = NATIVE if _are_exact(kinds) else ROUNDED
        return [_values(a, arithmetic)], [_values(b, arithmetic)], arithmetic
    return (
        significands_and_exponents(a),
        significands_and_exponents(b),
        CAREFUL if _are_exact(kinds) else SCALED,
    )


def _values(x: Prepared, arithmetic: Operations) -> Array:
    value = scaled_elements(x)
    if x.exponents is None:
        return value
    if arithmetic is ROUNDED:
        return scale_by_power(value, x.exponents)
    # In range: each of two powers is a normal number, and so is every intermediate value.
    half = x.exponents >> 1
    return value * _power(half) * _power(x.exponents - half)


def _power(exponent: Array) -> Array:
    return (exponent + bit_patterns.BIAS << bit_patterns.FRACTION_BITS).view(np.float32)


def _exponents_apart(x: Prepared, kind: OperandType) -> Arrays:
    """Return significands, below 2, and biased exponents, at least emin for elements.

    A zero has the biased exponent 0, as what fills up k: never the largest.
    """
    xp = backend.namespace(x.elements)
    value, power = significands_and_exponents(x)
    own = bit_patterns.fields(value.view(np.int32)).exponent
    floats = xp.maximum(own + power, kind.emin)
    exponent = floats if kind.is_float else xp.maximum(own, kind.emin) + power
    significand = scale_by_power(value, power - exponent)
    return [significand, xp.where(value == 0, 0, exponent + EXPONENT_BIAS)]


def _scales_apart(x: Prepared) -> Arrays:
    """Return elements, significands of scales and exponents of scales."""
    xp = backend.namespace(x.elements)
    elements = x.elements.astype(np.float32)
    if x.scales is None:
        assert x.exponents is not None
        return [elements, xp.ones(elements.shape, np.float32), x.exponents]
    exponent = xp.maximum(bit_patterns.fields(x.scales.view(np.int32)).exponent, -6)
    return [elements, scale_by_power(x.scales, -exponent), exponent]


def _without_subnormals(x: Prepared, kind: OperandType) -> Prepared:
    """Replace the subnormal numbers of a float format by zeros."""
    if x.exponents is None or not kind.is_float:
        return x
    xp = backend.namespace(x.elements)
    return x._replace(elements=xp.where(x.exponents < kind.emin, np.float32(0), x.elements))


def _step(
    accumulator: AnyAccumulator, arithmetic: Operations, kinds: tuple[OperandType, OperandType]
) -> tuple[Step, int]:
    """Return the step of an accumulator and how much of k it takes."""
    match accumulator:
        case Sequential():
            return _sequential(arithmetic), UNROLLED if arithmetic is NATIVE else 1
        case Pairwise():
            raise AssertionError("a tree has no steps")
        case Blocks(size, inner):
            return _block(size, inner, arithmetic, kinds), min(size, kinds[0].length)
        case MatrixUnit(group=group):
            return lambda c, a, b: matrix_unit_step(c, a, b, accumulator), group
        case GroupedUnit(group=group):
            return lambda c, a, b: grouped_step(c, a, b, accumulator), group
        case Cdna3Unit(group=group):
            return _cdna3_unit(accumulator, kinds), group
        case FusedUnit(group=group):
            return fused_step, group
        case PairwiseUnit(group=group):
            return _pairwise_unit(arithmetic), group
    raise TypeError(f"accumulator must be an Accumulator, got {accumulator!r}")


def _cdna3_unit(unit: Cdna3Unit, kinds: tuple[OperandType, OperandType]) -> Step:
    def step(c: Array, a: Arrays, b: Arrays) -> Array:
        result = cdna3_step(c, a, b, unit)
        if all(k.bounded for k in kinds):
            return result
        return with_infinite_products(result, c, a, b)

    return step


def _product(arithmetic: Operations, a: Arrays, b: Arrays, k: int) -> Array:
    return arithmetic.product([v[:, k, None] for v in a], [v[k] for v in b])


def _sequential(arithmetic: Operations) -> Step:
    def step(c: Array, a: Arrays, b: Arrays) -> Array:
        for k in range(a[0].shape[1]):
            c = arithmetic.add(c, _product(arithmetic, a, b, k))
        return c

    return step


def _tree(terms: Sequence[Array], add: Callable[[Array, Array], Array]) -> Array:
    while len(terms) > 1:
        sums = [add(x, y) for x, y in zip(terms[::2], terms[1::2], strict=False)]
        terms = sums + list(terms[len(terms) - len(terms) % 2 :])
    return terms[0]


def _pairwise_unit(arithmetic: Operations) -> Step:
    def step(c: Array, a: Arrays, b: Arrays) -> Array:
        terms = [_flush(_product(arithmetic, a, b, k)) for k in range(a[0].shape[1])]
        total = _tree(terms, lambda x, y: _flush(arithmetic.add(x, y)))
        return _flush(arithmetic.add(c, total))

    return step


def _flush(x: Array) -> Array:
    xp = backend.namespace(x)
    pattern = x.view(np.int32)
    kept = xp.where(
        (pattern & bit_patterns.MAGNITUDE_MASK) < bit_patterns.IMPLICIT_BIT, -1 << 31, -1
    )
    return (pattern & kept.astype(np.int32)).view(np.float32)


def _without_subnormal(c: Array) -> Array:
    """Return c with +0 for zeros and subnormal numbers."""
    xp = backend.namespace(c)
    pattern = c.view(np.int32)
    normal = (pattern & bit_patterns.MAGNITUDE_MASK) >= bit_patterns.IMPLICIT_BIT
    return xp.where(normal, pattern, 0).view(np.float32)


def _block(
    size: int, inner: AnyAccumulator, arithmetic: Operations, kinds: tuple[OperandType, OperandType]
) -> Step:
    """Sum a block from zero, then add the sum."""
    total = _exact_block(size, arithmetic, kinds) if isinstance(inner, Exact) else None

    def step(c: Array, a: Arrays, b: Arrays) -> Array:
        if total is not None:
            return arithmetic.add(c, total(a, b))
        zero = backend.namespace(c).zeros_like(c)
        return arithmetic.add(c, _fold(inner, arithmetic, kinds, a, b, zero))

    return step


def _exact_block(
    size: int, arithmetic: Operations, kinds: tuple[OperandType, OperandType]
) -> Callable[[Arrays, Arrays], Array]:
    """Return the function that sums a block exactly and rounds to binary32."""
    narrow = _largest_sum(size, kinds) <= FLOAT32_INTEGERS

    def total(a: Arrays, b: Arrays) -> Array:
        exact = (dot if narrow else float64_dot)(a[0], b[0])
        if arithmetic is NATIVE:
            return exact.astype(np.float32, copy=False)
        exponent = a[1][:, :1] + b[1][:1]
        return (scale_by_power if narrow else scaled_float64)(exact, exponent)

    return total


def _largest_sum(size: int, kinds: tuple[OperandType, OperandType]) -> int:
    """Return the largest exact sum of a block in units of its products."""
    total = min(size, kinds[0].length)
    for k in kinds:
        total *= k.largest << k.scale_precision
    return total


# ------------------------------------------------------------------------------------------------
# Loops: over k, over tiles
# ------------------------------------------------------------------------------------------------


def _fold(
    accumulator: AnyAccumulator,
    arithmetic: Operations,
    kinds: tuple[OperandType, OperandType],
    a: Arrays,
    b: Arrays,
    c: Array,
) -> Array:
    if isinstance(accumulator, Pairwise):
        return arithmetic.add(c, _pairwise(arithmetic, a, b))
    if isinstance(accumulator, PairwiseUnit):
        c = _without_subnormal(c)
    step, size = _step(accumulator, arithmetic, kinds)
    return _fold_steps(step, size, a, b, c)


def _fold_steps(step: Step, size: int, a: Arrays, b: Arrays, c: Array) -> Array:
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
        c, _ = loop(whole, body, (c, slices(a, b, 0, size)))
    return step(c, *slices(a, b, whole * size, rest)) if rest else c


def _pairwise(arithmetic: Operations, a: Arrays, b: Arrays) -> Array:
    """Sum a tree over k filled up with zeros to a power of two, which changes no sum."""
    length = a[0].shape[1]
    size = min(TREE if arithmetic is NATIVE else 2, 1 << (length - 1).bit_length())
    chunks = 1 << (-(-length // size) - 1).bit_length()
    a, b = padded(a, b, size * chunks)

    def leaf(i: Any) -> Array:
        x, y = slices(a, b, i * size, size)
        return _tree([_product(arithmetic, x, y, k) for k in range(size)], arithmetic.add)

    if chunks == 1:
        return leaf(0)
    return _counted(chunks, leaf, arithmetic.add)


def _counted(
    chunks: int, leaf: Callable[[Any], Array], add: Callable[[Array, Array], Array]
) -> Array:
    """Add up a balanced tree with one partial sum for each level: a binary counter."""
    first = leaf(0)
    if not backend.is_jax(first):
        stack: list[Array] = []
        for i in range(chunks):
            total = first if i == 0 else leaf(i)
            while i & 1:
                total, i = add(stack.pop(), total), i >> 1
            stack.append(total)
        return stack[0]
    import jax

    levels = chunks.bit_length()
    empty = jax.numpy.zeros((levels, *first.shape), first.dtype)

    def body(i: Any, stack: Array) -> Array:
        level, total = jax.lax.while_loop(
            lambda state: (i >> state[0]) & 1 == 1,
            lambda state: (state[0] + 1, add(stack[state[0]], state[1])),
            (0, leaf(i)),
        )
        return jax.lax.dynamic_update_index_in_dim(stack, total, level, 0)

    return jax.lax.fori_loop(0, chunks, body, empty)[levels - 1]
