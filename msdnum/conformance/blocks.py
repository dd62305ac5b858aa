"""Test vectors of blocks: quantize by every scale rule, and dequantize."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from msdnum import spec
from msdnum.conformance.vectors import Case, Group, NamedPatterns, Standard, chunks, one
from msdnum.formats.blocks import BLOCK_FORMATS, MXFP4, BlockFormat
from msdnum.formats.elements import BINARY32, E8M0, MXINT8_ELEMENT, ElementFormat
from msdnum.formats.modes import ScaleRule
from msdnum.spec.numbers import Special

__all__ = [
    "Block", "block_vector", "dequantize_groups", "dequantizings_of", "edge_blocks",
    "quantize_groups", "quantizings_of",
]  # fmt: skip

SIZE = 32
SIGN = 1 << 31
INFINITY, NAN = 0x7F800000, 0x7FC00000
LARGEST = {"largest-bfloat16": 0x7F7F0000, "largest-binary32": 0x7F7FFFFF}
EXPONENTS = (-100, -1, 0, 1, 100)
TAIL = tuple(Fraction(n, 64) for n in (32, -24, 16, -48, 20, 8, -12, 40))

OPEN = {
    "zero": "6.3 takes the logarithm of amax: scale 2^-127, the sign of zero kept",
    "infinity": "not in 6.3: the scale becomes NaN, and so the block",
    "nan": "not in 6.3: the scale becomes NaN, and so the block",
    "negative-zero": "no sentence keeps the sign of zero: kept",
    "scale-below-range": "6.3 does not say what a scale below 2^-127 becomes: 2^-127",
    "binary32-subnormals": "may be taken as zero (Rouhani et al. 2023, algorithm 1): kept",
    "minus-two": "5.3.4: -2 may be left unused: used",
}
RULE_SOURCES = {
    ScaleRule.FLOOR: "OCP MX v1.0, 6.3",
    ScaleRule.CEIL: "definition of CEIL, 2^(ceil(log2 amax) - emax); OCP MX v1.0, 6.3",
    ScaleRule.RCEIL: "definition of RCEIL, 2^ceil(log2(amax / max_finite)); OCP MX v1.0, 6.3",
    ScaleRule.EVEN: "definition of EVEN, FLOOR of the rounded amax; OCP MX v1.0, 6.3",
}
"""Of the rules that others have named; another has its own definition."""
MX_RULES = ScaleRule.powers_of_two()
ROUNDED = "which operations are rounded, and how, is not written down: each to binary32, RNE"


@dataclass(frozen=True)
class Block:
    """Binary32 patterns that share what they test."""

    topic: str
    name: str
    patterns: tuple[int, ...]


def bits(value: Fraction) -> int:
    return spec.to_float32_bits(value)


def pow2(exponent: int) -> Fraction:
    return Fraction(2) ** exponent


def _block(topic: str, name: str, *patterns: int, tail: bool = True) -> Block:
    """Return a block of these patterns, then simple fractions of the first, then zeros."""
    first = abs(spec.number(spec.from_float32_bits(patterns[0]))) if tail else Fraction(0)
    top = pow2(spec.floor_log2(first)) if first else Fraction(0)
    rest = [bits(top * f) for f in TAIL] if top else []
    return Block(topic, name, (*patterns, *rest))


def edge_blocks(element: ElementFormat, size: int = SIZE) -> Iterator[Block]:
    """Yield the blocks that implementations disagree on, and ordinary ones."""
    for block in _edges(element, size):
        lost = any(block.patterns[size:])
        # What a topic is about is cut off in a block of one or two elements.
        if not (lost and size < len(TAIL) and block.topic in OPEN):
            yield _filled(block, size)


def _filled(block: Block, size: int = SIZE) -> Block:
    """Return a block of ``size`` elements: cut, or with zeros at the end."""
    return replace(block, patterns=(*block.patterns, *[0] * size)[:size])


def _edges(element: ElementFormat, size: int) -> Iterator[Block]:
    yield from _around_powers(EXPONENTS)
    limit = spec.max_finite(element)
    for k in EXPONENTS:
        exact = bits(limit * pow2(k) / pow2(element.emax))
        threshold = bits((2 - pow2(-element.precision)) * pow2(k))
        for d, side in ((-1, "below"), (0, "at"), (1, "above")):
            yield _block("max-finite", f"{side}-max-finite-2^{k}", exact + d)
            yield _block("even-threshold", f"{side}-threshold-2^{k}", threshold + d)
    yield from _ties(element, size)
    yield from _ordinary(size)
    yield from _extremes(element)
    yield from _unusual(size)


def _around_powers(exponents: Iterable[int]) -> Iterator[Block]:
    for k in exponents:
        power = bits(pow2(k))
        yield _block("amax-power-of-two", f"2^{k}", power)
        yield _block("amax-below-power-of-two", f"below-2^{k}", power - 1)
        yield _block("amax-above-power-of-two", f"above-2^{k}", power + 1)


def _ties(element: ElementFormat, size: int) -> Iterator[Block]:
    top = pow2(element.emax)
    values = sorted({abs(spec.number(v)) for v in _finite(element)} | {Fraction(0)})
    middles = [(a + b) / 2 for a, b in pairwise(values) if b <= top]
    for i, some in enumerate(chunks(middles, max(size - 1, 1))):
        signed = [bits(x) | (SIGN if n % 2 else 0) for n, x in enumerate(some)]
        yield _block("ties", f"ties-{i}", bits(top), *signed, tail=False)


def _finite(element: ElementFormat) -> list[spec.Value]:
    values = [spec.decode(code, element) for code in element.codes]
    return [value for value in values if spec.is_finite(value)]


def _ordinary(size: int) -> Iterator[Block]:
    """Yield blocks of a fixed linear congruential sequence: no two of their elements alike."""
    state = 1
    for i in range(6):
        patterns = []
        for _ in range(size):
            state = (state * 1103515245 + 12345) % 2**31
            exponent = 118 + (state >> 24) % 10 + 9 * i - 20
            patterns.append((state >> 12 & 1) << 31 | exponent << 23 | (state >> 3 & 0x7FFFFF))
        yield Block("ordinary", f"ordinary-{i}", tuple(patterns))


def _extremes(element: ElementFormat) -> Iterator[Block]:
    for name, pattern in LARGEST.items():
        yield _block(name, name, pattern)
    yield _block("scale-2^-127", "scale-2^-127", bits(pow2(element.emax - 127)))
    if element.emax > 0:
        yield _block("scale-below-range", "amax-2^-126", bits(pow2(-126)))
    yield _block("binary32-subnormals", "all-subnormal", 0x7FFFFF, 0x400000, 0x80200000, 1)
    yield _block("binary32-subnormals", "smallest", 1, SIGN | 1)


def _unusual(size: int) -> Iterator[Block]:
    one_, two = bits(Fraction(1)), bits(Fraction(2))
    yield _block("zero", "zeros", 0)
    yield Block("zero", "negative-zeros", (SIGN,) * size)
    yield _block("negative-zero", "one-and-negative-zero", one_, SIGN, tail=False)
    yield _block("negative-zero", "one-and-negative-underflow", one_, SIGN | 1 << 27, tail=False)
    for name, pattern in (("one-infinity", INFINITY), ("one-negative-infinity", SIGN | INFINITY)):
        yield _block("infinity", name, one_, pattern, two, tail=False)
    yield _block("nan", "one-nan", one_, NAN, two, tail=False)
    yield _block("minus-two", "minus-1.9921875", bits(Fraction(-255, 128)))


def quantize_groups() -> Iterator[Group]:
    """Yield the vectors of ``quantize``."""
    for fmt in BLOCK_FORMATS.values():
        yield from quantizings_of(fmt, SIZE)
    yield from _groups(MXFP4, _every_binade(SIZE))


def quantizings_of(fmt: BlockFormat, size: int) -> Iterator[Group]:
    """Yield the vectors of ``quantize`` to one format, ``size`` elements each, by every rule."""
    if fmt.scale == E8M0:
        blocks = list(edge_blocks(fmt.element, size))
        for rule in MX_RULES:
            yield from _groups(replace(fmt, rule=rule), blocks)
    else:
        yield from _groups(fmt, list(_float_scaled(fmt, size)))


def _every_binade(size: int) -> Iterator[Block]:
    for block in _around_powers(range(-115, 128)):
        if "below" in block.name:
            yield replace(_filled(block, size), topic="below-every-power-of-two")


def _groups(fmt: BlockFormat, blocks: Iterable[Block]) -> Iterator[Group]:
    found: dict[str, list[Case]] = defaultdict(list)
    for block in blocks:
        topic, case = _quantized(block, fmt)
        if topic != "minus-two" or fmt.element == MXINT8_ELEMENT:
            found[topic].append(case)
    names = {"fmt": fmt.name, "rule": fmt.rule.name}
    for topic, cases in found.items():
        yield Group("quantize", names, topic, *_standing(fmt, topic), tuple(cases))


def block_vector(patterns: tuple[int, ...], fmt: BlockFormat) -> Group:
    """Return the vector of one row of binary32 patterns, whatever they are.

    Elements of which the standard leaves the answer open are made zero: see ``_quantized``.
    """
    places = (f"{place}-{pattern:08X}" for place, pattern in enumerate(patterns) if pattern)
    name = ",".join(places) or "zeros"
    topic, case = _quantized(Block(_kind_of_block(patterns, fmt), name, patterns), fmt)
    names = {"fmt": fmt.name, "rule": fmt.rule.name}
    return Group("quantize", names, topic, *_standing(fmt, topic), (case,))


def _kind_of_block(patterns: tuple[int, ...], fmt: BlockFormat) -> str:
    values = [spec.from_float32_bits(pattern) for pattern in patterns]
    if Special.NAN in values:
        return "nan"
    if not all(map(spec.is_finite, values)):
        return "infinity"
    if fmt.scale != E8M0:
        return "drawn"
    # Subnormals are taken out of what is drawn, and can leave a block of zeros.
    amax = max(0 if _subnormal(p) else p & ~SIGN for p in patterns)
    if not amax:
        return "zero" if not any(map(_subnormal, patterns)) else "binary32-subnormals"
    exponent = spec.shared_exponent(_number(amax), fmt.element, fmt.rule)
    return "drawn" if -127 <= exponent <= 127 else "scale-below-range"


def _number(pattern: int) -> Fraction:
    return spec.number(spec.from_float32_bits(pattern))


def _quantized(block: Block, fmt: BlockFormat) -> tuple[str, Case]:
    """Return the case, and its topic: what a standard leaves open never hides in another one."""
    patterns = block.patterns
    if fmt.scale == E8M0 and block.topic not in OPEN:
        patterns = tuple(0 if _subnormal(p) else p for p in patterns)
    try:
        expected = quantized(patterns, fmt)
    except ValueError:  # The tensor scale is no number.
        return block.topic, Case(block.name, {"x": one(BINARY32, *patterns)}, None)
    codes = expected["codes"].codes if "codes" in expected else ()
    if fmt.scale == E8M0 and block.topic not in OPEN:
        values = [spec.decode(code, fmt.element) for code in codes]
        kept = [value is not Special.NEGATIVE_ZERO for value in values]
        patterns = tuple(p if k else 0 for p, k in zip(patterns, kept, strict=True))
        codes = tuple(c if k else 0 for c, k in zip(codes, kept, strict=True))
        expected["codes"] = one(fmt.element, *codes)
    case = Case(block.name, {"x": one(BINARY32, *patterns)}, expected)
    uses_minus_two = fmt.element == MXINT8_ELEMENT and 0x80 in codes
    return ("minus-two" if uses_minus_two else block.topic), case


def _subnormal(pattern: int) -> bool:
    return 0 < pattern & ~SIGN < 1 << 23


def quantized(patterns: tuple[int, ...], fmt: BlockFormat) -> NamedPatterns:
    """Return the specification's tensor scale (if any), scales and codes of one row."""
    values = [spec.from_float32_bits(pattern) for pattern in patterns]
    tensor = spec.tensor_scale(values, fmt)
    size = min(fmt.block_size or len(values), len(values))
    results = [spec.quantize_block(some, fmt, tensor=tensor) for some in chunks(values, size)]
    arrays = {"scale": one(fmt.scale, *[scale for scale, _ in results])}
    # The elements of a NaN block do not matter.
    if all(map(spec.is_finite, values)):
        arrays["codes"] = one(fmt.element, *[code for _, codes in results for code in codes])
    if tensor is not None:
        arrays["tensor_scale"] = one(BINARY32, spec.to_float32_bits(tensor))
    return arrays


