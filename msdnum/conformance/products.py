"""Test vectors of small matrix products, one group for each accumulator and format."""

from collections.abc import Callable, Iterator
from functools import cache

from msdnum import spec
from msdnum.conformance.vectors import Case, Group, NamedPatterns, Patterns, Standard, chunks, one
from msdnum.formats.accumulators import ALL_ACCUMULATORS, INT32
from msdnum.formats.elements import (
    BF16,
    BINARY32,
    E2M1,
    E4M3,
    E5M2,
    E8M0,
    FP16,
    INT8,
    ElementFormat,
    FloatFormat,
)
from msdnum.spec.accumulators import Number, factor, inner_product

__all__ = ["factors_of", "matmul_groups", "scaled_matmul_groups"]

M, K, N = 2, 160, 2
BLOCK = 32

HALVES, BYTES = (FP16, BF16), (E4M3, E5M2)
PLAIN: dict[str, tuple[ElementFormat, ...]] = {
    "INT32_REFUSE": (INT8,),
    "EXACT": (*HALVES, *BYTES),
    "SEQUENTIAL": (*HALVES, *BYTES),
    "PAIRWISE": (*HALVES, *BYTES),
    "BLOCKS_32_SEQUENTIAL": (*HALVES, *BYTES),
    "VOLTA": (FP16,),
    "TURING": (FP16,),
    "AMPERE": HALVES,
    "HOPPER": HALVES,
    "BLACKWELL": HALVES,
    "ADA_FP8": BYTES,
    "HOPPER_FP8": BYTES,
    "BLOCKS_128_HOPPER_FP8": BYTES,
    "BLACKWELL_FP8": BYTES,
    "CDNA1_FP16": (FP16,),
    "CDNA1_BF16": (BF16,),
    "CDNA2": HALVES,
    "CDNA3": HALVES,
    "CDNA3_FP8": BYTES,
}
"""The elements that an accumulator is there for; another preset has vectors of those it takes."""
SCALED: dict[str, tuple[FloatFormat, ...]] = {
    "EXACT": (E2M1, *BYTES),
    "SEQUENTIAL": (E2M1, *BYTES),
    "BLOCKS_32_EXACT": (E2M1, E4M3),
    "BLACKWELL_MX": (E2M1, *BYTES),
    "BLACKWELL_MXFP4": (E2M1,),
}
INTEGERS = "no sum is near 2^31: wrapping, saturating and refusing give the same"


def matmul_groups() -> Iterator[Group]:
    """Yield the vectors of ``matmul``: 2 by 160 elements, times 160 by 2 given transposed."""
    others = {n: unit.takes for n, unit in ALL_ACCUMULATORS.items() if n not in {*PLAIN, *SCALED}}
    for name, formats in {**PLAIN, **others}.items():
        for fmt in formats:
            for topic, draw in TOPICS.items():
                a, b = draw(fmt)
                given = {"codes_a": one(fmt, *a), "codes_b": one(fmt, *b)}
                yield _group("matmul", name, fmt, topic, given)


def scaled_matmul_groups() -> Iterator[Group]:
    """Yield the vectors of ``scaled_matmul``: the same with E8M0 scales for blocks of 32."""
    for name, formats in SCALED.items():
        for fmt in formats:
            for topic, draw in TOPICS.items():
                a, b = draw(fmt)
                yield _group("scaled_matmul", name, fmt, topic, {
                    "scale_a": one(E8M0, *_scales(M, 3)),
                    "codes_a": one(fmt, *a),
                    "scale_b": one(E8M0, *_scales(N, 5)),
                    "codes_b": one(fmt, *b),
                })  # fmt: skip


def _group(
    operation: str, name: str, fmt: ElementFormat, topic: str, given: NamedPatterns
) -> Group:
    accumulator = ALL_ACCUMULATORS[name]
    source = getattr(accumulator, "source", "msdnum.accumulators")
    standard, note = Standard.LEAVES_OPEN, f"the accumulator is {accumulator!r}"
    if accumulator is INT32:
        standard, note = Standard.DECIDES, INTEGERS
    values = [
        inner_product(a, b, accumulator)
        for a in factors_of(given, "a")
        for b in factors_of(given, "b")
    ]
    expected = {"values": one(BINARY32, *(spec.to_float32_bits(value) for value in values))}
    names = {"fmt": fmt.name, "accumulator": name}
    return Group(operation, names, topic, source, standard, note, (Case(topic, given, expected),))


