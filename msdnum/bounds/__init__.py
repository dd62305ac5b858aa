"""One function for each theorem of ``proofs/``; sees no data."""

from msdnum.bounds.averages import RmsError, rms_error
from msdnum.bounds.casts import RoundingBound, element_rounding, half_gap
from msdnum.bounds.decompositions import (
    int8_decomposition,
    int8_decomposition_float32,
    mixed_decomposition,
    mxfp4_decomposition,
    mxfp8_decomposition,
    top_element,
)
from msdnum.bounds.joint import JointRounding, joint_rounding
from msdnum.bounds.martingales import MartingaleGemmBound, gemm_martingale, stochastic_sum
from msdnum.bounds.nvfp4 import nvfp4_decomposition, nvfp4_pass
from msdnum.bounds.products import (
    GemmBound,
    ProbabilisticGemmBound,
    exact_residuals,
    gemm,
    gemm_probabilistic,
)
from msdnum.bounds.rationals import (
    MAX_SCALE,
    MIN_SCALE,
    U32,
    Number,
    above,
    at_least_one,
    ceil_log2,
    exponential,
    positive,
    pow2,
    times,
    up,
    weighted_sum,
)
from msdnum.bounds.remainders import TermBound, remainder, term_bounds
from msdnum.bounds.running import running_error
from msdnum.bounds.scale_rules import ScaleRuleBound, mxfp4_scale_rules
from msdnum.bounds.softmax import AttentionBound, attention
from msdnum.bounds.splits import digit_splits, direct_split
from msdnum.bounds.sums import (
    EXACT,
    Accumulation,
    blocked,
    gamma,
    int32,
    int32_overflow,
    matrix_unit,
    pairwise_sum,
    sequential,
)

__all__ = [
    "EXACT", "MAX_SCALE", "MIN_SCALE", "U32", "Accumulation", "AttentionBound", "GemmBound",
    "JointRounding", "MartingaleGemmBound", "Number", "ProbabilisticGemmBound", "RmsError",
    "RoundingBound", "ScaleRuleBound", "TermBound", "above", "at_least_one", "attention", "blocked",
    "ceil_log2", "digit_splits", "direct_split", "element_rounding", "exact_residuals",
    "exponential", "gamma", "gemm", "gemm_martingale", "gemm_probabilistic", "half_gap", "int32",
    "int32_overflow", "int8_decomposition", "int8_decomposition_float32", "joint_rounding",
    "matrix_unit", "mixed_decomposition", "mxfp4_decomposition", "mxfp4_scale_rules",
    "mxfp8_decomposition", "nvfp4_decomposition", "nvfp4_pass", "pairwise_sum", "positive", "pow2",
    "remainder", "rms_error", "running_error", "sequential", "stochastic_sum", "term_bounds",
    "times", "top_element", "up", "weighted_sum",
]  # fmt: skip