def _standing(fmt: BlockFormat, topic: str) -> tuple[str, Standard, str]:
    if fmt.scale == E8M0:
        source = RULE_SOURCES.get(fmt.rule, f"definition of {fmt.rule.name}, {fmt.rule.value}")
        note = OPEN.get(topic, "")
    else:
        source = fmt.source
        note = "" if topic == "exact" else ROUNDED
    return source, Standard.LEAVES_OPEN if note else Standard.DECIDES, note


def _float_scaled(fmt: BlockFormat, size: int) -> Iterator[Block]:
    """Yield rows of a format whose scale is no power of two; in the exact ones nothing is rounded.

    Two NVFP4 blocks make a row and a tensor.
    """
    top = spec.max_finite(fmt.element)
    elements = [v for v in map(spec.number, _finite(fmt.element)) if 0 < abs(v) <= top]
    half = size // 2
    some = (elements * size)[: max(half - 1, 1)]
    limit = top * (spec.max_finite(fmt.scale) if fmt.tensor_scale else 1)
    for k in (-60, 0, 60):
        unit = pow2(k)
        row = ([limit * unit, *[v * unit * limit / top for v in some]] * 2)[:size]
        yield Block("exact", f"exact-2^{k}", tuple(bits(x) for x in row))
    for block in edge_blocks(fmt.element, size):
        if block.topic in ("ordinary", "zero", "infinity", "nan", *LARGEST, "binary32-subnormals"):
            yield block
    ordinary = next(b for b in _ordinary(size)).patterns
    first, second = ordinary[:half], ordinary[half:]
    yield Block("zero", "one-block-of-zeros", first + (0,) * len(second))
    yield Block("small-block", "second-block-2^-20", first + _scaled(second, -20))


