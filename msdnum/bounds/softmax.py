"""Bounds on attention: softmax weights that are off, decomposed or rounded."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from msdnum.bounds.products import gemm
from msdnum.bounds.rationals import EXPONENTS, Number, above, exponential, times, up, weighted_sum
from msdnum.bounds.sums import EXACT, Accumulation, gamma
from msdnum.display import html
from msdnum.display.text import one_line

__all__ = ["AttentionBound", "attention"]


@dataclass(frozen=True)
class AttentionBound(html.Shown):
    """Coefficients of a componentwise forward error bound on one output of attention.

    ``min(deviation * sum_k p_k |v_k - o|, spread * (max v - min v)) + weighted * sum_k p_k |v_k|
    + block * sum_k P_k |v_k| + values * sum_k p_k |dv_k|``: p is the exact softmax, P_k its largest
    entry in the block of p_k, v the quantized and dv the change of the values, o the exact output.
    """

    deviation: float
    spread: float
    weighted: float
    block: float
    values: float

    __repr__ = one_line

    def at(
        self,
        deviation: float,
        spread: float,
        weighted: float = 0.0,
        block: float = 0.0,
        values: float = 0.0,
    ) -> float:
        """Bound of one output, given the five sums."""
        moved = min(weighted_sum((self.deviation, deviation)), weighted_sum((self.spread, spread)))
        others = ((self.weighted, weighted), (self.block, block), (self.values, values))
        return weighted_sum((1, moved), *others)


def attention(
    score_error: float,
    residuals: Sequence[Number] = (0,),
    accumulation: Accumulation = EXACT,
    *,
    exp_error: float = 0.0,
    rescalings: int = 0,
) -> AttentionBound:
    """Bound the error of ``softmax(scores) @ V`` with decomposed weights and online softmax.

    Forward error, componentwise. Errors of at most e on the scores move the output by at most
    ``tanh(e / 2)`` of the spread of the values, which two groups of keys attain, and by
    ``(exp(2 e) - exp(e)) sum_k p_k |v_k - o|``, which is less where few keys have all the weight.
    Rescaling factors are common to numerator and denominator, so that errors of the exponential act
    as errors of the scores; roundings of products and sums act as ``gamma``.

    Parameters
    ----------
    score_error : float
        Bound on the error of every score of the row: ``gemm`` on Q, with the K scale folded in
        (one rounding more), times the softmax scale, plus the rounding of ``score - maximum``.
    residuals : sequence of number
        Remainders of the weights' decomposition relative to *amax* of the block, not alpha:
        ``[1/5, 1/37]`` for MXFP4, ``[1/254, 1/64516]`` for INT8, ``[0]`` for none.
    accumulation : Accumulation
        Of numerator and denominator, rescalings included.
    exp_error : float
        Relative error of the exponential, below 1.
    rescalings : int
        Rescalings of the running sums.

    Raises
    ------
    ValueError
        If ``score_error`` is negative or ``exp_error`` not in [0, 1).

    Notes
    -----
    Source: theorem attention; ``evidence.attention_bounds`` applies it with an error for each key.

    Examples
    --------
    >>> from msdnum import bounds
    >>> found = bounds.attention(score_error=2.0**-20, accumulation=bounds.sequential(128))
    >>> found.deviation <= 2.0**-19, f"{found.weighted:.6g}"
    (True, '1.51994e-05')
    """
    if not (score_error >= 0 and 0 <= exp_error < 1):
        raise ValueError(
            f"score_error must be >= 0 and exp_error in [0, 1), got {score_error}, {exp_error}"
        )
    shift = up(score_error - (rescalings + 1) * math.log1p(-exp_error))
    part = gemm(residuals, accumulation)
    accumulation.require_bounded()
    depth, u = accumulation.roundings, accumulation.unit_roundoff
    divided = up(1 + above(gamma(depth + 1, u) if depth else 0))
    both = above(gamma(2 * depth + 1, u) if depth else 0)
    growth = up(exponential(2 * shift))
    return AttentionBound(
        deviation=times(exponential(shift), math.expm1(min(shift, EXPONENTS))),
        spread=math.nextafter(up(math.tanh(shift / 2)), math.inf) if shift else 0.0,
        weighted=times(growth, both),
        block=times(growth, times(above(part.amax), divided)),
        values=1.0,
    )
