# ruff: noqa: D103
"""torchao: its MX and NVFP4 prototype on the CPU, without Triton kernels."""

from importlib import import_module
from typing import Any

import numpy as np

torch: Any = import_module("torch")
mx: Any = import_module("torchao.prototype.mx_formats.mx_tensor")
nvfp4: Any = import_module("torchao.prototype.mx_formats.nvfp4_tensor")
kernels: Any = import_module("torchao.prototype.mx_formats.kernels")

PACKAGES = ("torchao", "torch")

ELEMENTS = {
    "MXFP4": torch.float4_e2m1fn_x2,
    "MXFP6_E2M3": "fp6_e2m3",
    "MXFP6_E3M2": "fp6_e3m2",
    "MXFP8_E4M3": torch.float8_e4m3fn,
    "MXFP8_E5M2": torch.float8_e5m2,
}
CASTS = {
    "E2M1": kernels.f32_to_f4_unpacked,
    "E2M3": kernels.f32_to_f6_e2m3_unpacked,
    "E3M2": kernels.f32_to_f6_e3m2_unpacked,
}
VALUES = {
    "E2M1": kernels.f4_unpacked_to_f32,
    "E2M3": kernels.f6_e2m3_unpacked_to_f32,
    "E3M2": kernels.f6_e3m2_unpacked_to_f32,
}


def _tensor(array: Any) -> Any:
    return torch.from_numpy(array.copy())


def _bytes(tensor: Any) -> Any:
    return tensor.contiguous().view(torch.uint8).numpy().ravel()


def encode(x: Any, *, fmt: str, rounding: str, overflow: str) -> Any:
    if fmt not in CASTS or (rounding, overflow) != ("RNE", "SATURATE"):
        raise NotImplementedError
    return _bytes(CASTS[fmt](_tensor(x)))


def decode(codes: Any, *, fmt: str) -> Any:
    if fmt not in VALUES:
        raise NotImplementedError
    return VALUES[fmt](_tensor(codes)).numpy()


def quantize(x: Any, *, fmt: str, rule: str) -> Any:
    if fmt == "NVFP4":
        return _quantize_nvfp4(_tensor(x)[None])
    if fmt not in ELEMENTS:
        raise NotImplementedError
    scale, data = mx.to_mx(_tensor(x)[None], ELEMENTS[fmt], 32, mx.ScaleCalculationMode[rule])
    codes = kernels.unpack_uint4(data) if fmt == "MXFP4" else data
    return {"scale": _bytes(scale), "codes": _bytes(codes)}


def _quantize_nvfp4(x: Any) -> Any:
    tensor = nvfp4.per_tensor_amax_to_scale(x.abs().amax())
    scale, data = nvfp4.nvfp4_quantize(x, 16, tensor)
    codes = _bytes(kernels.unpack_uint4(data))
    return {"scale": _bytes(scale), "codes": codes, "tensor_scale": tensor.reshape(1).numpy()}


def dequantize(scale: Any, codes: Any, *, fmt: str) -> Any:
    element = ELEMENTS.get(fmt)
    if element is None:
        raise NotImplementedError
    data = _tensor(codes)[None]
    if fmt == "MXFP4":
        data = kernels.pack_uint4(data)
    elif fmt.startswith("MXFP8"):
        data = data.view(element)
    exponent = _tensor(scale)[None].view(torch.float8_e8m0fnu)
    return mx.to_dtype(data, exponent, element, 32, torch.float32).numpy().ravel()


def pack(codes: Any, *, fmt: str) -> Any:
    if fmt != "E2M1":
        raise NotImplementedError
    return _bytes(kernels.pack_uint4(_tensor(codes)))


def unpack(packed: Any, *, fmt: str) -> Any:
    if fmt != "E2M1":
        raise NotImplementedError
    return _bytes(kernels.unpack_uint4(_tensor(packed)))


def from_blocks_and_scales(packed: Any, scale: Any, *, fmt: str) -> Any:
    return dequantize(scale, unpack(packed, fmt="E2M1"), fmt=fmt)


def dot(
    scale_a: Any, codes_a: Any, scale_b: Any, codes_b: Any, *, fmt: str, accumulator: str
) -> Any:
    """Multiply as its emulated matmul does: dequantize, then binary32."""
    if accumulator != "EXACT":
        raise NotImplementedError
    name = "MXFP4" if fmt == "MXFP4" else "MXFP8_E4M3"
    a, b = (dequantize(s, c, fmt=name) for s, c in ((scale_a, codes_a), (scale_b, codes_b)))
    return (_tensor(np.asarray(a))[None] @ _tensor(np.asarray(b))[:, None]).numpy()
