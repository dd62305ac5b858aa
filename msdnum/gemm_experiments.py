"""Experiments on emulated products: accuracy, claim C7, crossing points, conditioning, a model."""

from collections.abc import Iterator
from dataclasses import asdict
from math import log, sqrt
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from msdnum import bits, bounds
from msdnum.accumulators import ACCUMULATORS, EXACT, HOPPER, INT32, SEQUENTIAL, Accumulator, Int32
from msdnum.cases import binade, family
from msdnum.decompose import (
    INT8_X2,
    INT8_X2_FLOAT32,
    INT8_X3,
    MXFP4_X2,
    MXFP4_X3,
    MXFP8_X1,
    MXFP8_X2,
    Scheme,
    covering_scheme,
)
from msdnum.formats import BINARY32, E2M1, E4M3
from msdnum.gemm_measure import (
    BASELINES,
    WEIGHTS,
    Method,
    Operands,
    decomposed,
    errors_of,
    mxfp8_activations,
    weight_in_bf16,
)
from msdnum.model import Linear, linears
from msdnum.modes import ScaleRule
from msdnum.tables import Experiment, Record

__all__ = [
    "EXPERIMENTS", "MSD", "PAIRS", "judged", "linear_operands", "long_k_crossing", "operands",
    "outlier_crossing",
]  # fmt: skip

Array: TypeAlias = NDArray[np.float32]
Shape: TypeAlias = tuple[int, int, int]
Spec: TypeAlias = tuple[Any, ...]

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

MSD: dict[str, Scheme] = {
    "INT8": INT8_X2,
    "INT4": INT8_X2,
    "INT4_ZERO": INT8_X2,
    "MXFP4": MXFP4_X2,
    "MXFP8": MXFP8_X2,
}
"""What claim C7 calls MSD, for each kind of weight."""

LARGE = ("EXACT", "SEQUENTIAL", "PAIRWISE", "BLOCKS_32_EXACT", "BLOCKS_32_SEQUENTIAL")
COMPILED = ("HOPPER", "BLOCKS_128_HOPPER_FP8", "BLACKWELL_MX")
"""Accumulators whose emulation is worth compiling for large operands; the others are like them."""


def drawn(name: str, shape: Shape, rng: Generator) -> tuple[Array, Array]:
    """Return activations of a family, BF16, and normal float32 weights."""
    m, k, n = shape
    x = (binade(int(name[7:])) if name.startswith("binade_") else family(name)).generate(
        (m, k), rng=rng
    )
    return x, family("normal").generate((k, n), rng=rng, fmt=BINARY32)


def operands(
    name: str, weight: str, shape: Shape, rng: Generator, block_size: int | None = None
) -> Operands:
    """Draw activations and quantized weights, and multiply them exactly."""
    x, w = drawn(name, shape, rng)
    return Operands.of(x, WEIGHTS[weight](w, block_size))


# Every scheme by every accumulator


def _on_jax(value: Any) -> Any:
    import jax

    bits.register_pytrees()
    return jax.tree.map(jax.numpy.asarray, value)


def accuracy(spec: Spec, seed: int) -> Iterator[Record]:
    """Measure every pair with every accumulator that is defined for it."""
    large, small = spec
    for pair, (scheme, weight) in PAIRS.items():
        given: dict[Shape, Operands] = {}
        for accumulator in ACCUMULATORS.values():
            if not _defined(accumulator, weight):
                continue
            shape = large if _runs_large(accumulator) else small
            if shape not in given:
                rng = np.random.default_rng([seed, *shape])
                given[shape] = operands("normal", weight, shape, rng)
            compiled = accumulator.name in COMPILED and shape != small
            method = decomposed(scheme, _on_jax if compiled else None)
            labels: dict[str, Any] = {
                "product": pair,
                **_sizes(shape),
                "accumulator": accumulator.name,
            }
            yield {**labels, **asdict(errors_of(given[shape], method(given[shape], accumulator)))}


def _runs_large(accumulator: Accumulator) -> bool:
    return isinstance(accumulator, Int32) or accumulator.name in (*LARGE, *COMPILED)


def _defined(accumulator: Accumulator, weight: str) -> bool:
    """Return whether an accumulator takes these elements."""
    if accumulator.name == "BLACKWELL_MXFP4":
        return weight == "MXFP4"
    return weight.startswith("INT") or not isinstance(accumulator, Int32)


