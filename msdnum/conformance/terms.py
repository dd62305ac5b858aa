"""Test vectors of packed layouts, decompositions and dot products."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from msdnum import spec
from msdnum.conformance.blocks import edge_blocks
from msdnum.conformance.vectors import Case, Group, NamedPatterns, Standard, chunks, one
from msdnum.formats.accumulators import ALL_ACCUMULATORS
from msdnum.formats.blocks import MXFP4
from msdnum.formats.elements import (
    BINARY32,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E8M0,
    ELEMENT_FORMATS,
    INT8,
    ElementFormat,
)
from msdnum.formats.modes import Arithmetic, Overflow
from msdnum.formats.scheme_kinds import Scheme
from msdnum.formats.schemes import SCHEMES
from msdnum.spec.accumulators import Number, factor, inner_product

__all__ = [
    "TERM_SCHEMES", "decompose_groups", "dot_groups", "gpt_oss_groups", "pack_groups",
    "unpack_groups",
]  # fmt: skip

BYTE = INT8
CONVENTION = "torch.float4_e2m1fn_x2 and gpt-oss checkpoints for 4 bits"
LAYOUT = "the layout is left to the implementation (OCP MX v1.0, 5): lowest bits first"
GPT_OSS = "gpt-oss checkpoints: blocks of 16 bytes, low nibble first, and a scale byte each"


def pack_groups() -> Iterator[Group]:
    """Yield the vectors of ``pack``: codes to bytes without gaps."""
    for fmt in (E2M1, E2M3, E3M2):
        yield _layout("pack", fmt, tuple(_packed(fmt, some) for some in chunks(fmt.codes, 16)))


def unpack_groups() -> Iterator[Group]:
    """Yield the vectors of ``unpack``: those of ``pack`` the other way round."""
    for group in pack_groups():
        back = tuple(Case(c.name, c.expected or {}, c.given) for c in group.cases)
        yield replace(group, operation="unpack", cases=back)


def _layout(operation: str, fmt: ElementFormat, cases: tuple[Case, ...]) -> Group:
    names = {"fmt": fmt.name}
    return Group(operation, names, "bytes", CONVENTION, Standard.LEAVES_OPEN, LAYOUT, cases)


def gpt_oss_groups() -> Iterator[Group]:
    """Yield the vectors of ``from_blocks_and_scales``."""
    cases = tuple(map(_gpt_oss, (0, 1, 120, 127, 250, 255)))
    open_ = Standard.LEAVES_OPEN
    yield Group(
        "from_blocks_and_scales", {"fmt": "MXFP4"}, "gpt-oss", GPT_OSS, open_, LAYOUT, cases
    )


def _packed(fmt: ElementFormat, codes: tuple[int, ...]) -> Case:
    """Put the codes, the first one lowest, into one long integer, and cut it into bytes."""
    word = sum(code << (fmt.bits * i) for i, code in enumerate(codes))
    packed = word.to_bytes(len(codes) * fmt.bits // 8, "little")
    return Case(
        f"codes-{codes[0]:02X}", {"codes": one(fmt, *codes)}, {"packed": one(BYTE, *packed)}
    )


def _gpt_oss(scale: int) -> Case:
    codes = [code for _ in range(2) for code in E2M1.codes]
    given = {"packed": (_packed(E2M1, tuple(codes)).expected or {})["packed"]}
    values = [spec.to_float32_bits(v) for v in spec.dequantize_block(scale, codes, MXFP4)]
    given |= {"scale": one(E8M0, scale)}
    return Case(f"scale-{scale:02X}", given, {"values": one(BINARY32, *values)})


TERM_SCHEMES = {
    name: SCHEMES[name]
    for name in (
        *(f"{elements}_X{n}" for elements in ("MXFP4", "MXFP8", "INT8") for n in (2, 3)),
        *(f"INT8_X{n}_FLOAT32" for n in (2, 3)),
    )
}
"""What has vectors of terms, in their order."""
TERM_TOPICS = ("ordinary", "ties", "amax-power-of-two", "amax-below-power-of-two", "nan")
UNROUNDED = "the number of an exact scale is amax; it is over 127 * 254^i"
ORDER = "the paper writes it over the rationals; here every operation is rounded to binary32"


def decompose_groups() -> Iterator[Group]:
    """Yield the vectors of ``decompose``, in two and three terms."""
    for name, scheme in TERM_SCHEMES.items():
        claim = "C2" if _by_powers_of_two(scheme) else "C1"
        blocks = [b for b in edge_blocks(scheme.elements[0]) if b.topic in TERM_TOPICS]
        for topic in TERM_TOPICS:
            cases = tuple(
                Case(b.name, {"x": one(BINARY32, *b.patterns)}, terms(b.patterns, scheme))
                for b in blocks
                if b.topic == topic
            )
            note = _note(topic, scheme)
            standard = Standard.LEAVES_OPEN if note not in ("", UNROUNDED) else Standard.DECIDES
            source = f"paper, claim {claim}"
            yield Group("decompose", {"scheme": name}, topic, source, standard, note, cases)


def _by_powers_of_two(scheme: Scheme) -> bool:
    return scheme.formats[0].scale == E8M0


def _note(topic: str, scheme: Scheme) -> str:
    if topic == "nan":
        return "not in the paper: NaN scales"
    if scheme.arithmetic is Arithmetic.FLOAT32:
        return ORDER
    return "" if _by_powers_of_two(scheme) else UNROUNDED


def terms(patterns: tuple[int, ...], scheme: Scheme) -> NamedPatterns:
    """Return the specification's scale and codes of every term."""
    values = [spec.from_float32_bits(pattern) for pattern in patterns]
    scale_format = scheme.formats[0].scale
    exact = scale_format != E8M0 and scheme.arithmetic is Arithmetic.EXACT
    result = spec.decompose(values, scheme)
    arrays: NamedPatterns = {}
    for i, (scale, codes) in enumerate(zip(result.scales, result.codes, strict=True), 1):
        if exact:
            scale = spec.multiply(scale, Fraction(127 * 254 ** (i - 1)))
        code = spec.encode(scale, scale_format, overflow=Overflow.OVERFLOW)
        arrays[f"scale_{i}"] = one(scale_format, code)
        if scale is not spec.Special.NAN:
            arrays[f"codes_{i}"] = one(scheme.elements[i - 1], *codes)
    return arrays


