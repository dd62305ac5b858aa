"""Crossings, where MSD begins to lose: one parameter varied, beside the closed form."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log, sqrt
from typing import TypeAlias

import numpy as np

from msdnum import bounds
from msdnum.evidence.products import Product, ProductMethod, decomposed, errors_of
from msdnum.evidence.scheme_quadrature import expected_decomposition
from msdnum.experiments.tables import Record
from msdnum.formats.accumulators import EXACT, INT32, SEQUENTIAL, Accumulator
from msdnum.formats.elements import E2M1, E4M3
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import INT8_X2, MXFP4_X2, Scheme, covering_scheme
from msdnum.inputs.densities import DENSITIES
from msdnum.inputs.families import binade
from msdnum.trials.msd.baselines import BASELINES, mxfp8_activations, weight_in_bf16
from msdnum.trials.msd.comparisons import operands, over, sizes

__all__ = [
    "STEP_RMS", "Crossings", "crossings", "long_k_crossing", "outlier_crossing", "rounding_rms",
]  # fmt: skip


STEP_RMS = 1 / sqrt(12) / (127 * 254)
"""RMS error of two INT8 passes over M: a uniform error of one step of the second scale."""


def rounding_rms(precision: int) -> float:
    """Return the RMS relative error of rounding log-uniform numbers: ``ulp / sqrt(12)`` over x."""
    return 2.0 ** (1 - precision) * sqrt(3 / 8 / log(2) / 12)


def _float32_walk(k: int) -> float:
    """Relative RMS error of k sums in order: each rounds a partial sum that grows like sqrt(k)."""
    return rounding_rms(24) * sqrt(k / 2)


def _outlier_crest(k: int) -> float:
    """M over the RMS of a row of ``outlier_per_row``: sqrt(k) while the outlier dominates."""
    square = 1024.0**2 * 3 / (2 * log(2))
    return sqrt(k * square / (square + (k - 1) / 3))


def outlier_crossing() -> float:
    """Return the k from which one outlier per row costs INT8 x2 more than BF16 costs the weight.

    ``crest(k) * STEP_RMS = rounding_rms(8)``, solved for k: 34,510.
    """
    crest = (rounding_rms(8) / STEP_RMS) ** 2
    square = 1024.0**2 * 3 / (2 * log(2))
    return crest * (square - 1 / 3) / (square - crest / 3)


def long_k_crossing() -> float:
    """Return the k from which sums in order in binary32 lose to INT8 x2, uniform operands.

    ``sqrt(3) * STEP_RMS = float32_walk(k)``, solved for k: 750,000, where int32 has overflowed.
    """
    return 2 * (sqrt(3) * STEP_RMS / rounding_rms(24)) ** 2


@dataclass(frozen=True)
class Crossings:
    """What is varied, study by study.

    Parameters
    ----------
    outlier_lengths, uniform_lengths : tuple of int
        k of products with one outlier per row, and of uniform operands.
    binades : tuple of int
        Of activations below the covering alpha.
    block_sizes : tuple of int
        Elements that share a scale.
    """

    outlier_lengths: tuple[int, ...]
    uniform_lengths: tuple[int, ...]
    binades: tuple[int, ...]
    block_sizes: tuple[int, ...]


def crossings(parameters: Crossings, seed: int) -> Iterator[Record]:
    """Vary one parameter until the winner changes, and set the closed form beside it."""
    for k in parameters.outlier_lengths:
        yield _one_outlier(k, seed)
    for k in parameters.uniform_lengths:
        yield from _long(k, seed)
    for i in parameters.binades:
        yield _one_binade(i, seed)
    for size in parameters.block_sizes:
        yield _one_block_size(size, seed)


def _one_outlier(k: int, seed: int) -> Record:
    given = operands("outlier_per_row", "INT8", (16, k, 16), np.random.default_rng([seed, k]))
    runs = (decomposed(INT8_X2), INT32), (weight_in_bf16, SEQUENTIAL)
    predicted = STEP_RMS * _outlier_crest(k), rounding_rms(8)
    return _crossing("one outlier per row: INT8 x2, weight in BF16", k, given, *runs, predicted)


def _long(k: int, seed: int) -> Iterator[Record]:
    given = operands("uniform", "INT8", (16, k, 16), np.random.default_rng([seed, k]))
    predicted = STEP_RMS * sqrt(3), _float32_walk(k)
    for name in ("scale after", "float32"):
        runs = (decomposed(INT8_X2), INT32), (BASELINES[name], SEQUENTIAL)
        yield _crossing(f"long k, uniform: INT8 x2, {name} in order", k, given, *runs, predicted)


def _one_binade(i: int, seed: int) -> Record:
    rng = np.random.default_rng([seed, i])
    given = operands(binade(i), "MXFP8", (64, 1024, 64), rng)
    runs = (decomposed(MXFP4_X2), EXACT), (BASELINES["MXFP8 ceil"], EXACT)
    ours, theirs = (bounds.rms_error(e, binade=i).relative for e in ((E2M1, E2M1), (E4M3,)))
    return _crossing("binade below alpha: MXFP4 x2, MXFP8 ceil", i, given, *runs, (ours, theirs))


def _one_block_size(size: int, seed: int) -> Record:
    rng = np.random.default_rng([seed, size])
    given = operands("normal", "MXFP8", (64, 1024, 64), rng, size)
    ours = decomposed(covering_scheme("MXFP4_X2", E2M1, E2M1, block_size=size))
    runs = (ours, EXACT), (mxfp8_activations(ScaleRule.CEIL, size), EXACT)
    elements = {"MXFP4_X2": (E2M1, E2M1), "MXFP8_X1": (E4M3,)}
    schemes = (covering_scheme(name, *e, block_size=size) for name, e in elements.items())
    first, second = (_expected_l2(scheme) for scheme in schemes)
    study = "block size, normal: MXFP4 x2, MXFP8 ceil"
    return _crossing(study, size, given, *runs, (first, second))


def _expected_l2(scheme: Scheme) -> float:
    """Return the expected error of normal numbers, over their norm."""
    found = expected_decomposition(scheme, DENSITIES["normal"])
    return sqrt(found.square / found.signal)


Run: TypeAlias = tuple[ProductMethod, Accumulator]


def _crossing(
    study: str,
    value: int,
    given: Product,
    ours: Run,
    theirs: Run,
    predicted: tuple[float, float],
) -> Record:
    """Return measured L2 errors against the exact product beside those predicted."""
    mine, other = (errors_of(given, method(given, unit)) for method, unit in (ours, theirs))
    m, k, n = *given.x.shape, given.weight.shape[1]
    return {
        "study": study, "value": value, **sizes((m, k, n)),
        "msd_l2": mine.l2, "msd_bound_l2": mine.bound_l2, "msd_ratio": mine.ratio,
        "baseline_l2": other.l2, "baseline_bound_l2": other.bound_l2,
        "baseline_ratio": other.ratio,
        "measured_ratio": over(mine.l2, other.l2),
        "predicted_msd": predicted[0],
        "predicted_baseline": predicted[1],
        "predicted_ratio": predicted[0] / predicted[1],
    }  # fmt: skip
