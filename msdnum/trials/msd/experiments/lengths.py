"""Experiments on the length k of a product: MSD and its baselines, and the float32 reference."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum import bounds
from msdnum.bounds.sums import Accumulation
from msdnum.emulator.gemm.products import matmul
from msdnum.evidence.product_bounds import Left, Right, theorem_gemm
from msdnum.evidence.product_roundings import accumulation
from msdnum.evidence.products import Product, ProductResult, decomposed, errors_of, roundings
from msdnum.experiments.experiment import Experiment
from msdnum.experiments.tables import Record
from msdnum.formats.accumulators import (
    EXACT,
    INT32,
    PAIRWISE,
    SEQUENTIAL,
    Accumulator,
    Blocks,
    Exact,
)
from msdnum.formats.schemes import (
    INT8_X1,
    INT8_X2,
    INT8_X2_FLOAT32,
    INT8_X3,
    MXFP4_X1,
    MXFP4_X2,
    MXFP4_X3,
    MXFP8_X1,
    MXFP8_X2,
    Scheme,
)
from msdnum.trials.msd.baselines import BASELINES, WEIGHTS
from msdnum.trials.msd.comparisons import drawn, operands, sizes

__all__ = ["LENGTH_EXPERIMENTS", "ORDERS", "probable"]

Floats: TypeAlias = NDArray[np.float64]

CONFIDENCE = 8.0
"""lambda of theorem gemm-probabilistic: a bound fails with ``2.5e-14`` times its addends."""


def probable(given: Product, scheme: Scheme | None, adding: Accumulation) -> tuple[float, float]:
    """Bound the L2 error with a probability.

    Parameters
    ----------
    given : Product
        What is multiplied.
    scheme : Scheme or None
        How the activation is decomposed; None: it is not, and its magnitudes are the ranges.
    adding : Accumulation
        All roundings, to nearest.

    Returns
    -------
    bound, failure : float
        ``||error|| / ||AB||`` is at most the first, but for a probability of at most the second:
        that an entry misses its bound, times the number of entries.

    Notes
    -----
    Source: theorem gemm-probabilistic, in every entry; its hypotheses are a model of roundings and
    remainders, not a proof for given operands. It can be above theorem gemm's bound, which always
    holds: where ``lambda * sqrt(d) > d``, fewer than 64 roundings for lambda 8, or where fewer than
    about ``lambda**2`` products have most of the magnitude, as with outliers. Take the smaller.
    """
    left, b = Left.of(given.x, scheme), np.abs(given.values)
    addends = given.x.shape[1] * (scheme.terms if scheme else 1)
    found = bounds.gemm_probabilistic((1,), adding, addends, CONFIDENCE)
    entries = found.product * ((left.magnitudes + left.carried) @ b)
    entries += found.amax_two_norm * np.sqrt(left.lost**2 @ b**2)
    norm = float(np.linalg.norm(given.product))
    return float(np.linalg.norm(entries)) / norm, (1 - found.probability) * entries.size


# MSD and its baselines

SCHEMES: dict[str, tuple[Scheme, ...]] = {
    "INT8": (INT8_X1, INT8_X2, INT8_X2_FLOAT32, INT8_X3),
    "MXFP4": (MXFP4_X1, MXFP4_X2, MXFP4_X3),
    "MXFP8": (MXFP8_X1, MXFP8_X2),
}
"""By the weight that they meet."""


@dataclass(frozen=True)
class ProductLengths:
    """Inputs and weights of products of ``rows`` by k by ``rows``, for each length k."""

    inputs: tuple[str, ...]
    weights: tuple[str, ...]
    rows: int
    lengths: tuple[int, ...]


def gemm_length(parameters: ProductLengths, seed: int) -> Iterator[Record]:
    """Measure products of every length, by scheme and baseline."""
    for family in parameters.inputs:
        for weight in parameters.weights:
            for k in parameters.lengths:
                shape = parameters.rows, k, parameters.rows
                given = operands(family, weight, shape, np.random.default_rng([seed, k]))
                labels: dict[str, Any] = {"input": family, "weight": weight, **sizes(shape)}
                yield from ({**labels, **row} for row in _methods(given, weight))


def _methods(given: Product, weight: str) -> Iterator[Record]:
    unit = INT32 if given.integers else SEQUENTIAL
    for scheme in SCHEMES[weight]:
        chance = probable(given, scheme, roundings(given, scheme, unit))
        yield _row(scheme.name, unit, given, decomposed(scheme)(given, unit), chance)
    for name, method in BASELINES.items():
        yield _row(name, SEQUENTIAL, given, method(given, SEQUENTIAL), None)


def _row(
    method: str,
    unit: Accumulator,
    given: Product,
    result: ProductResult,
    chance: tuple[float, float] | None,
) -> Record:
    bound, failure = chance or ("", "")
    return {
        "method": method,
        "accumulator": unit.name,
        **asdict(errors_of(given, result)),
        "probable_l2": bound,
        "failure": failure,
    }


# The float32 reference

ORDERS: dict[str, Accumulator] = {
    "exact sum, rounded once": EXACT,
    "in order": SEQUENTIAL,
    "pairwise": PAIRWISE,
    "blocks of 32": Blocks(32, SEQUENTIAL),
    "blocks of 256, as BLAS": Blocks(256, SEQUENTIAL),
}
"""How a float32 GEMM may add up."""


@dataclass(frozen=True)
class ReferenceLengths:
    """Lengths k of float32 products of ``rows`` by k by ``rows``."""

    rows: int
    lengths: tuple[int, ...]


def float32_reference(parameters: ReferenceLengths, seed: int) -> Iterator[Record]:
    """Measure the float32 product itself, in every order, against the exact one."""
    for k in parameters.lengths:
        shape = parameters.rows, k, parameters.rows
        x, w = drawn("normal", shape, np.random.default_rng([seed, k]))
        for name, pair in {"normal": (x, w), "|normal|": (np.abs(x), np.abs(w))}.items():
            given = Product.of(pair[0], WEIGHTS["INT8"](pair[1], None))
            for order, unit in ORDERS.items():
                labels: dict[str, Any] = {"input": name, **sizes(shape), "order": order}
                yield {**labels, **_reference(given, unit)}


def _reference(given: Product, unit: Accumulator) -> Record:
    """Multiply as ``baselines.float32`` does, in another order.

    Two roundings more than those of the sum: of the weight, and of each product.
    """
    k = given.x.shape[1]
    products = int(not isinstance(unit, Exact))
    adding = accumulation(unit, k, terms=1, scalings=0, segment=k, inputs=products + 1)
    right = Right(np.abs(given.values), np.zeros_like(given.values))
    c = np.asarray(matmul(given.x, given.values.astype(np.float32), accumulator=unit))
    bound, failure = probable(given, None, adding)
    found = errors_of(given, ProductResult(c, theorem_gemm(given.x, None, right, adding)))
    return {
        **{name: value for name, value in asdict(found).items() if name != "l2_float32"},
        "probable_l2": bound,
        "failure": failure,
    }


LENGTHS = tuple(2**i for i in range(7, 16))

LENGTH_EXPERIMENTS = (
    Experiment(
        "gemm_length",
        "errors of products against their length k, by scheme and baseline; probable_l2 bounds l2 "
        "but for the probability failure",
        ProductLengths(("normal", "outlier_per_row"), ("INT8", "MXFP4", "MXFP8"), 16, LENGTHS),
        gemm_length,
        ProductLengths(("normal",), ("INT8", "MXFP4"), 4, (32, 64)),
    ),
    Experiment(
        "float32_reference",
        "the float32 product's own error against its length k, by order of addition",
        ReferenceLengths(16, LENGTHS),
        float32_reference,
        ReferenceLengths(4, (32, 64)),
    ),
)
"""In the order in which they run."""
