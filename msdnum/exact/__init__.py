"""References without rounding: rationals (FLINT) and mpmath."""

from msdnum.exact.mp import (
    amax_scales,
    context,
    correctly_rounded,
    covering_scales,
    mp_attention,
    mp_decompose,
    mp_gemm,
    mp_matrix,
    mp_softmax,
    to_float64,
    to_fraction,
    to_mpf,
)
from msdnum.exact.rationals import (
    ExactMatrix,
    FloatArray,
    absolute_product,
    condition_numbers,
    finite_matrix,
    product,
    quotient,
)

__all__ = [
    "ExactMatrix", "FloatArray", "absolute_product", "amax_scales", "condition_numbers", "context",
    "correctly_rounded", "covering_scales", "finite_matrix", "mp_attention", "mp_decompose",
    "mp_gemm", "mp_matrix", "mp_softmax", "product", "quotient", "to_float64", "to_fraction",
    "to_mpf",
]  # fmt: skip
