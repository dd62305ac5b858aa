"""Bit fields, exact powers of two, correctly rounded binary32 arithmetic on NumPy and JAX.

Jitted JAX contracts products into fused multiply-adds, divides by multiplying with a reciprocal and
flushes subnormals; integer operations on the bit patterns do none of that. Where a float operation
is used all the same, it is exact or meant to round, its operands are normal, and it is fed from
integers, so that nothing can be fused into it. ``is_jax`` lives here; only the accumulation of
products branches on it as well.
"""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, TypeAlias, TypeVar

import ml_dtypes
import numpy as np

__all__ = [
    "Array", "Fields", "add", "as_pattern", "check_array", "check_floats", "compose", "divide",
    "fields", "is_nan", "is_traced", "map_rows", "multiply", "multiply_scaled", "namespace",
    "pytree", "random_words", "require_float64", "shift_rne", "straight_through", "subtract",
    "to_float64", "with_sign",
]  # fmt: skip

Array: TypeAlias = Any
"""A NumPy array, a JAX array or a traced JAX array."""

T = TypeVar("T")

FRACTION_BITS = 23
IMPLICIT_BIT = 1 << FRACTION_BITS
FRACTION_MASK = IMPLICIT_BIT - 1
MAGNITUDE_MASK = 0x7FFFFFFF
INF = 0x7F800000
NAN = 0x7FC00000
BIAS = 127
EMIN = -126
ETA_EXPONENT = -149
MAX_SHIFT = 30
CACHED_ELEMENTS = 1 << 15
KEPT_BYTES = 24 << 20


class Width(NamedTuple):
    """An interchange format of IEEE 754 whose patterns are integers of one type."""

    fraction_bits: int
    bias: int
    float_type: str
    max_shift: int
    """More than the bits of a significand, less than those of the integers."""
    rest_type: str
    """Integers that hold 32 bits more than 0."""

    @property
    def inf(self) -> int:
        """Pattern of Inf."""
        return (2 * self.bias + 1) << self.fraction_bits

    @property
    def magnitude_mask(self) -> int:
        """All bits but that of the sign."""
        return ((2 * self.bias + 2) << self.fraction_bits) - 1

    @property
    def eta_exponent(self) -> int:
        """Exponent of the smallest subnormal number."""
        return 1 - self.bias - self.fraction_bits


BINARY32 = Width(FRACTION_BITS, BIAS, "float32", MAX_SHIFT, "uint32")
BINARY64 = Width(52, 1023, "float64", 62, "int64")


class Fields(NamedTuple):
    """A magnitude: ``significand * 2**(exponent - fraction_bits)``, arrays of int32 or int64.

    The significand of binary32 has 24 bits, subnormal numbers too; it is 0 for zero only. Inf and
    NaN have the exponent 128, or 1024 in binary64.
    """

    negative: Array
    exponent: Array
    significand: Array


def namespace(x: Array) -> Any:
    """Return the module (``numpy`` or ``jax.numpy``) whose functions take ``x``."""
    return x.__array_namespace__()


def is_jax(x: Array) -> bool:
    """Return whether ``x`` is a JAX array."""
    return not isinstance(x, np.ndarray | np.generic)


