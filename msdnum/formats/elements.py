"""Number formats by name: adding one is adding a line. Their kinds are re-exported from here."""

from msdnum._registry import Registry
from msdnum.formats.element_kinds import (
    ElementFormat,
    FloatFormat,
    IntegerFormat,
    NonNumbers,
    SpacedFormat,
    TableFormat,
    spaced,
)

__all__ = [
    "BF16", "BINARY32", "E2M1", "E2M3", "E3M2", "E4M3", "E4M3FNUZ", "E5M2", "E5M2FNUZ", "E8M0",
    "ELEMENT_FORMATS", "FP16", "INT4", "INT8", "INT8_SYMMETRIC", "MXINT8_ELEMENT", "TF32",
    "UNIT_FORMATS", "ElementFormat", "FloatFormat", "IntegerFormat", "NonNumbers",
    "SpacedFormat", "TableFormat", "spaced",
]  # fmt: skip

TWOS_COMPLEMENT = "two's complement"
INT4 = IntegerFormat("INT4", 4, -8, source=TWOS_COMPLEMENT)
INT8 = IntegerFormat("INT8", 8, -128, source=TWOS_COMPLEMENT)
INT8_SYMMETRIC = IntegerFormat("INT8_SYMMETRIC", 8, -127, source=TWOS_COMPLEMENT)
MXINT8_ELEMENT = IntegerFormat("MXINT8_ELEMENT", 8, -128, 6, source="OCP MX v1.0, 5.3.4")

E2M1 = FloatFormat("E2M1", 2, 1, source="OCP MX v1.0, 5.3.3")
E2M3 = FloatFormat("E2M3", 2, 3, source="OCP MX v1.0, 5.3.2")
E3M2 = FloatFormat("E3M2", 3, 2, source="OCP MX v1.0, 5.3.2")
E4M3 = FloatFormat("E4M3", 4, 3, specials=NonNumbers.NAN, source="OCP OFP8 v1.0, 5.2")
E5M2 = FloatFormat("E5M2", 5, 2, specials=NonNumbers.IEEE, source="OCP OFP8 v1.0, 5.2")
E4M3FNUZ = FloatFormat(
    "E4M3FNUZ", 4, 3, 8, NonNumbers.NEGATIVE_ZERO, source="Noune et al., arXiv:2206.02915"
)
"""The FP8 of AMD's MI300; not the E4M3 of OCP."""
E5M2FNUZ = FloatFormat(
    "E5M2FNUZ", 5, 2, 16, NonNumbers.NEGATIVE_ZERO, source="Noune et al., arXiv:2206.02915"
)
"""The BF8 of AMD's MI300; not the E5M2 of OCP."""
E8M0 = FloatFormat(
    "E8M0", 8, 0, specials=NonNumbers.NAN, signed=False, subnormals=False,
    source="OCP MX v1.0, 5.4.1",
)  # fmt: skip
BF16 = FloatFormat(
    "BF16", 8, 7, specials=NonNumbers.IEEE, source="IEEE 754-2019, 4.3 and 7.4, as for binary16"
)
FP16 = FloatFormat("FP16", 5, 10, specials=NonNumbers.IEEE, source="IEEE 754-2019, 4.3 and 7.4")
TF32 = FloatFormat("TF32", 8, 10, specials=NonNumbers.IEEE, source="NVIDIA A100 white paper")
"""What NVIDIA's matrix units make of binary32 numbers; no arrays have this type."""
BINARY32 = FloatFormat("BINARY32", 8, 23, specials=NonNumbers.IEEE, source="IEEE 754-2019, 3.4")

ELEMENT_FORMATS: Registry[SpacedFormat] = Registry.of(
    "ELEMENT_FORMATS",
    (
        INT4, INT8, INT8_SYMMETRIC, MXINT8_ELEMENT, E2M1, E2M3, E3M2, E4M3, E5M2, E8M0,
        BF16, FP16, BINARY32,
    ),
)  # fmt: skip
"""The element formats of the package, by name. A format of one's own need not be in it."""

UNIT_FORMATS: Registry[SpacedFormat] = Registry.of("UNIT_FORMATS", (TF32, E4M3FNUZ, E5M2FNUZ))
"""Formats that some matrix units take, beside ``ELEMENT_FORMATS``, whose vectors are committed."""
