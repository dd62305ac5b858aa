"""Test vectors of blocks: quantize by every scale rule, and dequantize."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from msdnum import spec
from msdnum.conformance.vectors import Arrays, Case, Group, Standard, chunks, one
from msdnum.formats.blocks import BLOCK_FORMATS, MXFP4, BlockFormat
from msdnum.formats.elements import BINARY32, E8M0, MXINT8_ELEMENT, ElementFormat
from msdnum.formats.modes import ScaleRule
from msdnum.spec.numbers import Special

__all__ = ["Block", "dequantize_groups", "edge_blocks", "quantize_groups"]

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
MX_RULES = tuple(RULE_SOURCES)
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
    return Block(topic, name, tuple([*patterns, *rest] + [0] * SIZE)[:SIZE])


def edge_blocks(element: ElementFormat) -> Iterator[Block]:
    """Yield the blocks that implementations disagree on, and ordinary ones."""
    yield from _around_powers(EXPONENTS)
    limit = spec.max_finite(element)
    for k in EXPONENTS:
        exact = bits(limit * pow2(k) / pow2(element.emax))
        threshold = bits((2 - pow2(-element.precision)) * pow2(k))
        for d, side in ((-1, "below"), (0, "at"), (1, "above")):
            yield _block("max-finite", f"{side}-max-finite-2^{k}", exact + d)
            yield _block("even-threshold", f"{side}-threshold-2^{k}", threshold + d)
    yield from _ties(element)
    yield from _ordinary()
    yield from _extremes(element)
    yield from _unusual()


def _around_powers(exponents: Iterable[int]) -> Iterator[Block]:
    for k in exponents:
        power = bits(pow2(k))
        yield _block("amax-power-of-two", f"2^{k}", power)
        yield _block("amax-below-power-of-two", f"below-2^{k}", power - 1)
        yield _block("amax-above-power-of-two", f"above-2^{k}", power + 1)


def _ties(element: ElementFormat) -> Iterator[Block]:
    top = pow2(element.emax)
    values = sorted({abs(spec.number(v)) for v in _finite(element)} | {Fraction(0)})
    middles = [(a + b) / 2 for a, b in pairwise(values) if b <= top]
    for i, some in enumerate(chunks(middles, SIZE - 1)):
        signed = [bits(x) | (SIGN if n % 2 else 0) for n, x in enumerate(some)]
        yield _block("ties", f"ties-{i}", bits(top), *signed, tail=False)


def _finite(element: ElementFormat) -> list[spec.Value]:
    values = [spec.decode(code, element) for code in element.codes]
    return [value for value in values if spec.is_finite(value)]


def _ordinary() -> Iterator[Block]:
    """Yield blocks of a fixed linear congruential sequence: no two of their elements alike."""
    state = 1
    for i in range(6):
        patterns = []
        for _ in range(SIZE):
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


def _unusual() -> Iterator[Block]:
    one_, two = bits(Fraction(1)), bits(Fraction(2))
    yield _block("zero", "zeros", 0)
    yield Block("zero", "negative-zeros", (SIGN,) * SIZE)
    yield _block("negative-zero", "one-and-negative-zero", one_, SIGN, tail=False)
    yield _block("negative-zero", "one-and-negative-underflow", one_, SIGN | 1 << 27, tail=False)
    for name, pattern in (("one-infinity", INFINITY), ("one-negative-infinity", SIGN | INFINITY)):
        yield _block("infinity", name, one_, pattern, two, tail=False)
    yield _block("nan", "one-nan", one_, NAN, two, tail=False)
    yield _block("minus-two", "minus-1.9921875", bits(Fraction(-255, 128)))


def quantize_groups() -> Iterator[Group]:
    """Yield the vectors of ``quantize``."""
    for fmt in BLOCK_FORMATS.values():
        if fmt.scale == E8M0:
            blocks = list(edge_blocks(fmt.element))
            for rule in MX_RULES:
                yield from _groups(replace(fmt, rule=rule), blocks)
        else:
            yield from _groups(fmt, list(_float_scaled(fmt)))
    every_binade = [b for b in _around_powers(range(-115, 128)) if "below" in b.name]
    every_binade = [replace(b, topic="below-every-power-of-two") for b in every_binade]
    yield from _groups(MXFP4, every_binade)


def _groups(fmt: BlockFormat, blocks: Iterable[Block]) -> Iterator[Group]:
    found: dict[str, list[Case]] = defaultdict(list)
    for block in blocks:
        topic, case = _quantized(block, fmt)
        if topic != "minus-two" or fmt.element == MXINT8_ELEMENT:
            found[topic].append(case)
    names = {"fmt": fmt.name, "rule": fmt.rule.name}
    for topic, cases in found.items():
        yield Group("quantize", names, topic, *_standing(fmt, topic), tuple(cases))


def _quantized(block: Block, fmt: BlockFormat) -> tuple[str, Case]:
    """Return the case, and its topic: what a standard leaves open never hides in another one."""
    patterns = block.patterns
    if fmt.scale == E8M0 and block.topic not in OPEN:
        patterns = tuple(0 if _subnormal(p) else p for p in patterns)
    expected = quantized(patterns, fmt)
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


def quantized(patterns: tuple[int, ...], fmt: BlockFormat) -> Arrays:
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
        source = RULE_SOURCES[fmt.rule]
        note = OPEN.get(topic, "")
    else:
        source = fmt.source
        note = "" if topic == "exact" else ROUNDED
    return source, Standard.LEAVES_OPEN if note else Standard.DECIDES, note


def _float_scaled(fmt: BlockFormat) -> Iterator[Block]:
    """Yield rows of a format whose scale is no power of two; in the exact ones nothing is rounded.

    Two NVFP4 blocks make a row and a tensor.
    """
    top = spec.max_finite(fmt.element)
    elements = [v for v in map(spec.number, _finite(fmt.element)) if 0 < abs(v) <= top]
    some = (elements * 2)[:15]
    limit = top * (spec.max_finite(fmt.scale) if fmt.tensor_scale else 1)
    for k in (-60, 0, 60):
        unit = pow2(k)
        row = ([limit * unit, *[v * unit * limit / top for v in some]] * 2)[:SIZE]
        yield Block("exact", f"exact-2^{k}", tuple(bits(x) for x in row))
    for block in edge_blocks(fmt.element):
        if block.topic in ("ordinary", "zero", "infinity", "nan", *LARGEST, "binary32-subnormals"):
            yield block
    ordinary = next(b for b in _ordinary()).patterns
    yield Block("zero", "one-block-of-zeros", ordinary[:16] + (0,) * 16)
    yield Block("small-block", "second-block-2^-20", ordinary[:16] + _scaled(ordinary[16:], -20))


def _scaled(patterns: tuple[int, ...], exponent: int) -> tuple[int, ...]:
    return tuple(pattern + (exponent << 23) for pattern in patterns)


def dequantize_groups() -> Iterator[Group]:
    """Yield the vectors of ``dequantize``: element times scale in binary32."""
    for fmt in BLOCK_FORMATS.values():
        if fmt.scale == E8M0:
            found: dict[str, list[Case]] = defaultdict(list)
            for scale in (0, 1, 2, 126, 127, 128, 253, 254, 255):
                for topic, case in _dequantized(scale, fmt):
                    found[topic].append(case)
            for topic, cases in found.items():
                note = DEQUANTIZE_OPEN.get(topic, "")
                standard = Standard.LEAVES_OPEN if note else Standard.DECIDES
                names = {"fmt": fmt.name}
                source = "OCP MX v1.0, 5.1"
                yield Group("dequantize", names, topic, source, standard, note, tuple(cases))


DEQUANTIZE_OPEN = {
    "overflow": "beyond binary32 the value is implementation-defined: Inf",
    "subnormal-results": "whether binary32 subnormals are kept is not said: kept",
}


def _dequantized(scale: int, fmt: BlockFormat) -> Iterator[tuple[str, Case]]:
    """Yield cases of up to 32 codes, those with results of one kind together."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for code in list(fmt.element.codes)[:: max(1, len(fmt.element.codes) // 64)]:
        (value,) = spec.dequantize_block(scale, [code], fmt)
        pattern = spec.to_float32_bits(value)
        found[_kind(pattern, code, fmt.element)].append((code, pattern))
    for kind, pairs in found.items():
        for i, some in enumerate(chunks(pairs, SIZE)):
            codes, values = zip(*(some + some[:1] * (SIZE - len(some))), strict=True)
            given = {"scale": one(E8M0, scale), "codes": one(fmt.element, *codes)}
            yield kind, Case(f"scale-{scale:02X}-{i}", given, {"values": one(BINARY32, *values)})


def _kind(pattern: int, code: int, element: ElementFormat) -> str:
    if pattern & ~SIGN == INFINITY and spec.is_finite(spec.decode(code, element)):
        return "overflow"
    return "subnormal-results" if _subnormal(pattern) else "values"
