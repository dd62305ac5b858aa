# ruff: noqa: D103
"""PyTorch on the CPU: casts. That to E4M3 saturates since 2.12, that to E5M2 does not."""

from importlib import import_module
from typing import Any

import numpy as np

torch: Any = import_module("torch")

PACKAGES = ("torch",)

DTYPES = {
    "E4M3": (torch.float8_e4m3fn, "SATURATE"),
    "E5M2": (torch.float8_e5m2, "OVERFLOW"),
    "E8M0": (torch.float8_e8m0fnu, "OVERFLOW"),
    "BF16": (torch.bfloat16, "OVERFLOW"),
    "FP16": (torch.float16, "OVERFLOW"),
}


def encode(x: Any, *, fmt: str, rounding: str, overflow: str) -> Any:
    target, own = DTYPES.get(fmt, (None, None))
    if rounding != "RNE" or overflow != own:
        raise NotImplementedError
    cast = torch.from_numpy(x.copy()).to(target)
    return cast.view({1: torch.uint8, 2: torch.int16}[cast.itemsize]).numpy().view(unsigned(cast))


def unsigned(tensor: Any) -> Any:
    return {1: np.uint8, 2: np.uint16}[tensor.itemsize]


def decode(codes: Any, *, fmt: str) -> Any:
    if fmt not in DTYPES:
        raise NotImplementedError
    return torch.from_numpy(codes.copy()).view(DTYPES[fmt][0]).to(torch.float32).numpy()


def matmul(codes_a: Any, codes_b: Any, *, fmt: str, accumulator: str) -> Any:
    """Integers and binary32: the product of 16-bit floats comes back in 16 bits."""
    if fmt == "BINARY32":
        left, right = (
            torch.from_numpy(codes.copy().view(np.float32)).reshape(2, -1)
            for codes in (codes_a, codes_b)
        )
        return torch.matmul(left, right.T.contiguous()).numpy()
    if fmt != "INT8":
        raise NotImplementedError
    a, b = (
        torch.from_numpy(codes.copy()).view(torch.int8).reshape(2, -1)
        for codes in (codes_a, codes_b)
    )
    return torch._int_mm(a, b.T).to(torch.float32).numpy()
