"""Test vectors of integers with zero points: scales, zero points and elements of one block."""

from collections.abc import Iterator
from fractions import Fraction

from msdnum import spec
from msdnum.conformance.blocks import SIZE, Block, bits, edge_blocks
from msdnum.conformance.vectors import Case, Group, NamedPatterns, Standard, one
from msdnum.formats.elements import BINARY32, INT4, INT8, IntegerFormat
from msdnum.formats.other_elements import UINT4, UINT8

__all__ = ["zero_point_groups"]

ONNX = "ONNX, DynamicQuantizeLinear (operator set 11), with other integers, too"
CHOSEN = "which operations are rounded, and how, is not written down: each to binary32, RNE"
TOPICS = ("ordinary", "zero", "negative-zero", "infinity", "nan", "ties", "binary32-subnormals")


def zero_point_groups() -> Iterator[Group]:
    """Yield the vectors of ``quantize_asymmetric``, topic by topic."""
    for element in (INT4, INT8, UINT4, UINT8):
        topics: dict[str, list[Case]] = {}
        for block in _blocks():
            case = Case(
                block.name, {"x": one(BINARY32, *block.patterns)}, _expected(block, element)
            )
            topics.setdefault(block.topic, []).append(case)
        for topic, cases in topics.items():
            names, open_ = {"fmt": element.name}, Standard.LEAVES_OPEN
            yield Group("quantize_asymmetric", names, topic, ONNX, open_, CHOSEN, tuple(cases))


def _blocks() -> Iterator[Block]:
    for block in edge_blocks(INT8):
        if block.topic in TOPICS or block.topic.startswith("largest"):
            yield block
    for name, first, step in (("positive", 10, 1), ("negative", -40, 1), ("low-is-small", -1, 8)):
        numbers = [first + step * i for i in range(SIZE)]
        yield Block("one-sided", name, tuple(bits(Fraction(x)) for x in numbers))


def _expected(block: Block, element: IntegerFormat) -> NamedPatterns:
    """Return what the specification makes of a block; of a NaN block its scale alone matters."""
    values = [spec.from_float32_bits(pattern) for pattern in block.patterns]
    found = spec.zero_point_block(values, element)
    arrays = {"scale": one(BINARY32, found.scale)}
    if all(map(spec.is_finite, values)):
        arrays["zero_point"] = one(element, found.zero_point % (1 << element.bits))
        arrays["codes"] = one(element, *found.codes)
    return arrays
