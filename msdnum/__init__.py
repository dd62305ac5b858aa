"""Bit-exact emulators, exact references and proved error bounds for low-bit number formats.

What a user meets first is here; the rest is in rooms, each imported when it is first named:
``msdnum.bounds`` is there after ``import msdnum``. ``formats`` are what is computed with, as data.
``spec`` says what one number becomes, and ``emulator`` does it to arrays, NumPy's or JAX's.
``exact``, ``errors`` and ``bounds`` judge the results and share no code with them.

Examples
--------
>>> import msdnum
>>> x = np.float32([0.3, 5.1, 100])
>>> msdnum.quantize(x, msdnum.BLOCK_FORMATS["MXFP4"]).dequantize()
array([ 0.,  8., 96.], dtype=float32)
>>> msdnum.bounds.remainder(msdnum.SCHEMES["MXFP4_X2"])
Fraction(1, 64)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from msdnum import _interrupts as _interrupts  # First, for what follows takes its time.
from msdnum._extras import remedy
from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.kv_cache import KV_FORMATS
from msdnum.emulator.blocks import quantize
from msdnum.emulator.compiled_rows import use_numba
from msdnum.emulator.decompositions import Decomposition, decompose, decompose_terms
from msdnum.emulator.elements import as_ml_dtype, decode, encode, round_to
from msdnum.emulator.gemm.products import matmul
from msdnum.emulator.layouts.gpt_oss import from_blocks_and_scales, to_blocks_and_scales
from msdnum.emulator.packing import pack, unpack
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import ACCUMULATORS, ALL_ACCUMULATORS
from msdnum.formats.blocks import BLOCK_FORMATS, BlockFormat
from msdnum.formats.elements import (
    ELEMENT_FORMATS,
    ElementFormat,
    FloatFormat,
    IntegerFormat,
    NonNumbers,
    TableFormat,
)
from msdnum.formats.modes import Arithmetic, Overflow, Rounding, ScaleRule
from msdnum.formats.schemes import OWN_AMAX, SCHEMES, Scheme, amax_scheme, covering_scheme

if TYPE_CHECKING:
    from msdnum import bench as bench
    from msdnum import bounds as bounds
    from msdnum import cli as cli
    from msdnum import conformance as conformance
    from msdnum import cost as cost
    from msdnum import device as device
    from msdnum import display as display
    from msdnum import emulator as emulator
    from msdnum import errors as errors
    from msdnum import evidence as evidence
    from msdnum import exact as exact
    from msdnum import experiments as experiments
    from msdnum import formats as formats
    from msdnum import inputs as inputs
    from msdnum import ledger as ledger
    from msdnum import reports as reports
    from msdnum import spec as spec
    from msdnum import testing as testing
    from msdnum import trials as trials
    from msdnum.formats import accumulators as accumulators
    from msdnum.reports import report as report

__version__ = "0.1.0"

__all__ = [
    "ACCUMULATORS", "ALL_ACCUMULATORS", "BLOCK_FORMATS", "ELEMENT_FORMATS", "KV_FORMATS",
    "OWN_AMAX", "SCHEMES", "Arithmetic", "BlockFormat", "Decomposition", "ElementFormat",
    "FloatFormat", "IntegerFormat", "NonNumbers", "Overflow", "QuantizedArray", "Rounding",
    "ScaleRule", "Scheme", "TableFormat", "amax_scheme", "as_ml_dtype", "attend", "covering_scheme",
    "decode", "decompose", "decompose_terms", "encode", "from_blocks_and_scales", "matmul", "pack",
    "quantize", "round_to", "to_blocks_and_scales", "unpack", "use_numba",
]  # fmt: skip

_LAZY = {
    "accumulators": "msdnum.formats.accumulators",
    "report": "msdnum.reports:report",
    **{
        room: f"msdnum.{room}"
        for room in (
            "bench", "bounds", "cli", "conformance", "cost", "device", "display", "emulator",
            "errors", "evidence", "exact", "experiments", "formats", "inputs", "ledger", "reports",
            "spec", "testing", "trials",
        )
    },
}  # fmt: skip
"""What is imported when it is first named (PEP 562); some of it needs an extra."""


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module, _, function = _LAZY[name].partition(":")
        found = import_module(module)
    except ModuleNotFoundError as error:
        needed = remedy(error, f"msdnum.{name}")
        raise ModuleNotFoundError(needed, name=error.name) from error
    return getattr(found, function) if function else found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
