"""Experiments on emulated products: accuracy, conditioning, a model; all of them by name."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from msdnum.emulator import backend
from msdnum.evidence.product_bounds import exact_values
from msdnum.evidence.products import Product, decomposed, errors_of
from msdnum.experiments.experiment import Experiment
from msdnum.experiments.tables import Record
from msdnum.formats.accumulators import (
    ALL_ACCUMULATORS,
    BLACKWELL_MXFP4,
    INT32,
    SEQUENTIAL,
    AnyAccumulator,
    Int32,
)
from msdnum.formats.schemes import (
    INT8_X2,
    INT8_X2_FLOAT32,
    INT8_X3,
    MXFP4_X2,
    MXFP4_X3,
    MXFP8_X1,
    MXFP8_X2,
    Scheme,
)
from msdnum.inputs.encoder import linears
from msdnum.trials.msd.baselines import BASELINES, INTEGER_WEIGHTS, WEIGHTS
from msdnum.trials.msd.comparisons import (
    CLAIM,
    MSD_SCHEMES,
    Comparison,
    Comparisons,
    claim,
    drawn,
    judged,
    linear_operands,
    operands,
    sizes,
)
from msdnum.trials.msd.experiments.crossings import Crossings, crossings

__all__ = ["EXPERIMENTS", "PAIRS"]

Array: TypeAlias = NDArray[np.float32]

PAIRS: dict[str, tuple[Scheme, str]] = {
    f"{scheme.name} x {weight}": (scheme, weight)
    for scheme, weight in (
        (INT8_X2, "INT8"),
        (INT8_X2_FLOAT32, "INT8"),
        (INT8_X2, "INT4"),
        (INT8_X2, "INT4_ZERO"),
        (INT8_X3, "INT8"),
        (INT8_X3, "INT4"),
        (MXFP4_X2, "MXFP4"),
        (MXFP4_X3, "MXFP4"),
        (MXFP8_X1, "MXFP8"),
        (MXFP8_X2, "MXFP8"),
    )
}
"""Every scheme with the weights it is meant for."""


SMALL = frozenset(
    {
        "VOLTA", "TURING", "AMPERE", "BLACKWELL", "ADA_FP8", "HOPPER_FP8", "BLACKWELL_FP8",
        "BLACKWELL_MXFP4", "CDNA2", "CDNA3", "CDNA3_FP8", "CDNA1_BF16", "CDNA1_FP16",
    }
)  # fmt: skip
"""Units that get the smaller operands: less of m and n, the same k.

