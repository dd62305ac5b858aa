"""Bit-exact emulators, exact references and proved error bounds for low-bit number formats.

The modules, in reading order: ``formats`` and ``modes`` name things; ``spec`` says what one number
becomes; ``elements``, ``blocks`` and ``decompose`` do it to arrays, NumPy's or JAX's, on top of
``bits``. ``exact``, ``errors`` and ``bounds`` judge the results and share no code with them.
"""

from typing import TYPE_CHECKING, Any

from msdnum import _interrupts as _interrupts  # First, for what follows takes its time.
from msdnum.emulator.blocks import quantize
from msdnum.emulator.decompositions import Decomposition, decompose, decompose_terms
from msdnum.emulator.elements import as_ml_dtype, decode, encode, round_to
from msdnum.emulator.packing import from_blocks_and_scales, pack, to_blocks_and_scales, unpack
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.blocks import BLOCK_FORMATS, BlockFormat
from msdnum.formats.elements import (
    ELEMENT_FORMATS,
    ElementFormat,
    FloatFormat,
    IntegerFormat,
    NonNumbers,
)
from msdnum.formats.modes import Arithmetic, Overflow, Rounding, ScaleRule
from msdnum.formats.schemes import OWN_AMAX, SCHEMES, Scheme, amax_scheme, covering_scheme

if TYPE_CHECKING:
    from msdnum.reports import report

__version__ = "0.1.0"

__all__ = [
    "BLOCK_FORMATS", "ELEMENT_FORMATS", "OWN_AMAX", "SCHEMES", "Arithmetic", "BlockFormat",
    "Decomposition", "ElementFormat", "FloatFormat", "IntegerFormat", "NonNumbers", "Overflow",
    "QuantizedArray", "Rounding", "ScaleRule", "Scheme", "amax_scheme", "as_ml_dtype",
    "covering_scheme", "decode", "decompose", "decompose_terms", "encode", "from_blocks_and_scales",
    "pack", "quantize", "report", "round_to", "to_blocks_and_scales", "unpack",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import ``report`` when it is first asked for: it takes as long as all the rest."""
    if name != "report":
        raise AttributeError(f"module 'msdnum' has no attribute {name!r}")
    from msdnum.reports import report

    return report