def factors_of(given: NamedPatterns, side: str) -> list[list[Number]]:
    """Return the rows of one side of a product, ``"a"`` or ``"b"``."""
    codes = given[f"codes_{side}"]
    ones = one(E8M0, *[127] * (len(codes.codes) // BLOCK))
    return _factors(codes, given.get(f"scale_{side}", ones))


@cache
def _factors(codes: Patterns, scale: Patterns) -> list[list[Number]]:
    elements = [spec.number(spec.decode(code, codes.fmt)) for code in codes.codes]
    scales = [spec.number(spec.decode(code, scale.fmt)) for code in scale.codes]
    scaled = [factor(x, codes.fmt, scales[i // BLOCK]) for i, x in enumerate(elements)]
    return [list(row) for row in chunks(scaled, K)]


# ------------------------------------------------------------------------------------------------
# Codes: spread by Knuth's multiplicative hash, so that no generator's version enters
# ------------------------------------------------------------------------------------------------

Codes = list[int]


def _hash(i: int) -> int:
    return 2654435761 * (i + 1) % 2**32 >> 8


def _code(fmt: ElementFormat, i: int, low: int, high: int) -> int:
    """Return some finite code with an exponent field in low..high; of integers, any code."""
    word = _hash(i)
    if not isinstance(fmt, FloatFormat):
        return word % (1 << fmt.bits)
    sign, rest = word & 1, word >> 1
    fraction = rest % (1 << fmt.fraction_bits)
    exponent = low + (rest >> fmt.fraction_bits) % (high - low + 1)
    magnitude = min(exponent << fmt.fraction_bits | fraction, fmt.max_code)
    return sign << (fmt.bits - 1) | magnitude


def _spread(fmt: ElementFormat) -> tuple[Codes, Codes]:
    """Return codes whose exponents lie a dozen binades around 1."""
    low, high = _binades(fmt, 6)
    a = [_code(fmt, i, low, high) for i in range(M * K)]
    b = [_code(fmt, i, low, high) for i in range(M * K, (M + N) * K)]
    return a, b


def _cancelling(fmt: ElementFormat) -> tuple[Codes, Codes]:
    """Return large products that cancel in pairs, with small ones between them."""
    low, high = _binades(fmt, 6)
    a, b = _spread(fmt)
    for i in range(0, len(a) - 2, 3):
        a[i] = a[i + 2] = _code(fmt, i, high, high)
        b[i] = _code(fmt, i + 1, high, high)
        b[i + 2] = _negated(b[i], fmt)
        a[i + 1] = _code(fmt, i + 2, low, low)
    return a, b


def _subnormal(fmt: ElementFormat) -> tuple[Codes, Codes]:
    """Return elements of which some are subnormal or zero; their products do not underflow."""
    _, high = _binades(fmt, 6)
    a = [_code(fmt, i, 0, 1) if i % 5 else 0 for i in range(M * K)]
    return a, [_code(fmt, i, high, high) for i in range(M * K, (M + N) * K)]


TOPICS: dict[str, Callable[[ElementFormat], tuple[Codes, Codes]]] = {
    "spread": _spread,
    "cancelling": _cancelling,
    "subnormal": _subnormal,
}


def _binades(fmt: ElementFormat, width: int) -> tuple[int, int]:
    """Return the first and last exponent field within ``width`` of 1 that have numbers."""
    if not isinstance(fmt, FloatFormat):
        return 0, 0
    return max(fmt.bias - width, 0), min(fmt.bias + width, fmt.emax + fmt.bias)


def _negated(code: int, fmt: ElementFormat) -> int:
    """Return the code of the negative number; of an integer, in two's complement."""
    if isinstance(fmt, FloatFormat):
        return code ^ 1 << (fmt.bits - 1)
    return -code % (1 << fmt.bits)


def _scales(rows: int, seed: int) -> Codes:
    return [107 + _hash(seed * i + seed) % 41 for i in range(rows * K // BLOCK)]
