"""Judge the theorems that hold with a probability: count what lies beyond their bounds."""

import numpy as np
from numpy.typing import NDArray

from msdnum import bounds
from msdnum.emulator import elements
from msdnum.formats.elements import BF16
from msdnum.formats.modes import Overflow, Rounding
from msdnum.ledger.findings import Evidence, Finding, Verdict
from msdnum.trials.toolkit.products import BLOCK, GEMM_CASES, ROWS, K

__all__ = ["judge_martingale", "judge_probabilistic", "judge_stochastic_sums"]

Array = NDArray[np.float32]
Floats = NDArray[np.float64]

CASE = GEMM_CASES[1]
"""Exact products that are added in order."""
SAMPLES, ADDENDS = 20_000, 64


def _worst_remainders(seed: int) -> tuple[Array, Array]:
    """Return factors whose remainders are the largest, of signs drawn at random.

    Those are independent with mean zero, as the theorems have it, and of the largest variance.
    """
    rng, shape = np.random.default_rng(seed), (4 * ROWS, K)
    worst, amax = CASE.worst
    x = np.float32(worst) * rng.choice(np.array([-1, 1], np.float32), shape)
    x[:, ::BLOCK] = amax
    return x, rng.choice(np.array([-1, 1], np.float32), shape)


def judge_probabilistic(seed: int, confidence: float = 5.0) -> Finding:
    """Count the entries of binary32 products that are beyond ``bounds.gemm_probabilistic``."""
    x, w = _worst_remainders(seed)
    error, product, span = CASE.measured(x, w)
    addends = K * CASE.scheme.terms
    bound = bounds.gemm_probabilistic(
        CASE.residuals, CASE.accumulation(addends), addends, confidence
    )
    promised = bound.product * product + bound.amax * span
    promised += bound.amax_two_norm * CASE.two_norm(x, w)
    evidence = Evidence("sampled", error.size, f"entries, k = {K}", seed)
    return _counted(error / promised, 1 - bound.probability, evidence, f"confidence {confidence:g}")


def judge_martingale(seed: int, failure: float = 1e-3) -> Finding:
    """Count the same entries beyond ``bounds.gemm_martingale``."""
    x, w = _worst_remainders(seed)
    error, product, span = CASE.measured(x, w)
    bound = bounds.gemm_martingale(
        CASE.residuals, CASE.accumulation(K * CASE.scheme.terms), failure
    )
    promised = np.vectorize(bound.at)(product, span, CASE.two_norm(x, w))
    evidence = Evidence("sampled", error.size, f"entries, k = {K}", seed)
    return _counted(error / promised, failure, evidence, f"failure {failure:g}")


def judge_stochastic_sums(seed: int, failure: float = 1e-3) -> Finding:
    """Count sums in BF16, every rounding stochastic, that are beyond the same bound.

    The numbers are multiples of 1/256 in (0, 1]: binary32 holds what is rounded, and 32 random bits
    all that is cut off, so that every probability is exact, as the theorem has it.
    """
    rng = np.random.default_rng(seed)
    x = (rng.integers(1, 257, (SAMPLES, ADDENDS)) / 256).astype(np.float32)
    total = x[:, 0]
    for column in x.T[1:]:
        words = rng.integers(0, 2**32, SAMPLES, dtype=np.uint32)
        total = elements.round_to(
            total + column,
            BF16,
            overflow=Overflow.OVERFLOW,
            rounding=Rounding.STOCHASTIC,
            random=words,
        )
    magnitudes = x.sum(axis=1, dtype=np.float64)
    error = np.abs(total.astype(np.float64) - magnitudes)
    bound = bounds.gemm_martingale([0], bounds.stochastic_sum(ADDENDS, BF16.precision), failure)
    promised = bound.product * magnitudes
    evidence = Evidence("sampled", SAMPLES, f"sums of {ADDENDS} numbers", seed)
    return _counted(error / promised, failure, evidence, f"failure {failure:g}")


def _counted(ratios: Floats, allowed: float, evidence: Evidence, at: str) -> Finding:
    """Return what is found where a share of the errors may be beyond their bounds."""
    missed = float((ratios > 1).mean())
    return Finding(
        Verdict.HOLDS if missed <= allowed else Verdict.FAILS,
        f"{missed:.2g} beyond",
        float(ratios.max()),
        evidence,
        notes=(f"at most {allowed:.2g} may lie beyond, at {at}",),
    )
