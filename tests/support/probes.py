"""Helpers of the tests of probes: a format and a length for each preset."""

from msdnum.evidence.black_boxes import box_of_accumulator
from msdnum.formats.accumulators import ALL_ACCUMULATORS, INSTRUCTIONS, Blocks
from msdnum.formats.blocks import MXFP4
from msdnum.formats.elements import BF16, E4M3, FP16, INT8

PRESETS = [*ALL_ACCUMULATORS.values(), *INSTRUCTIONS.values()]
NAMED = {"VOLTA": FP16, "TURING": FP16, "CDNA1_FP16": FP16, "BLOCKS_32_EXACT": E4M3}


def format_of(unit):
    """Return a format that a preset is there for."""
    if unit.takes:
        return unit.takes[0]
    if "MXFP4" in unit.name:
        return MXFP4
    if "INT32" in unit.name:
        return INT8
    return NAMED.get(unit.name, E4M3 if "FP8" in unit.name or "MX" in unit.name else BF16)


def length_of(unit):
    """Return a k of two groups at least."""
    if "MXFP4" in unit.name:
        return 192
    return max(2 * getattr(unit, "group", 16), 64 if isinstance(unit, Blocks) else 24)


def box_of(unit, fmt=None, length=None):
    return box_of_accumulator(unit, fmt or format_of(unit), length or length_of(unit))