def is_traced(x: Array) -> bool:
    """Return whether ``x`` has no value yet because JAX is tracing."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(x, jax.core.Tracer)


def check_array(x: Array, name: str, dtypes: tuple[str, ...] | None) -> None:
    """Raise unless ``x`` is a NumPy or JAX array, not empty, of one of ``dtypes`` if there are."""
    unsuitable = isinstance(x, np.ma.MaskedArray | np.matrix)
    if unsuitable or not hasattr(x, "__array_namespace__") or not hasattr(x, "dtype"):
        raise TypeError(f"{name} must be a NumPy or JAX array, got {type(x).__name__}")
    if dtypes is not None and str(x.dtype) not in dtypes:
        expected = " or ".join([", ".join(dtypes[:-1]), dtypes[-1]] if dtypes[1:] else dtypes)
        raise TypeError(f"{name} must be {expected}, got {x.dtype}")
    if x.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {x.shape}")


def check_floats(x: Array, name: str = "x") -> None:
    """Raise unless ``x`` is an array whose numbers are binary32 numbers."""
    check_array(x, name, ("float32", "bfloat16", "float16"))


def as_pattern(x: Array, name: str = "x") -> Array:
    """Return the binary32 patterns, as int32, of a float32, bfloat16 or float16 array.

    Raises
    ------
    TypeError
        If ``x`` is not such an array. float64 is refused: it would round twice.
    ValueError
        If ``x`` is empty.
    """
    check_floats(x, name)
    xp = namespace(x)
    if x.dtype == xp.float32:
        return x.view(xp.int32)
    if x.dtype == ml_dtypes.bfloat16:
        return x.view(xp.uint16).astype(xp.int32) << 16
    return x.astype(xp.float32).view(xp.int32)


def fields(pattern: Array) -> Fields:
    """Split binary32 (int32) or binary64 (int64) patterns, normalizing subnormal numbers."""
    xp, of, m = namespace(pattern), width(pattern), width(pattern).fraction_bits
    magnitude = pattern & of.magnitude_mask
    normalized, implicit = magnitude, 1 << m
    if maybe_any(magnitude < 1 << m):
        # A subnormal fraction, as a float, is normal; its exponent is 149 (or 1074) too large.
        subnormal = magnitude.astype(of.float_type).view(pattern.dtype) + (of.eta_exponent << m)
        normalized = xp.where(magnitude < 1 << m, subnormal, magnitude)
        implicit = (magnitude != 0).astype(pattern.dtype) << m
    significand = normalized & ((1 << m) - 1) | implicit
    return Fields(pattern < 0, (normalized >> m) - of.bias, significand)


def width(pattern: Array) -> Width:
    """Return the format of patterns: int32 are binary32, int64 binary64."""
    return BINARY64 if pattern.dtype.itemsize == 8 else BINARY32


def is_nan(pattern: Array) -> Array:
    """Return where patterns, int32 or int64, are those of NaN."""
    of = width(pattern)
    return (pattern & of.magnitude_mask) > of.inf


def maybe_any(mask: Array) -> bool:
    """Return whether a rare case is there to be selected: in JAX, which has to compile it, yes."""
    return is_jax(mask) or bool(mask.any())


def shift_rne(n: Array, shift: Array) -> Array:
    """Return ``n / 2**shift`` to the nearest integer, ties to even; 0 <= n, shift <= 30."""
    quotient = n >> shift
    twice_rest = (n - (quotient << shift)) << 1
    return quotient + (twice_rest + (quotient & 1) > (1 << shift))


def shift_rne_by_adder(n: Array, shift: Array) -> Array:
    """Return ``n / 2**shift`` as ``shift_rne`` does, faster; n < 2**24, shift of 1 to 100.

    The adder rounds: above ``2**(23 + shift)`` the ulp of binary32 is ``2**shift``.
    """
    xp = namespace(n)
    offset = (shift + (BIAS + FRACTION_BITS)) << FRACTION_BITS
    return (n.astype(xp.float32) + offset.view(xp.float32)).view(xp.int32) - offset


def compose(negative: Array, significand: Array, exponent: Array) -> Array:
    """Return the float32 nearest to ``significand * 2**exponent``, ties to even.

    Exact unless the result is below 2**-126 or beyond the largest float32, which gives Inf.

    Parameters
    ----------
    negative : Array of bool
        The sign.
    significand : Array of int32
        0 to 2**24.
    exponent : Array of int32
        -1000 to 1000.
    """
    xp = namespace(significand)
    scaled = significand.astype(xp.float32).view(xp.int32)
    field = (scaled >> FRACTION_BITS) + exponent
    magnitude = scaled + (exponent << FRACTION_BITS)
    rare = (field <= 0) | (field > 254) | (significand == 0)
    if maybe_any(rare):
        magnitude = xp.where(rare, _compose_rare(significand, exponent, field), magnitude)
    return with_sign(magnitude, negative).view(xp.float32)


def _compose_rare(significand: Array, exponent: Array, field: Array) -> Array:
    """Return the pattern of a magnitude that is zero, subnormal or too large."""
    xp = namespace(significand)
    left = xp.clip(exponent - ETA_EXPONENT, 0, FRACTION_BITS)
    right = xp.clip(ETA_EXPONENT - exponent, 0, MAX_SHIFT)
    subnormal = shift_rne(xp.where(field > 0, 0, significand) << left, right)
    return xp.where((field > 254) & (significand != 0), INF, subnormal)


def with_sign(magnitude: Array | int, negative: Array) -> Array:
    """Return ``magnitude`` (int32 patterns) with the sign bit set where ``negative``."""
    return magnitude | (negative.astype("int32") << 31)


def _round_product(negative: Array, n: Array, exponent: Array) -> Array:
    """Return the binary32 pattern nearest to ``n * 2**exponent``; 2**26 <= n < 2**28.

    For n = 0, too, if the exponent is as low as that of a product with zero.
    """
    xp = namespace(n)
    e = exponent + 26 + (n >= 1 << 27)
    top = xp.clip(e, EMIN, 127)
    rounded = shift_rne(n, xp.clip(top - FRACTION_BITS - exponent, 0, MAX_SHIFT))
    magnitude = xp.where(e > 127, INF, ((top - EMIN) << FRACTION_BITS) + rounded)
    return with_sign(magnitude, negative)


Operation: TypeAlias = Callable[[Array, Array], Array]


def _native_in_numpy(native: Operation) -> Callable[[Operation], Operation]:
    """Keep a function for JAX operands; in NumPy the native operation is right."""

    def choose(function: Operation) -> Operation:
        @wraps(function)
        def operation(a: Array, b: Array) -> Array:
            if is_jax(a) or is_jax(b):
                xp = namespace(a) if is_jax(a) else namespace(b)
                return function(xp.asarray(a), xp.asarray(b))
            with np.errstate(all="ignore"):
                return native(a, b)

        return operation

    return choose


@_native_in_numpy(np.multiply)
def multiply(a: Array, b: Array) -> Array:
    """Return the product of float32 arrays, rounded once (RNE), never fused, subnormals kept."""
    x, y = (fields(v.view("int32")) for v in (a, b))
    negative = x.negative != y.negative
    finite = _round_product(negative, _product(x, y), x.exponent + y.exponent - 26)
    special = (x.exponent == 128) | (y.exponent == 128)
    return _select_special(finite, special, _class(x) * _class(y))


def multiply_scaled(a: Array, b: Array, exponent: Array) -> Array:
    """Return ``a * b * 2**exponent`` for finite float32 arrays, rounded once (RNE)."""
    x, y = (fields(v.view("int32")) for v in (a, b))
    negative = x.negative != y.negative
    finite = _round_product(negative, _product(x, y), x.exponent + y.exponent - 26 + exponent)
    zero = (x.significand == 0) | (y.significand == 0)
    xp = namespace(a)
    return xp.where(zero, with_sign(xp.zeros_like(finite), negative), finite).view(xp.float32)


def _product(x: Fields, y: Fields) -> Array:
    """Return the product of the significands over 2**20, what is below in the last bit."""
    x_high, x_low = x.significand >> 12, x.significand & 0xFFF
    y_high, y_low = y.significand >> 12, y.significand & 0xFFF
    low = x_low * y_low
    middle = x_high * y_low + x_low * y_high + (low >> 12)
    sticky = ((middle & 0xFF) | (low & 0xFFF)) != 0
    return ((x_high * y_high) << 4) + (middle >> 8) | sticky


@_native_in_numpy(np.divide)
def divide(a: Array, b: Array) -> Array:
    """Return the quotient of float32 arrays, rounded once (RNE), subnormals kept."""
    xp = namespace(a)
    x, y = (fields(v.view("int32")) for v in (a, b))
    divisor = xp.maximum(y.significand, IMPLICIT_BIT)
    quotient, rest = _divide_integers(x.significand, divisor)
    n = (quotient << 1) | (rest != 0)
    negative = x.negative != y.negative
    finite = _round_product(negative, n, x.exponent - y.exponent - 27)
    special = (x.exponent == 128) | (y.exponent == 128) | (y.significand == 0)
    return _select_special(finite, special, _class(x) / _class(y))


def _divide_integers(x: Array, y: Array) -> tuple[Array, Array]:
    """Return quotient and rest of ``x * 2**26 / y`` for 24-bit x and y.

    The approximate quotient may come from any division that is right to a few ulp. The rest is then
    small, so its 32 low bits, which wrapping arithmetic gives, are all of it.
    """
    xp = namespace(x)
    quotient = (x.astype(xp.float32) / y.astype(xp.float32) * 2.0**26).astype(xp.int32)
    rest = (x << 26) - quotient * y
    step = xp.floor(rest.astype(xp.float32) / y.astype(xp.float32)).astype(xp.int32)
    quotient, rest = quotient + step, rest - step * y
    low, high = rest < 0, rest >= y
    return quotient - low + high, rest + xp.where(low, y, 0) - xp.where(high, y, 0)


def _select_special(finite: Array, special: Array, native: Array) -> Array:
    xp = namespace(finite)
    return xp.where(special, native.view(xp.int32), finite).view(xp.float32)


def _class(x: Fields) -> Array:
    """Return NaN, Inf, 1 or 0, with sign: what decides about special results."""
    xp = namespace(x.exponent)
    magnitude = xp.where(x.significand == 0, 0, BIAS << FRACTION_BITS)
    magnitude = xp.where(x.exponent == 128, INF | x.significand & FRACTION_MASK, magnitude)
    return with_sign(magnitude, x.negative).view(xp.float32)


@_native_in_numpy(np.add)
def add(a: Array, b: Array) -> Array:
    """Return the sum of float32 arrays, rounded once (RNE), never fused, subnormals kept."""
    xp = namespace(a)
    x, y = (fields(v.view("int32")) for v in (a, b))
    # Scaled so that the larger operand is in [1, 2), the sum is exact or normal; an operand that
    # vanishes in the scaling is too small to change the rounded sum.
    top = xp.maximum(x.exponent, y.exponent)
    scaled = _scaled_down(x, top) + _scaled_down(y, top)
    total = fields(scaled.view(xp.int32))
    result = compose(total.negative, total.significand, total.exponent + top - FRACTION_BITS)
    return xp.where(top == 128, (a + b).view(xp.int32), result.view(xp.int32)).view(xp.float32)


def _scaled_down(x: Fields, top: Array) -> Array:
    xp = namespace(x.exponent)
    field = x.exponent - top + BIAS
    magnitude = (field << FRACTION_BITS) + (x.significand & FRACTION_MASK)
    magnitude = xp.where((field > 0) & (x.significand != 0), magnitude, 0)
    return with_sign(magnitude, x.negative).view(xp.float32)


def subtract(a: Array, b: Array) -> Array:
    """Return the difference of float32 arrays, rounded once (RNE), never fused."""
    return add(a, -b)


def map_rows(function: Callable[..., tuple[Array, ...]], *operands: Array) -> tuple[Array, ...]:
    """Apply ``function``, which treats every row on its own, to two-dimensional operands.

    In NumPy a few rows at a time, so that intermediate results stay in the cache. Threads would
    only wait for the interpreter's lock: each operation takes microseconds.
    """
    rows, length = operands[0].shape
    step = max(1, CACHED_ELEMENTS // length)
    if is_jax(operands[0]) or rows <= step:
        return function(*operands)
    # glibc gives memory back and takes it again with every freed temporary, page fault by page
    # fault, until it has seen a block freed that is larger than they are together.
    np.empty(KEPT_BYTES, np.uint8)
    first = function(*(v[:step] for v in operands))
    results = tuple(np.empty((rows, *part.shape[1:]), part.dtype) for part in first)

    for start in range(0, rows, step):
        parts = function(*(v[start : start + step] for v in operands)) if start else first
        for result, part in zip(results, parts, strict=True):
            result[start : start + step] = part
    return results


def to_float64(pattern: Array) -> Array:
    """Return the float64 numbers of binary32 patterns; zero is +0. JAX needs x64 for it.

    The patterns of Inf and NaN are read as if their exponent were one of a number.
    """
    xp = namespace(pattern)
    x = fields(pattern)
    power = (x.exponent.astype("int64") - FRACTION_BITS + 1023 << 52).view("float64")
    return xp.where(x.negative, -x.significand, x.significand).astype("float64") * power


def random_words(random: Any, x: Array) -> Array:
    """Return uniform 32-bit words, one for each element of ``x``.

    Parameters
    ----------
    random : numpy.random.Generator, JAX key (``jax.random.key``) or Array of uint32
        The source, or the words themselves, of the shape of ``x``.
    x : Array
        Gives the shape and the backend.

    Raises
    ------
    TypeError
        If ``random`` is none of these.
    ValueError
        If words do not have the shape of ``x``, or a Generator would be drawn from at trace time,
        once for all calls.
    """
    if isinstance(random, np.random.Generator):
        if is_traced(x):
            raise ValueError("random must be a JAX key or words where x is traced, got a Generator")
        words = random.integers(0, 2**32, size=x.shape, dtype=np.uint32)
        return namespace(x).asarray(words)
    dtype = str(getattr(random, "dtype", type(random).__name__))
    if dtype.startswith("key<"):
        import jax

        return jax.random.bits(random, x.shape, np.uint32)
    if dtype != "uint32":
        raise TypeError(
            f"random must be a numpy Generator, a JAX key or uint32 words for stochastic rounding, "
            f"got {dtype}"
        )
    if random.shape != x.shape:
        raise ValueError(f"random must have the shape of x, {x.shape}, got {random.shape}")
    return random


def straight_through(function: Callable[[Array], Array], x: Array) -> Array:
    """Return ``function(x)``; JAX differentiates it as the identity."""
    if not is_jax(x):
        return function(x)
    import jax

    wrapped = jax.custom_jvp(function)
    wrapped.defjvp(lambda primals, tangents: (wrapped(*primals), tangents[0].astype("float32")))
    return wrapped(x)


def require_float64(x: Array, what: str) -> None:
    """Raise unless the backend of ``x`` has float64, which JAX has only when told so."""
    if not is_jax(x):
        return
    import jax

    if jax.dtypes.canonicalize_dtype("float64") != np.float64:
        raise ValueError(
            f"{what} is held in float64: call jax.config.update('jax_enable_x64', True), "
            f"or pass a NumPy array"
        )


_pytree_classes: list[tuple[type, tuple[str, ...], tuple[str, ...]]] = []


def pytree(data: tuple[str, ...], static: tuple[str, ...]) -> Callable[[type[T]], type[T]]:
    """Make a frozen dataclass a JAX pytree as soon as JAX is there, without importing it."""

    def remember(cls: type[T]) -> type[T]:
        _pytree_classes.append((cls, data, static))
        return cls

    return remember


def register_pytrees() -> None:
    """Register what ``pytree`` has remembered, if JAX has been imported."""
    jax = sys.modules.get("jax")
    while jax is not None and hasattr(jax, "tree_util") and _pytree_classes:
        jax.tree_util.register_pytree_with_keys(*_pytree_functions(*_pytree_classes.pop()))


def _pytree_functions(cls: type, data: tuple[str, ...], static: tuple[str, ...]) -> tuple[Any, ...]:
    """Return the class, and how it is taken apart, with names and without, and put together."""

    def flatten(x: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        return tuple(getattr(x, name) for name in data), tuple(getattr(x, name) for name in static)

    def flatten_with_keys(x: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        key = sys.modules["jax"].tree_util.GetAttrKey
        return tuple((key(name), getattr(x, name)) for name in data), flatten(x)[1]

    def unflatten(values: tuple[Any, ...], leaves: tuple[Any, ...]) -> Any:
        # Not by the constructor, which checks: JAX's leaves may be shapes, axes or mere objects.
        made: Any = object.__new__(cls)
        for name, value in zip((*data, *static), (*leaves, *values), strict=True):
            object.__setattr__(made, name, value)
        return made

    return cls, flatten_with_keys, unflatten, flatten