The length of a sum decides its error and its bound. With m and n grows only the number of entries,
and so the largest error of an entry; the L2 error does not.
"""

COMPILED = frozenset({"HOPPER", "BLOCKS_128_HOPPER_FP8", "BLACKWELL_MX"})
"""Units whose product of the larger operands is compiled: the same bits, sooner."""


# Every scheme by every accumulator


@dataclass(frozen=True)
class TwoShapes:
    """m, k and n of the products, and of those in units that are slow to emulate."""

    shape: tuple[int, int, int]
    small_shape: tuple[int, int, int]


def accuracy(parameters: TwoShapes, seed: int) -> Iterator[Record]:
    """Measure every pair with every accumulator that is defined for it."""
    large, small = parameters.shape, parameters.small_shape
    for pair, (scheme, weight) in PAIRS.items():
        given = {
            shape: operands("normal", weight, shape, np.random.default_rng([seed, *shape]))
            for shape in {large: None, small: None}
        }
        for unit in ALL_ACCUMULATORS.values():
            if not _defined(unit, weight):
                continue
            shape = small if unit.name in SMALL else large
            compiled = unit.name in COMPILED and shape != small
            method = decomposed(scheme, backend.on_jax if compiled else None)
            labels: dict[str, Any] = {"product": pair, **sizes(shape), "accumulator": unit.name}
            yield {**labels, **asdict(errors_of(given[shape], method(given[shape], unit)))}


def _defined(accumulator: AnyAccumulator, weight: str) -> bool:
    """Return whether an accumulator takes these elements."""
    if accumulator == BLACKWELL_MXFP4:
        return weight == "MXFP4"
    return weight in INTEGER_WEIGHTS or not isinstance(accumulator, Int32)


# Ill-conditioned products


@dataclass(frozen=True)
class Conditions:
    """m, k and n of the products, and the condition numbers that are asked for."""

    shape: tuple[int, int, int]
    targets: tuple[float, ...]


def conditions(parameters: Conditions, seed: int) -> Iterator[Record]:
    """Measure products of a given condition number, |A||B| / |AB|."""
    shape = parameters.shape
    for weight, scheme in MSD_SCHEMES.items():
        rng = np.random.default_rng([seed, *shape])
        x, w = drawn("normal", shape, rng)
        quantized = WEIGHTS[weight](w, None)
        for target in parameters.targets:
            given = Product.of(ill_conditioned(x, quantized, target), quantized)
            condition = given.magnitude / np.abs(given.product)
            own = INT32 if given.integers else SEQUENTIAL
            runs = {scheme.name: (decomposed(scheme), own)}
            runs |= {name: (method, SEQUENTIAL) for name, method in BASELINES.items()}
            for name, (method, unit) in runs.items():
                labels: dict[str, Any] = {
                    "weight": weight, "method": name, **sizes(shape), "accumulator": unit.name,
                    "condition_asked": target,
                    "condition_median": float(np.median(condition)),
                    "condition_max": float(condition.max()),
                }  # fmt: skip
                yield labels | asdict(errors_of(given, method(given, unit)))


def ill_conditioned(x: Array, weight: Any, target: float) -> Array:
    """Return rows, in BF16, whose products with the weight cancel to about ``|A||B| / target``.

    A row is its part orthogonal to all columns, and as much of the rest as the condition asks for.
    Rounding to BF16 leaves 2**-9 of it, so that the condition ends near ``2**9 sqrt(k)``.
    """
    b = exact_values(weight)
    wide = x.astype(np.float64)
    along = (b @ np.linalg.lstsq(b, wide.T, rcond=None)[0]).T
    across = wide - along
    magnitude = np.median(np.abs(x) @ np.abs(b))
    typical = np.median(np.abs(along @ b))
    mixed = across + along * (magnitude / target / typical)
    rounded: Array = mixed.astype(np.float32).astype(ml_dtypes.bfloat16).astype(np.float32)
    return rounded


# All linear layers of a transformer


@dataclass(frozen=True)
class LayersOfModel:
    """Weights, layers, and how many tokens reach them."""

    weights: tuple[str, ...]
    layers: tuple[int, ...]
    tokens: int


def model_linears(parameters: LayersOfModel, seed: int) -> Iterator[Record]:
    """Measure every linear of every layer of MiniLM on the activations that reach it."""
    for linear in linears():
        if linear.layer not in parameters.layers:
            continue
        for weight in parameters.weights:
            given = linear_operands(linear, weight, parameters.tokens)
            shape = (*given.x.shape, given.weight.shape[1])
            for row in judged(given, MSD_SCHEMES[weight], SEQUENTIAL):
                yield {
                    "layer": linear.layer, "linear": linear.name, **sizes(shape),
                    "weight": weight, "accumulator": "SEQUENTIAL", **row,
                }  # fmt: skip


EXPERIMENTS = (
    Experiment(
        "gemm_accuracy",
        "errors and bounds of every decomposition by every accumulator, normal operands",
        TwoShapes((1024, 1024, 1024), (128, 1024, 128)),
        accuracy,
        TwoShapes((16, 128, 16), (16, 128, 16)),
    ),
    Experiment(
        "gemm_claim",
        "claim C7: MSD beside every baseline on the same operands, family by family",
        CLAIM,
        claim,
        Comparisons(
            (Comparison("normal", (16, 256, 16)), Comparison("student_t", (16, 256, 16), 8))
        ),
    ),
    Experiment(
        "gemm_crossings",
        "where MSD begins to lose, measured and in closed form",
        Crossings(
            tuple(2**i for i in range(10, 18)),
            tuple(2**i for i in range(8, 18)),
            tuple(range(9)),
            tuple(2**i for i in range(1, 11)),
        ),
        crossings,
        Crossings((1024,), (1024,), (0, 3), (32,)),
    ),
    Experiment(
        "gemm_conditions",
        "products of given condition number |A||B| / |AB|",
        Conditions((64, 1024, 64), (20.0, 100.0, 1e3, 1e4)),
        conditions,
        Conditions((16, 256, 16), (100.0,)),
    ),
    Experiment(
        "model_linears",
        "all linears of all-MiniLM-L6-v2 on real activations",
        LayersOfModel(("INT8", "INT4", "MXFP4", "MXFP8"), tuple(range(6)), 128),
        model_linears,
        LayersOfModel(("MXFP4",), (0,), 8),
    ),
)
"""In the order in which they run."""