def _sizes(shape: Shape) -> dict[str, int]:
    return dict(zip("mkn", shape, strict=True))


# Claim C7


def claim(spec: Spec, seed: int) -> Iterator[Record]:
    """Measure MSD and every baseline on the same operands, in the same accumulator."""
    for name, shape, block_size in spec:
        for weight, scheme in MSD.items():
            if block_size is not None and not weight.startswith("MX"):
                continue
            rng = np.random.default_rng([seed, *shape])
            given = operands(name, weight, shape, rng, block_size)
            for accumulator in (SEQUENTIAL, HOPPER):
                labels: dict[str, Any] = {
                    "family": name,
                    **_sizes(shape),
                    "block_size": block_size or "",
                    "weight": weight,
                    "accumulator": accumulator.name,
                }
                for row in judged(given, scheme, accumulator, block_size):
                    yield {**labels, **row}


def judged(
    given: Operands, scheme: Scheme, accumulator: Accumulator, block_size: int | None = None
) -> Iterator[Record]:
    """Yield a row for each baseline: its errors, those of MSD, bounds, and who wins.

    MSD sums integers in int32, whatever the accumulator of the baseline. ``reference_l2`` is the
    error of the float32 reference itself.
    """
    if block_size is not None:
        elements = [fmt.element for fmt in scheme.formats]
        scheme = covering_scheme(scheme.name, *elements, block_size=block_size)
    own = INT32 if given.integers else accumulator
    ours = errors_of(given, decomposed(scheme)(given, own))
    reference = errors_of(given, BASELINES["float32"](given, accumulator)).l2
    for name, method in _baselines(block_size).items():
        theirs = errors_of(given, method(given, accumulator))
        yield {
            "scheme": scheme.name,
            "baseline": name,
            **{f"msd_{key}": value for key, value in asdict(ours).items()},
            **{f"baseline_{key}": value for key, value in asdict(theirs).items()},
            "reference_l2": reference,
            "l2_ratio": _over(ours.l2, theirs.l2),
            "l2_float32_ratio": _over(ours.l2_float32, theirs.l2_float32),
            "componentwise_ratio": _over(ours.componentwise, theirs.componentwise),
            "holds_exact": _verdict(ours.l2, theirs.l2),
            "holds_float32": _verdict(ours.l2_float32, theirs.l2_float32),
        }


def _baselines(block_size: int | None) -> dict[str, Method]:
    if block_size is None:
        return BASELINES
    rules = {"MXFP8 floor": ScaleRule.FLOOR, "MXFP8 ceil": ScaleRule.CEIL}
    return BASELINES | {name: mxfp8_activations(rule, block_size) for name, rule in rules.items()}


def _over(ours: float, theirs: float) -> float:
    if ours == theirs:
        return 1.0
    return ours / theirs if theirs else float("inf")


def _verdict(ours: float, theirs: float) -> str:
    return "no worse" if ours <= theirs else "worse"


CLAIM_SHAPE = (128, 1024, 128)
CLAIM: Spec = (
    ("normal", CLAIM_SHAPE, None),
    ("uniform", CLAIM_SHAPE, None),
    ("laplace", CLAIM_SHAPE, None),
    ("student_t", CLAIM_SHAPE, None),
    ("outlier_per_block", CLAIM_SHAPE, None),
    ("outlier_per_row", CLAIM_SHAPE, None),
    ("log_uniform_40", CLAIM_SHAPE, None),
    *((name, CLAIM_SHAPE, size) for name in ("normal", "student_t") for size in (4, 8, 128, 1024)),
    ("normal", (32, 16384, 32), None),
    ("outlier_per_row", (16, 65536, 16), None),
)


# Where the winner changes


STEP_RMS = 1 / sqrt(12) / (127 * 254)
"""RMS error of two INT8 passes over M: a uniform error of one step of the second scale."""


def _rounding_rms(precision: int) -> float:
    """RMS relative error of rounding log-uniform numbers: ``ulp / sqrt(12)`` over x."""
    return 2.0 ** (1 - precision) * sqrt(3 / 8 / log(2) / 12)


def _float32_walk(k: int) -> float:
    """Relative RMS error of k sums in order: each rounds a partial sum that grows like sqrt(k)."""
    return _rounding_rms(24) * sqrt(k / 2)


