"""Test vectors of HiF4: units of 64 numbers, their scales of three levels and elements."""

from collections.abc import Iterator
from fractions import Fraction

from msdnum import spec
from msdnum.conformance.blocks import Block, edge_blocks
from msdnum.conformance.vectors import Case, Group, NamedPatterns, Standard, one
from msdnum.formats.elements import BINARY32, INT8
from msdnum.formats.other_elements import E6M2, HIF4, HIF4_ELEMENT

__all__ = ["hif4_groups"]

SIZE = 64
LOW_HALF = 0xFFFF
BYTE = INT8
CONVERTED = "the paper has the format; the conversion is that of Huawei's quant_cy_npu, quant_hifx"


def hif4_groups() -> Iterator[Group]:
    """Yield the vectors of ``quantize_hif4``: BF16 numbers in binary32, topic by topic."""
    topics: dict[str, list[Case]] = {}
    for block in _blocks():
        x = tuple(pattern & ~LOW_HALF for pattern in block.patterns)
        case = Case(block.name, {"x": one(BINARY32, *x)}, _expected(x))
        topics.setdefault(block.topic, []).append(case)
    for topic, cases in topics.items():
        names = {"fmt": "HIF4"}
        open_ = Standard.LEAVES_OPEN
        yield Group("quantize_hif4", names, topic, HIF4, open_, CONVERTED, tuple(cases))


def _blocks() -> Iterator[Block]:
    yield from edge_blocks(HIF4_ELEMENT, SIZE)
    for level, size in (("eights", 8), ("fours", 4)):
        for step in (-1, 0, 1):
            yield _around_threshold(level, size, step)


def _around_threshold(level: str, size: int, step: int) -> Block:
    """Return a unit whose second part of ``size`` peaks a step of BF16 beside its threshold."""
    bits = spec.to_float32_bits
    threshold = bits(Fraction(4 if level == "eights" else 2)) + step * (LOW_HALF + 1)
    patterns = [bits(Fraction(7)), *[bits(Fraction(1))] * (SIZE - 1)]
    patterns[16 if level == "eights" else 20] = threshold
    return Block(f"threshold-of-{level}", f"{level}-{step:+d}", tuple(patterns))


def _expected(x: tuple[int, ...]) -> NamedPatterns:
    """Return what the specification makes of a unit; the elements of a NaN unit do not matter."""
    values = [spec.from_float32_bits(pattern) for pattern in x]
    unit = spec.hif4_unit(values)
    arrays = {"scale": one(E6M2, unit.scale)}
    if all(map(spec.is_finite, values)):
        arrays["eights"], arrays["fours"] = one(BYTE, *unit.eights), one(BYTE, *unit.fours)
        arrays["codes"] = one(HIF4_ELEMENT, *unit.codes)
    return arrays
