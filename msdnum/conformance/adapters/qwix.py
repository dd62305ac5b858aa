# ruff: noqa: D103
"""qwix: its MXFP4 and MXFP8 quantizer, whose scales are float32 and whose rule is RCEIL."""

from importlib import import_module
from typing import Any

import numpy as np

qarray: Any = import_module("qwix._src.core.qarray")

PACKAGES = ("qwix", "jax")

TYPES = {"MXFP4": "mxfp4", "MXFP8_E4M3": "mxfp8"}


def quantize(x: Any, *, fmt: str, rule: str) -> Any:
    if fmt not in TYPES or rule != "RCEIL":
        raise NotImplementedError
    result = qarray.quantize_api(x[None], TYPES[fmt], tiled_axes={1: 32})
    codes = np.asarray(result.qvalue).view(np.uint8).ravel()
    return {"scale": _e8m0(np.asarray(result.scale).ravel()), "codes": codes}


def _e8m0(scale: Any) -> Any:
    """Return the code of a scale that E8M0 has; refuse another one."""
    significand, exponent = np.frexp(scale)
    codes = np.where(np.isnan(scale), 255, exponent + 126)
    powers = np.isnan(scale) | ((significand == 0.5) & (codes >= 0) & (codes <= 254))
    if not powers.all():
        raise ValueError(f"the scale {scale[0]} is not a number of E8M0")
    return codes