def _outlier_crest(k: int) -> float:
    """M over the RMS of a row of ``outlier_per_row``: sqrt(k) while the outlier dominates."""
    square = 1024.0**2 * 3 / (2 * log(2))
    return sqrt(k * square / (square + (k - 1) / 3))


def outlier_crossing() -> float:
    """Return the k from which one outlier per row costs INT8 x2 more than BF16 costs the weight.

    ``crest(k) * STEP_RMS = rounding_rms(8)``, solved for k: 34,510.
    """
    crest = (_rounding_rms(8) / STEP_RMS) ** 2
    square = 1024.0**2 * 3 / (2 * log(2))
    return crest * (square - 1 / 3) / (square - crest / 3)


def long_k_crossing() -> float:
    """Return the k from which sums in order in binary32 lose to INT8 x2, uniform operands.

    ``sqrt(3) * STEP_RMS = float32_walk(k)``, solved for k: 750,000, where int32 has overflowed.
    """
    return 2 * (sqrt(3) * STEP_RMS / _rounding_rms(24)) ** 2


def crossings(spec: Spec, seed: int) -> Iterator[Record]:
    """Vary one parameter until the winner changes, and set the closed form beside it."""
    outliers, lengths, binades, sizes = spec
    for k in outliers:
        yield _one_outlier(k, seed)
    for k in lengths:
        yield from _long(k, seed)
    for i in binades:
        yield _one_binade(i, seed)
    for size in sizes:
        yield _one_block_size(size, seed)


def _one_outlier(k: int, seed: int) -> Record:
    given = operands("outlier_per_row", "INT8", (16, k, 16), np.random.default_rng([seed, k]))
    runs = (decomposed(INT8_X2), INT32), (weight_in_bf16, SEQUENTIAL)
    predicted = STEP_RMS * _outlier_crest(k), _rounding_rms(8)
    return _crossing("one outlier per row: INT8 x2, weight in BF16", k, given, *runs, predicted)


def _long(k: int, seed: int) -> Iterator[Record]:
    given = operands("uniform", "INT8", (16, k, 16), np.random.default_rng([seed, k]))
    predicted = STEP_RMS * sqrt(3), _float32_walk(k)
    for name in ("scale after", "float32"):
        runs = (decomposed(INT8_X2), INT32), (BASELINES[name], SEQUENTIAL)
        yield _crossing(f"long k, uniform: INT8 x2, {name} in order", k, given, *runs, predicted)


def _one_binade(i: int, seed: int) -> Record:
    rng = np.random.default_rng([seed, i])
    given = operands(f"binade_{i}", "MXFP8", (64, 1024, 64), rng)
    runs = (decomposed(MXFP4_X2), EXACT), (BASELINES["MXFP8 ceil"], EXACT)
    ours, theirs = (bounds.rms_error(e, binade=i).relative for e in ((E2M1, E2M1), (E4M3,)))
    return _crossing("binade below alpha: MXFP4 x2, MXFP8 ceil", i, given, *runs, (ours, theirs))


def _one_block_size(size: int, seed: int) -> Record:
    rng = np.random.default_rng([seed, size])
    given = operands("normal", "MXFP8", (64, 1024, 64), rng, size)
    ours = decomposed(covering_scheme("MXFP4_X2", E2M1, E2M1, block_size=size))
    runs = (ours, EXACT), (mxfp8_activations(ScaleRule.CEIL, size), EXACT)
    return _crossing("block size, normal: MXFP4 x2, MXFP8 ceil", size, given, *runs, None)


Run: TypeAlias = tuple[Method, Accumulator]


def _crossing(
    study: str,
    value: int,
    given: Operands,
    ours: Run,
    theirs: Run,
    predicted: tuple[float, float] | None,
) -> Record:
    """Return measured L2 errors against the exact product beside those predicted."""
    mine, other = (errors_of(given, method(given, unit)) for method, unit in (ours, theirs))
    m, k, n = *given.x.shape, given.weight.shape[1]
    return {
        "study": study, "value": value, **_sizes((m, k, n)),
        "msd_l2": mine.l2, "msd_bound_l2": mine.bound_l2, "msd_ratio": mine.ratio,
        "baseline_l2": other.l2, "baseline_bound_l2": other.bound_l2,
        "baseline_ratio": other.ratio,
        "measured_ratio": _over(mine.l2, other.l2),
        "predicted_msd": predicted[0] if predicted else "",
        "predicted_baseline": predicted[1] if predicted else "",
        "predicted_ratio": predicted[0] / predicted[1] if predicted else "",
    }  # fmt: skip