def _scaled(patterns: tuple[int, ...], exponent: int) -> tuple[int, ...]:
    return tuple(pattern + (exponent << 23) for pattern in patterns)


def dequantize_groups() -> Iterator[Group]:
    """Yield the vectors of ``dequantize``: element times scale in binary32."""
    for fmt in BLOCK_FORMATS.values():
        if fmt.scale == E8M0:
            yield from dequantizings_of(fmt, SIZE)


def dequantizings_of(fmt: BlockFormat, size: int) -> Iterator[Group]:
    """Yield the vectors of ``dequantize`` of one format with E8M0 scales."""
    found: dict[str, list[Case]] = defaultdict(list)
    for scale in (0, 1, 2, 126, 127, 128, 253, 254, 255):
        for topic, case in _dequantized(scale, fmt, size):
            found[topic].append(case)
    for topic, cases in found.items():
        note = DEQUANTIZE_OPEN.get(topic, "")
        standard = Standard.LEAVES_OPEN if note else Standard.DECIDES
        names = {"fmt": fmt.name}
        yield Group("dequantize", names, topic, "OCP MX v1.0, 5.1", standard, note, tuple(cases))


DEQUANTIZE_OPEN = {
    "overflow": "beyond binary32 the value is implementation-defined: Inf",
    "subnormal-results": "whether binary32 subnormals are kept is not said: kept",
}


def _dequantized(scale: int, fmt: BlockFormat, size: int) -> Iterator[tuple[str, Case]]:
    """Yield cases of ``size`` codes, those with results of one kind together."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for code in list(fmt.element.codes)[:: max(1, len(fmt.element.codes) // 64)]:
        (value,) = spec.dequantize_block(scale, [code], fmt)
        pattern = spec.to_float32_bits(value)
        found[_kind(pattern, code, fmt.element)].append((code, pattern))
    for kind, pairs in found.items():
        for i, some in enumerate(chunks(pairs, size)):
            codes, values = zip(*(some + some[:1] * (size - len(some))), strict=True)
            given = {"scale": one(E8M0, scale), "codes": one(fmt.element, *codes)}
            yield kind, Case(f"scale-{scale:02X}-{i}", given, {"values": one(BINARY32, *values)})


def _kind(pattern: int, code: int, element: ElementFormat) -> str:
    if pattern & ~SIGN == INFINITY and spec.is_finite(spec.decode(code, element)):
        return "overflow"
    return "subnormal-results" if _subnormal(pattern) else "values"
