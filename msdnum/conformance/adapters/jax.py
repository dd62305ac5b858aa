# ruff: noqa: D103
"""JAX: casts, and the quantizer and product behind ``jax.nn.scaled_dot_general``, on its device."""

from importlib import import_module
from typing import Any

import numpy as np

from msdnum.conformance.adapters import ml_dtypes

jax: Any = import_module("jax")
quantizer: Any = import_module("jax._src.cudnn.scaled_matmul_stablehlo")

PACKAGES = ("jax", "jaxlib", "ml_dtypes")


NOT_IN_XLA = ("E2M3", "E3M2")


def encode(x: Any, *, fmt: str, rounding: str, overflow: str) -> Any:
    if fmt in NOT_IN_XLA:
        raise NotImplementedError
    target = ml_dtypes.dtype(fmt, rounding=rounding, overflow=overflow)
    return _patterns(jax.numpy.asarray(x).astype(target))


def _patterns(array: Any) -> Any:
    array = np.asarray(array)
    return array.view(f"uint{8 * array.itemsize}")


def decode(codes: Any, *, fmt: str) -> Any:
    if fmt not in ml_dtypes.DTYPES or fmt in NOT_IN_XLA:
        raise NotImplementedError
    typed = codes.view(ml_dtypes.DTYPES[fmt])
    return np.asarray(jax.numpy.asarray(typed).astype(np.float32))


def quantize(x: Any, *, fmt: str, rule: str) -> Any:
    """MXFP8 has the rule RCEIL; the tensor scale of NVFP4 is the caller's."""
    if (fmt, rule) == ("MXFP8_E4M3", "RCEIL"):
        codes, scale = quantizer.quantize(jax.numpy.asarray(x)[None, None], MXFP8)
        return {"scale": _patterns(scale).ravel(), "codes": _patterns(codes).ravel()}
    raise NotImplementedError


MXFP8 = jax.nn.get_scaled_dot_general_config("mxfp8")


def dot(
    scale_a: Any, codes_a: Any, scale_b: Any, codes_b: Any, *, fmt: str, accumulator: str
) -> Any:
    """Which accumulator ``jax.lax.scaled_dot`` has is not said: compared with the exact one."""
    if accumulator != "EXACT":
        raise NotImplementedError
    element = ml_dtypes.DTYPES["E2M1" if fmt == "MXFP4" else "E4M3"]
    e8m0 = ml_dtypes.DTYPES["E8M0"]
    a, b = (jax.numpy.asarray(codes.view(element)) for codes in (codes_a, codes_b))
    s, t = (jax.numpy.asarray(scale.view(e8m0)) for scale in (scale_a, scale_b))
    return jax.lax.scaled_dot(
        a[None],
        b[:, None],
        lhs_scale=s[None],
        rhs_scale=t[:, None],
        preferred_element_type=np.float32,
    )


def matmul(codes_a: Any, codes_b: Any, *, fmt: str, accumulator: str) -> Any:
    """Compare XLA's order of the sum, which is not said, with the exact sum; integers have none."""
    if fmt == "BINARY32":
        left, right = (
            jax.numpy.asarray(codes.view(np.float32).reshape(2, -1)) for codes in (codes_a, codes_b)
        )
        return np.asarray(jax.numpy.matmul(left, right.T, precision="highest"))
    if accumulator not in ("EXACT", "INT32_REFUSE"):
        raise NotImplementedError
    element = np.dtype(np.int8) if fmt == "INT8" else ml_dtypes.DTYPES[fmt]
    total = np.int32 if fmt == "INT8" else np.float32
    a, b = (jax.numpy.asarray(codes.view(element).reshape(2, -1)) for codes in (codes_a, codes_b))
    product = jax.numpy.matmul(a, b.T, preferred_element_type=total)
    return np.asarray(product).astype(np.float32)