# Ill-conditioned products


def conditions(spec: Spec, seed: int) -> Iterator[Record]:
    """Measure products of a given condition number, |A||B| / |AB|."""
    shape, targets = spec
    for weight, scheme in MSD.items():
        rng = np.random.default_rng([seed, *shape])
        x, w = drawn("normal", shape, rng)
        quantized = WEIGHTS[weight](w, None)
        for target in targets:
            given = Operands.of(ill_conditioned(x, quantized, target), quantized)
            condition = given.magnitude / np.abs(given.product)
            own = INT32 if given.integers else SEQUENTIAL
            methods: dict[str, Run] = {scheme.name: (decomposed(scheme), own)}
            methods |= {name: (method, SEQUENTIAL) for name, method in BASELINES.items()}
            for name, (method, unit) in methods.items():
                yield {
                    "weight": weight, "method": name, **_sizes(shape), "accumulator": unit.name,
                    "condition_asked": target,
                    "condition_median": float(np.median(condition)),
                    "condition_max": float(condition.max()),
                } | asdict(errors_of(given, method(given, unit)))  # fmt: skip


def ill_conditioned(x: Array, weight: Any, target: float) -> Array:
    """Return rows, in BF16, whose products with the weight cancel to about ``|A||B| / target``.

    A row is its part orthogonal to all columns, and as much of the rest as the condition asks for.
    Rounding to BF16 leaves 2**-9 of it, so that the condition ends near ``2**9 sqrt(k)``.
    """
    from msdnum.gemm_bounds import exact_values

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


def linear_operands(linear: Linear, weight: str, tokens: int) -> Operands:
    """Quantize the weight of a linear and multiply its first activations, BF16, exactly."""
    quantized = WEIGHTS[weight](np.ascontiguousarray(linear.weight.T), None)
    return Operands.of(linear.in_bf16()[:tokens], quantized)


def model_linears(spec: Spec, seed: int) -> Iterator[Record]:
    """Measure every linear of every layer of MiniLM on the activations that reach it."""
    weights, layers, tokens = spec
    for linear in linears():
        if linear.layer not in layers:
            continue
        for weight in weights:
            given = linear_operands(linear, weight, tokens)
            shape = (*given.x.shape, given.weight.shape[1])
            for row in judged(given, MSD[weight], SEQUENTIAL):
                yield {
                    "layer": linear.layer, "linear": linear.name, **_sizes(shape),
                    "weight": weight, "accumulator": "SEQUENTIAL", **row,
                }  # fmt: skip


EXPERIMENTS = (
    Experiment(
        "gemm_accuracy",
        "errors and bounds of every decomposition by every accumulator, normal operands",
        ((1024, 1024, 1024), (128, 1024, 128)),
        accuracy,
        ((16, 128, 16), (16, 128, 16)),
    ),
    Experiment(
        "gemm_claim",
        "claim C7: MSD beside every baseline on the same operands, family by family",
        CLAIM,
        claim,
        (("normal", (16, 256, 16), None), ("student_t", (16, 256, 16), 8)),
    ),
    Experiment(
        "gemm_crossings",
        "where MSD begins to lose, measured and in closed form",
        (
            tuple(2**i for i in range(10, 18)),
            tuple(2**i for i in range(8, 18)),
            tuple(range(9)),
            tuple(2**i for i in range(1, 11)),
        ),
        crossings,
        ((1024,), (1024,), (0, 3), (32,)),
    ),
    Experiment(
        "gemm_conditions",
        "products of given condition number |A||B| / |AB|",
        ((64, 1024, 64), (20.0, 100.0, 1e3, 1e4)),
        conditions,
        ((16, 256, 16), (100.0,)),
    ),
    Experiment(
        "model_linears",
        "all linears of all-MiniLM-L6-v2 on real activations",
        (("INT8", "INT4", "MXFP4", "MXFP8"), tuple(range(6)), 128),
        model_linears,
        (("MXFP4",), (0,), 8),
    ),
)
"""In the order in which they run."""
