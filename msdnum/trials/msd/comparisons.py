"""MSD beside every baseline on the same operands: claim C7, family by family."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from msdnum.evidence.products import Product, ProductMethod, decomposed, errors_of
from msdnum.experiments.tables import Record
from msdnum.formats.accumulators import HOPPER, INT32, SEQUENTIAL, Accumulator
from msdnum.formats.elements import BINARY32
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import INT8_X2, MXFP4_X2, MXFP8_X2, Scheme, covering_scheme
from msdnum.inputs.encoder import Linear
from msdnum.inputs.families import Family, family
from msdnum.trials.msd.baselines import BASELINES, MX_WEIGHTS, WEIGHTS, mxfp8_activations

__all__ = [
    "CLAIM", "MSD_SCHEMES", "Comparison", "Comparisons", "claim", "drawn", "judged",
    "linear_operands", "operands", "over", "sizes", "spread_of_worst",
]  # fmt: skip

Array: TypeAlias = NDArray[np.float32]
Shape: TypeAlias = tuple[int, int, int]

MSD_SCHEMES: dict[str, Scheme] = {
    "INT8": INT8_X2,
    "INT4": INT8_X2,
    "INT4_ZERO": INT8_X2,
    "MXFP4": MXFP4_X2,
    "MXFP8": MXFP8_X2,
}
"""What claim C7 calls MSD, for each kind of weight."""


def drawn(of: str | Family, shape: Shape, rng: Generator) -> tuple[Array, Array]:
    """Return activations of a family, BF16, and normal float32 weights."""
    m, k, n = shape
    x = (family(of) if isinstance(of, str) else of).generate((m, k), rng=rng)
    return x, family("normal").generate((k, n), rng=rng, fmt=BINARY32)


def operands(
    of: str | Family, weight: str, shape: Shape, rng: Generator, block_size: int | None = None
) -> Product:
    """Draw activations and quantized weights, and multiply them exactly."""
    x, w = drawn(of, shape, rng)
    return Product.of(x, WEIGHTS[weight](w, block_size))


def linear_operands(linear: Linear, weight: str, tokens: int) -> Product:
    """Quantize the weight of a linear and multiply its first activations, BF16, exactly."""
    quantized = WEIGHTS[weight](np.ascontiguousarray(linear.weight.T), None)
    return Product.of(linear.in_bf16()[:tokens], quantized)


def sizes(shape: Shape) -> dict[str, int]:
    """Return m, k and n by name."""
    return dict(zip("mkn", shape, strict=True))


@dataclass(frozen=True)
class Comparison:
    """Operands of one comparison.

    Parameters
    ----------
    input : str
        Family of the activations.
    shape : tuple of int
        m, k and n.
    block_size : int, optional
        Elements that share a scale; if not given, what each weight has, and else only MX weights.
    """

    input: str
    shape: Shape
    block_size: int | None = None


@dataclass(frozen=True)
class Comparisons:
    """Which operands are compared."""

    cases: tuple[Comparison, ...]


def claim(parameters: Comparisons, seed: int) -> Iterator[Record]:
    """Measure MSD and every baseline on the same operands, in the same accumulator."""
    for case in parameters.cases:
        name, shape, block_size = case.input, case.shape, case.block_size
        for weight, scheme in MSD_SCHEMES.items():
            if block_size is not None and weight not in MX_WEIGHTS:
                continue
            rng = np.random.default_rng([seed, *shape])
            given = operands(name, weight, shape, rng, block_size)
            for accumulator in (SEQUENTIAL, HOPPER):
                labels: dict[str, Any] = {
                    "input": name,
                    **sizes(shape),
                    "block_size": block_size or "",
                    "weight": weight,
                    "accumulator": accumulator.name,
                }
                for row in judged(given, scheme, accumulator, block_size):
                    yield {**labels, **row}


def judged(
    given: Product, scheme: Scheme, accumulator: Accumulator, block_size: int | None = None
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
    others = {
        name: errors_of(given, method(given, accumulator))
        for name, method in _baselines(block_size).items()
    }
    for name, theirs in others.items():
        yield {
            "scheme": scheme.name,
            "baseline": name,
            **{f"msd_{key}": value for key, value in asdict(ours).items()},
            **{f"baseline_{key}": value for key, value in asdict(theirs).items()},
            "reference_l2": others["float32"].l2,
            "l2_ratio": over(ours.l2, theirs.l2),
            "l2_float32_ratio": over(ours.l2_float32, theirs.l2_float32),
            "componentwise_ratio": over(ours.componentwise, theirs.componentwise),
            "holds_exact": _verdict(ours.l2, theirs.l2),
            "holds_float32": _verdict(ours.l2_float32, theirs.l2_float32),
        }


def _baselines(block_size: int | None) -> dict[str, ProductMethod]:
    if block_size is None:
        return BASELINES
    rules = {"MXFP8 floor": ScaleRule.FLOOR, "MXFP8 ceil": ScaleRule.CEIL}
    return BASELINES | {name: mxfp8_activations(rule, block_size) for name, rule in rules.items()}


def over(ours: float, theirs: float) -> float:
    """Return the ratio of two errors: 1 for equal ones, Inf where only the second is zero."""
    if ours == theirs:
        return 1.0
    return ours / theirs if theirs else float("inf")


SEEDS = 4
"""How many seeds ``--deep`` draws with, to see how far a ratio moves."""


def spread_of_worst(worst: Callable[[int], float], seed: int) -> str:
    """Return in words how far the worst ratio moves from seed to seed."""
    seeds = range(seed, seed + SEEDS)
    found = [worst(each) for each in seeds]
    return f"over seeds {seeds[0]} to {seeds[-1]} the worst is {min(found):.3g} to {max(found):.3g}"


def _verdict(ours: float, theirs: float) -> str:
    return "no worse" if ours <= theirs else "worse"


CLAIM_SHAPE = (128, 1024, 128)
CLAIM = Comparisons(
    (
        Comparison("normal", CLAIM_SHAPE),
        Comparison("uniform", CLAIM_SHAPE),
        Comparison("laplace", CLAIM_SHAPE),
        Comparison("student_t", CLAIM_SHAPE),
        Comparison("outlier_per_block", CLAIM_SHAPE),
        Comparison("outlier_per_row", CLAIM_SHAPE),
        Comparison("log_uniform_40", CLAIM_SHAPE),
        *(Comparison("normal", CLAIM_SHAPE, size) for size in (4, 8, 128, 1024)),
        *(Comparison("student_t", CLAIM_SHAPE, size) for size in (4, 8, 128, 1024)),
        Comparison("normal", (32, 16384, 32)),
        Comparison("outlier_per_row", (16, 65536, 16)),
    )
)
