# ruff: noqa: D103
"""ml_dtypes: casts from float32. Which overflow a type has is part of the type."""

from importlib import import_module
from typing import Any

import numpy as np

types: Any = import_module("ml_dtypes")

PACKAGES = ("ml_dtypes", "numpy")

DTYPES = {
    "E2M1": types.float4_e2m1fn,
    "E2M3": types.float6_e2m3fn,
    "E3M2": types.float6_e3m2fn,
    "E4M3": types.float8_e4m3fn,
    "E5M2": types.float8_e5m2,
    "E8M0": types.float8_e8m0fnu,
    "BF16": types.bfloat16,
    "FP16": np.float16,
    "INT8": np.int8,
}
SATURATING = ("E2M1", "E2M3", "E3M2")


def dtype(fmt: str, **modes: str) -> Any:
    """Return the type that does this, or raise NotImplementedError."""
    own = "SATURATE" if fmt in SATURATING else "OVERFLOW"
    if fmt not in DTYPES or modes != {"rounding": "RNE", "overflow": own}:
        raise NotImplementedError
    return DTYPES[fmt]


def encode(x: Any, *, fmt: str, rounding: str, overflow: str) -> Any:
    cast = x.astype(dtype(fmt, rounding=rounding, overflow=overflow))
    return cast.view(f"uint{8 * cast.itemsize}")


def decode(codes: Any, *, fmt: str) -> Any:
    if fmt not in DTYPES:
        raise NotImplementedError
    return codes.view(DTYPES[fmt]).astype(np.float32)