DOT = "OCP MX v1.0, 6.1"
ANY_ORDER = ""
SCALES_FIRST = "2^127 times 2^-127 is 1, but a value times its scale is beyond binary32: exact"
SEQUENTIAL = "internal precision is implementation-defined: products exact, sums binary32 in order"
ONCE = "internal precision is implementation-defined: exact, rounded once to binary32"


def dot_groups() -> Iterator[Group]:
    """Yield the vectors of ``dot``: two blocks, by accumulator."""
    e2m1 = [code % 16 for code in range(32)]
    wide = [(37 * i + 11) % 127 | (i % 3 == 0) << 7 for i in range(32)]
    for accumulator, note in (("EXACT", ONCE), ("SEQUENTIAL", SEQUENTIAL)):
        for fmt, codes in ((ELEMENT_FORMATS["E2M1"], e2m1), (E4M3, wide)):
            names = {"fmt": f"MXFP{fmt.bits}", "accumulator": accumulator}
            other = codes[5:] + codes[:5]
            small = tuple(
                _dot(accumulator, fmt, codes, other, *s) for s in ((127, 127), (120, 140))
            )
            # With E2M1 every partial sum is a binary32 number, whatever the order.
            open_ = Standard.LEAVES_OPEN
            standing = (Standard.DECIDES, ANY_ORDER) if fmt == E2M1 else (open_, note)
            yield Group("dot", names, "block", DOT, *standing, small)
            extreme = (_dot(accumulator, fmt, codes, other, 254, 0),)
            yield Group("dot", names, "extreme-scales", DOT, open_, SCALES_FIRST, extreme)


def _dot(
    accumulator: str, fmt: ElementFormat, a: list[int], b: list[int], scale_a: int, scale_b: int
) -> Case:
    result = inner_product(
        _factors(fmt, a, scale_a), _factors(fmt, b, scale_b), ALL_ACCUMULATORS[accumulator]
    )
    given = {
        "scale_a": one(E8M0, scale_a),
        "codes_a": one(fmt, *a),
        "scale_b": one(E8M0, scale_b),
        "codes_b": one(fmt, *b),
    }
    value = one(BINARY32, spec.to_float32_bits(result))
    return Case(f"scales-{scale_a:02X}-{scale_b:02X}", given, {"value": value})


def _factors(fmt: ElementFormat, codes: list[int], scale: int) -> list[Number]:
    power = spec.number(spec.decode(scale, E8M0))
    return [factor(spec.number(spec.decode(code, fmt)), fmt, power) for code in codes]
