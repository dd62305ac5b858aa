"""Number formats by name beside ``ELEMENT_FORMATS``, whose conformance vectors are committed.

They are formats like any others: what takes an ``ElementFormat`` takes them.
"""

from msdnum._registry import Registry
from msdnum.formats.elements import (
    TWOS_COMPLEMENT,
    ElementFormat,
    FloatFormat,
    IntegerFormat,
    NonNumbers,
    TableFormat,
)

__all__ = [
    "E3M4", "E4M3B11FNUZ", "E4M3_IEEE", "E6M2", "HIF4_ELEMENT", "HIF8", "INT2", "INT3", "INT6",
    "IQ4_NL", "NF4", "OTHER_FORMATS", "UE4M3", "UE5M3", "UINT2", "UINT3", "UINT4", "UINT6", "UINT8",
]  # fmt: skip

PTX = "NVIDIA, PTX ISA 8.7, section 5.2.3, alternate floating-point data formats"
UE4M3 = FloatFormat("UE4M3", 4, 3, specials=NonNumbers.NAN, signed=False, source=PTX)
"""E4M3 without its sign: 7 bits, the highest of a byte 0."""
UE5M3 = FloatFormat(
    "UE5M3", 5, 3, specials=NonNumbers.NAN, signed=False,
    source="rocm-libraries PR 7439, scales of gfx1250",
)  # fmt: skip
E3M4 = FloatFormat("E3M4", 3, 4, specials=NonNumbers.IEEE, source="ml_dtypes, float8_e3m4")
E4M3_IEEE = FloatFormat(
    "E4M3_IEEE", 4, 3, specials=NonNumbers.IEEE, source="ml_dtypes, float8_e4m3"
)
"""With Inf, as IEEE 754 would have it: its largest number is 240. OCP's E4M3 has 448."""
E4M3B11FNUZ = FloatFormat(
    "E4M3B11FNUZ", 4, 3, 11, NonNumbers.NEGATIVE_ZERO, source="ml_dtypes, float8_e4m3b11fnuz"
)

INT2 = IntegerFormat("INT2", 2, -2, source=TWOS_COMPLEMENT)
INT3 = IntegerFormat("INT3", 3, -4, source=TWOS_COMPLEMENT)
INT6 = IntegerFormat("INT6", 6, -32, source=TWOS_COMPLEMENT)
UINT2, UINT3, UINT4, UINT6, UINT8 = (
    IntegerFormat(f"UINT{bits}", bits, 0, source="unsigned") for bits in (2, 3, 4, 6, 8)
)

NF4 = TableFormat(
    "NF4",
    (
        -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
        -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
        0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
        0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
    ),
    source="Dettmers et al., QLoRA, arXiv:2305.14314, appendix E",
)  # fmt: skip
"""Quantiles of a normal distribution, the numbers ascending with their codes."""

IQ4_NL = TableFormat(
    "IQ4_NL",
    (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113),
    source="llama.cpp, ggml/src/ggml-common.h, kvalues_iq4nl",
)
"""Integers that lie closer around 0, which is none of them."""


def _hif8(code: int) -> float:
    """Return the number of a code of HiF8, by its fields.

    From the top: a sign, a prefix code (the dot) that says how many bits the exponent has, that
    exponent, and a fraction in the bits that remain. The exponent is a sign and a magnitude whose
    leading 1 is left out.
    """
    sign, rest = (-1.0 if code >> 7 else 1.0), code & 0x7F
    if rest < 8:
        # Denormal: no exponent and no fraction, but powers of two.
        zero = 0.0 if code == 0 else float("nan")
        return sign * 2.0 ** (rest - 23) if rest else zero
    if rest == 0x6F:
        return sign * float("inf")
    length, taken = next(
        (length, taken) for prefix, taken, length in DOTS if rest >> (7 - taken) == prefix
    )
    left = 7 - taken - length
    field, fraction = rest >> left & (1 << length) - 1, rest & (1 << left) - 1
    exponent = 0
    if length:
        magnitude = 1 << (length - 1) | field & (1 << (length - 1)) - 1
        exponent = -magnitude if field >> (length - 1) else magnitude
    return sign * (1 + fraction / (1 << left)) * 2.0**exponent


DOTS = ((0b11, 2, 4), (0b10, 2, 3), (0b01, 2, 2), (0b001, 3, 1), (0b0001, 4, 0))
"""Prefix, its bits, and the bits of the exponent that it announces."""

HIF8 = TableFormat(
    "HIF8", tuple(map(_hif8, range(256))), beyond=1.5 * 2.0**15,
    source="Luo et al., Ascend HiFloat8 Format for Deep Learning, arXiv:2409.16626, section 2",
)  # fmt: skip
"""Tapered: 3 bits of fraction near 1, then 2, then 1, and powers of two from 2**-16 to 2**-22. Its
definition rounds ties away (RNA)."""

HIF4 = "Luo et al., HiFloat4 Format for Language Model Inference, arXiv:2602.11287"
HIF4_ELEMENT = FloatFormat("HIF4_ELEMENT", 1, 2, 1, source=HIF4)
"""Sign and magnitude with two bits after the point, 0 to 1.75."""
E6M2 = FloatFormat("E6M2", 6, 2, 48, NonNumbers.NAN, signed=False, subnormals=False, source=HIF4)
"""Scale of HiF4, 2**-48 to 1.5 * 2**15."""

OTHER_FORMATS: Registry[ElementFormat] = Registry.of(
    "OTHER_FORMATS",
    (
        INT2, INT3, INT6, UINT2, UINT3, UINT4, UINT6, UINT8, UE4M3, UE5M3, E3M4, E4M3_IEEE,
        E4M3B11FNUZ, NF4, IQ4_NL, HIF8, HIF4_ELEMENT, E6M2,
    ),
)  # fmt: skip
"""Formats of papers, libraries and machines, by name."""
