# ruff: noqa: D103
"""MMA-Sim: models of the matrix units of NVIDIA and AMD, compared bit for bit with their GPUs.

PyPI ``mmasim`` 2.1.1 with torch for the CPU; arXiv 2511.10909v2. An inner product that is longer
than an instruction is as many of its steps, each started from what the one before has left.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

torch: Any = import_module("torch")
amd: Any = import_module("mmasim.amd")
nv: Any = import_module("mmasim.nv_ptx")

PACKAGES = ("mmasim", "torch")

PTX = {
    "FP16": "f16", "BF16": "bf16", "TF32": "tf32", "E4M3": "e4m3", "E5M2": "e5m2",
    "E3M2": "e3m2", "E2M3": "e2m3", "E2M1": "e2m1",
}  # fmt: skip
FNUZ = {"E4M3FNUZ": "fp8", "E5M2FNUZ": "bf8"}

NVIDIA: Mapping[str, tuple[str, str, str]] = {
    "VOLTA": ("MMA", "Volta", "m8n8k4.f32.{a}.{b}.f32"),
    "TURING": ("MMA", "Turing", "m16n8k8.f32.{a}.{b}.f32"),
    "AMPERE": ("MMA", "Ampere", "m16n8k16.f32.{a}.{b}.f32"),
    "HOPPER": ("WGMMA", "Hopper", "m64n8k16.f32.{a}.{b}"),
    "BLACKWELL": ("TCGen05MMA", "Blackwell", "m64n8k16.kind::f16.f32.{a}.{b}"),
    "ADA_FP8": ("MMA", "Ada Lovelace", "m16n8k32.f32.{a}.{b}.f32"),
    "HOPPER_FP8": ("WGMMA", "Hopper", "m64n8k32.f32.{a}.{b}"),
    "BLACKWELL_FP8": ("TCGen05MMA", "Blackwell", "m64n8k32.kind::f8f6f4.f32.{a}.{b}"),
    "VOLTA_FP16": ("MMA", "Volta", "m8n8k4.f16.{a}.{b}.f16"),
    "TURING_FP16": ("MMA", "Turing", "m16n8k8.f16.{a}.{b}.f16"),
    "AMPERE_FP16": ("MMA", "Ampere", "m16n8k16.f16.{a}.{b}.f16"),
    "HOPPER_FP16": ("WGMMA", "Hopper", "m64n8k16.f16.{a}.{b}"),
    "BLACKWELL_FP16": ("TCGen05MMA", "Blackwell", "m64n8k16.kind::f16.f16.{a}.{b}"),
    "ADA_FP8_FP16": ("MMA", "Ada Lovelace", "m16n8k32.f16.{a}.{b}.f16"),
    "HOPPER_FP8_FP16": ("WGMMA", "Hopper", "m64n8k32.f16.{a}.{b}"),
    "BLACKWELL_FP8_FP16": ("TCGen05MMA", "Blackwell", "m64n8k32.kind::f8f6f4.f16.{a}.{b}"),
    "AMPERE_TF32": ("MMA", "Ampere", "m16n8k8.f32.{a}.{b}.f32"),
    "HOPPER_TF32": ("WGMMA", "Hopper", "m64n8k8.f32.{a}.{b}"),
    "BLACKWELL_TF32": ("TCGen05MMA", "Blackwell", "m64n8k8.kind::tf32.f32.{a}.{b}"),
}
AMD: Mapping[tuple[str, str], tuple[str, str]] = {
    ("CDNA1_FP16", "FP16"): ("CDNA1", "f32_16x16x16f16"),
    ("CDNA1_BF16", "BF16"): ("CDNA1", "f32_16x16x8bf16"),
    ("CDNA2", "FP16"): ("CDNA2", "f32_16x16x16f16"),
    ("CDNA2", "BF16"): ("CDNA2", "f32_16x16x16bf16_1k"),
    ("CDNA2_BF16", "BF16"): ("CDNA2", "f32_16x16x8bf16"),
    ("CDNA3", "FP16"): ("CDNA3", "f32_16x16x16_f16"),
    ("CDNA3", "BF16"): ("CDNA3", "f32_16x16x16_bf16"),
    ("CDNA3_XF32", "TF32"): ("CDNA3", "f32_16x16x8_xf32"),
}
DTYPES = {
    "FP16": torch.float16, "BF16": torch.bfloat16, "TF32": torch.float32,
    "E4M3": torch.float8_e4m3fn, "E5M2": torch.float8_e5m2,
    "E4M3FNUZ": torch.float8_e4m3fnuz, "E5M2FNUZ": torch.float8_e5m2fnuz,
}  # fmt: skip
SCALES = {"E8M0": torch.float8_e8m0fnu, "E4M3": torch.float8_e4m3fn}


@cache
def _operation(accumulator: str, a: str, b: str) -> Any:
    """Return the instruction of a unit for two formats."""
    try:
        if accumulator in NVIDIA:
            kind, arch, shape = NVIDIA[accumulator]
            return getattr(nv, kind)(arch, shape.format(a=PTX[a], b=PTX[b]))
        if accumulator == "CDNA3_FNUZ":
            return amd.MFMA("CDNA3", f"f32_16x16x32_{FNUZ[a]}_{FNUZ[b]}")
        if a == b:
            return amd.MFMA(*AMD[accumulator, a])
    except (AssertionError, KeyError):
        pass
    raise NotImplementedError


@cache
def _scaled_operation(accumulator: str, a: str, b: str, scale: str, block: int) -> Any:
    shapes = {
        ("BLACKWELL_MX", "E8M0", 32): "m16n8k32.kind::mxf8f6f4.block32.f32.{a}.{b}.f32.ue8m0",
        ("BLACKWELL_MXFP4", "E8M0", 32): "m16n8k64.kind::mxf4.block32.f32.{a}.{b}.f32.ue8m0",
        ("BLACKWELL_MXFP4", "E8M0", 16): "m16n8k64.kind::mxf4nvf4.block16.f32.{a}.{b}.f32.ue8m0",
        ("BLACKWELL_MXFP4", "E4M3", 16): "m16n8k64.kind::mxf4nvf4.block16.f32.{a}.{b}.f32.ue4m3",
    }
    try:
        shape = shapes[accumulator, scale, block].format(a=PTX[a], b=PTX[b])
        return nv.MMABlockScale("RTX Blackwell", shape)
    except (AssertionError, KeyError):
        raise NotImplementedError from None


def inner_products(
    codes_a: Any,
    codes_b: Any,
    c: Any,
    *,
    fmt_a: str,
    fmt_b: str,
    accumulator: str,
    scale_a: Any = None,
    scale_b: Any = None,
    scale_fmt: str = "",
    block: int = 0,
) -> Any:
    scales = [] if scale_a is None else [scale_a, scale_b]
    if scales:
        operation = _scaled_operation(accumulator, fmt_a, fmt_b, scale_fmt, block)
    else:
        operation = _operation(accumulator, fmt_a, fmt_b)
    found = torch.from_numpy(c.copy()).to(operation.c_type)
    left, right = (codes.reshape(len(c), -1) for codes in (codes_a, codes_b))
    if scales:
        of_rows = [x.reshape(len(c), -1) for x in scales]
        return _scaled(operation, left, right, found, of_rows, (fmt_a, fmt_b, scale_fmt))
    # Not to the length of an instruction: a further group of zeros would make -0 a +0.
    size = getattr(operation.arithmetic_op, "P", 1)
    a, b = (_elements(_padded(x, size), f) for x, f in ((left, fmt_a), (right, fmt_b)))
    return operation.dpa(a, b, found).to(torch.float32).numpy()


def _scaled(operation: Any, a: Any, b: Any, c: Any, scales: Any, formats: Any) -> Any:
    """Chain instructions, each of which has scales of its own."""
    size, each = operation.k, operation.k // operation.block_size
    pack = operation.packing == 2
    for i in range(a.shape[1] // size):
        part, block = slice(i * size, (i + 1) * size), slice(i * each, (i + 1) * each)
        x, y = (_elements(v[:, part], f, pack) for v, f in zip((a, b), formats, strict=False))
        of_blocks = [torch.from_numpy(s[:, block].copy()).view(SCALES[formats[2]]) for s in scales]
        c = operation.dpa(x, y, c, *of_blocks)
    return c.to(torch.float32).numpy()


def _padded(codes: Any, size: int) -> Any:
    return np.pad(codes, ((0, 0), (0, -codes.shape[1] % size)))


def _elements(codes: Any, fmt: str, packed: bool = False) -> Any:
    """Return codes as MMA-Sim holds them: FP4 in bits 2 to 5 of a byte, or two in a byte."""
    if packed:
        return torch.from_numpy(codes[:, ::2] << 4 | codes[:, 1::2])
    if fmt in DTYPES:
        signed = codes.view(f"int{8 * codes.dtype.itemsize}")
        return torch.from_numpy(signed.copy()).view(DTYPES[fmt])
    return torch.from_numpy(codes << 2 if fmt == "E2M1" else codes.copy())


def matmul(codes_a: Any, codes_b: Any, *, fmt: str, accumulator: str) -> Any:
    rows = [codes.reshape(2, -1) for codes in (codes_a, codes_b)]
    return inner_products(
        *_all_pairs(*rows), np.zeros(4, np.float32), fmt_a=fmt, fmt_b=fmt, accumulator=accumulator
    )


def scaled_matmul(
    scale_a: Any, codes_a: Any, scale_b: Any, codes_b: Any, *, fmt: str, accumulator: str
) -> Any:
    a, b = _all_pairs(codes_a.reshape(2, -1), codes_b.reshape(2, -1))
    left, right = _all_pairs(scale_a.reshape(2, -1), scale_b.reshape(2, -1))
    if (len(a) // 4) % 64 and accumulator == "BLACKWELL_MXFP4":
        a, b = (_padded(x.reshape(4, -1), 64).ravel() for x in (a, b))
        left, right = (_padded(x.reshape(4, -1), 2).ravel() for x in (left, right))
    return inner_products(
        a, b, np.zeros(4, np.float32), fmt_a=fmt, fmt_b=fmt, accumulator=accumulator,
        scale_a=left, scale_b=right, scale_fmt="E8M0", block=32,
    )  # fmt: skip


def _all_pairs(a: Any, b: Any) -> tuple[Any, Any]:
    """Return both rows of a with both of b."""
    return np.repeat(a, 2, axis=0).ravel(), np.tile(b, (2, 1)).ravel()
