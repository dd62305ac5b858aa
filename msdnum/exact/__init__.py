"""References without rounding: rationals (FLINT) and mpmath."""

from msdnum.exact.rationals import (
    ExactMatrix,
    absolute_product,
    amax_scales,
    condition_numbers,
    context,
    correctly_rounded,
    covering_scales,
    mp_attention,
    mp_decompose,
    mp_gemm,
    mp_matrix,
    mp_softmax,
    product,
    to_float64,
    to_fraction,
    to_mpf,
)

__all__ = [
    "ExactMatrix",
    "absolute_product",
    "amax_scales",
    "condition_numbers",
    "context",
    "correctly_rounded",
    "covering_scales",
    "mp_attention",
    "mp_decompose",
    "mp_gemm",
    "mp_matrix",
    "mp_softmax",
    "product",
    "to_float64",
    "to_fraction",
    "to_mpf",
]
