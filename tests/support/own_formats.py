"""Adapters of msdnum's emulator for formats of one's own, right and with one wrong code."""

from dataclasses import replace
from types import ModuleType

import numpy as np

from msdnum import decode, encode, quantize
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.modes import Overflow, Rounding, ScaleRule


def adapter_of(*formats, wrong=False):
    """Return a loaded adapter of these formats; if wrong, each last code is another."""
    named = {fmt.name: fmt for fmt in formats}
    adapter = ModuleType("own")
    adapter.__file__, adapter.PACKAGES, adapter.FORMATS = "own.py", ("numpy",), formats

    def spoiled(codes):
        return np.where(codes == codes.max(), codes ^ 1, codes) if wrong else codes

    def cast(x, *, fmt, rounding, overflow):
        modes = {"rounding": Rounding[rounding], "overflow": Overflow[overflow]}
        return spoiled(encode(x, named[fmt], **modes))

    def blocks(x, *, fmt, rule):
        ruled = replace(named[fmt], rule=ScaleRule[rule])
        found = quantize(in_rows(x, ruled), ruled)
        parts = {"scale": found.scale_codes.ravel(), "codes": spoiled(found.codes.ravel())}
        return parts if found.tensor_scale is None else parts | {"tensor_scale": found.tensor_scale}

    def back(scale, codes, *, fmt):
        own = named[fmt]
        scales = scale.reshape(-1, 1) if own.rows > 1 else scale
        return QuantizedArray(in_rows(codes, own), scales, None, own, -1).dequantize().ravel()

    def in_rows(x, fmt):
        return x.reshape(-1, fmt.block_size) if fmt.rows > 1 else x

    adapter.encode, adapter.quantize, adapter.dequantize = cast, blocks, back
    adapter.decode = lambda codes, *, fmt: decode(codes, named[fmt])
    return adapter
