# ruff: noqa: D103
"""gfloat: the readable reference for one number at a time."""

from importlib import import_module
from typing import Any

import numpy as np

gfloat: Any = import_module("gfloat")
formats: Any = import_module("gfloat.formats")
block: Any = import_module("gfloat.block")

PACKAGES = ("gfloat", "numpy")

INFO = {
    "E2M1": formats.format_info_ocp_e2m1,
    "E2M3": formats.format_info_ocp_e2m3,
    "E3M2": formats.format_info_ocp_e3m2,
    "E4M3": formats.format_info_ocp_e4m3,
    "E5M2": formats.format_info_ocp_e5m2,
    "E8M0": formats.format_info_ocp_e8m0,
    "MXINT8_ELEMENT": formats.format_info_ocp_int8,
    "BF16": formats.format_info_bfloat16,
    "FP16": formats.format_info_binary16,
}
BLOCKS = {info.name.upper().removesuffix("_E2M1"): info for info in formats.all_block_formats}
MODES = {
    "RNE": gfloat.RoundMode.TiesToEven,
    "RNA": gfloat.RoundMode.TiesToAway,
    "RTZ": gfloat.RoundMode.TowardZero,
    "RTP": gfloat.RoundMode.TowardPositive,
    "RTN": gfloat.RoundMode.TowardNegative,
}


def encode(x: Any, *, fmt: str, rounding: str, overflow: str) -> Any:
    if fmt not in INFO:
        raise NotImplementedError
    saturate = overflow == "SATURATE"
    rounded = [gfloat.round_float(INFO[fmt], float(v), MODES[rounding], saturate) for v in x]
    return np.array([gfloat.encode_float(INFO[fmt], v) for v in rounded])


def decode(codes: Any, *, fmt: str) -> Any:
    if fmt not in INFO:
        raise NotImplementedError
    values = [gfloat.decode_float(INFO[fmt], int(code)).fval for code in codes]
    return np.array(values, np.float32)


def quantize(x: Any, *, fmt: str, rule: str) -> Any:
    """Take its one rule for scales, in float64 as its examples do."""
    if fmt not in BLOCKS or rule != "FLOOR":
        raise NotImplementedError
    info, values = BLOCKS[fmt], x.astype(np.float64)
    scale = block.compute_scale_amax(info.etype.emax, values)
    exponent, *codes = block.encode_block(info, scale, values / scale)
    return {"scale": np.array([exponent]), "codes": np.array(codes)}


def dequantize(scale: Any, codes: Any, *, fmt: str) -> Any:
    if fmt not in BLOCKS:
        raise NotImplementedError
    values = block.decode_block(BLOCKS[fmt], [int(scale[0]), *map(int, codes)])
    return np.array(list(values), np.float32)
