"""Crest factors: where MSD begins to lose as the largest number of a block or row grows.

Measured with several seeds, whose least and largest are kept, beside expectations that follow from
the distribution of the largest number (``evidence.crests``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from msdnum.emulator.gemm.dequantizing import to_bf16
from msdnum.evidence.crests import BlockExpectation, expected_crest, given_largest
from msdnum.evidence.effective_bits import approximation
from msdnum.evidence.quadrature import Density
from msdnum.evidence.scheme_quadrature import expected_decomposition
from msdnum.experiments.experiment import Experiment
from msdnum.experiments.tables import Record
from msdnum.formats.elements import BINARY32, E2M1, E4M3
from msdnum.formats.schemes import INT8_X2, MXFP4_X2, MXFP8_X1, Scheme, covering_scheme
from msdnum.inputs.densities import DENSITIES
from msdnum.inputs.families import family
from msdnum.trials.msd.experiments.crossings import STEP_RMS, rounding_rms

__all__ = ["CREST_EXPERIMENTS", "of_outlier", "row_ratio"]

Array: TypeAlias = NDArray[np.float32]
Draw: TypeAlias = Callable[[Generator], float]
"""From a generator to the ratio of a sample."""

BLOCK = 32
FEW, MANY = 8, 4096
"""Sizes of an outlier within a binade over which losses are averaged, of others and of itself:
those change smoothly with it, its own from number to number."""


@dataclass(frozen=True)
class Crests:
    """What is varied, study by study.

    Parameters
    ----------
    inputs : tuple of str
        Distributions by name.
    exponents : tuple of int
        Binary logarithms of outliers.
    block_sizes, lengths : tuple of int
        Of blocks and of rows without any.
    blocks : int
        Blocks of 32 in a sample, or as many numbers.
    seeds : int
        Samples of each.
    """

    inputs: tuple[str, ...]
    exponents: tuple[int, ...]
    block_sizes: tuple[int, ...]
    lengths: tuple[int, ...]
    blocks: int
    seeds: int


def of_outlier(scheme: Scheme, others: Density, k: int, fixed: bool) -> BlockExpectation:
    """Return what is lost of a block of 32 with one outlier of 2**k, or from there to 2**(k+1)."""
    if fixed:
        return given_largest(scheme, others, BLOCK, 2.0**k)
    found = [given_largest(scheme, others, BLOCK, float(size)) for size in _sizes(k, FEW)]
    every = _sizes(k, MANY)[:, None]
    own = float(((every - approximation(every, scheme)) ** 2).mean())
    rest = float(np.mean([each.square - each.largest_lost for each in found]))
    signal = float(np.mean([each.signal for each in found]))
    largest = float(np.mean([each.largest_square for each in found]))
    return BlockExpectation(BLOCK, largest, signal, rest + own, own)


def _sizes(k: int, count: int) -> Array:
    """Return sizes from 2**k on, evenly spaced in the logarithm."""
    return np.exp2(k + (np.arange(count) + 0.5) / count).astype(np.float32)


def row_ratio(others: Density, k: int) -> float:
    """Return the expected error of INT8 x2 on rows of k over that of a weight rounded to BF16."""
    return STEP_RMS * expected_crest(others, k) / rounding_rms(8)


def crests(parameters: Crests, seed: int) -> Iterator[Record]:
    """Measure outliers of fixed and of varying size, blocks without any by size, and long rows."""
    count, seeds = parameters.blocks, parameters.seeds
    for name in parameters.inputs:
        for fixed in (True, False):
            for k in parameters.exponents:
                yield from _with_outlier(name, k, fixed, count, _generators(seed, seeds, k))
        for size in parameters.block_sizes:
            yield from _by_size(name, size, count, _generators(seed, seeds, size))
        for k in parameters.lengths:
            yield from _rows(name, k, _generators(seed, seeds, k))


def _generators(seed: int, count: int, value: int) -> list[Generator]:
    return [np.random.default_rng([seed, value, each]) for each in range(count)]


def _with_outlier(
    name: str, k: int, fixed: bool, count: int, rngs: list[Generator]
) -> Iterator[Record]:
    others = DENSITIES[name]
    ours, theirs = (of_outlier(scheme, others, k, fixed) for scheme in (MXFP4_X2, MXFP8_X1))

    def draw(rng: Generator) -> float:
        return _compared(_blocks(others, k, fixed, count, rng), MXFP4_X2, MXFP8_X1)

    study = f"one outlier of {'fixed' if fixed else 'varying'} size: MXFP4 x2, MXFP8 ceil"
    errors = ours.relative_l2, theirs.relative_l2
    yield _record(study, name, k, BLOCK, ours.crest, errors, draw, rngs)


def _blocks(others: Density, k: int, fixed: bool, count: int, rng: Generator) -> Array:
    """Draw blocks whose first number is the outlier, the others cut off at it."""
    sizes = np.exp2(k + (0 if fixed else rng.random((count, 1)))).astype(np.float32)
    sizes = np.broadcast_to(np.asarray(sizes, np.float64), (count, 1))
    low, high = others.cdf(-sizes), others.cdf(sizes)
    x = np.asarray(others.ppf(low + (high - low) * rng.random((count, BLOCK))))
    x[:, :1] = sizes * rng.choice([-1.0, 1.0], (count, 1))
    return x.astype(np.float32)


def _compared(x: Array, ours: Scheme, theirs: Scheme) -> float:
    lost = (float(np.linalg.norm(x - approximation(x, scheme))) for scheme in (ours, theirs))
    return next(lost) / next(lost)


def _by_size(name: str, size: int, count: int, rngs: list[Generator]) -> Iterator[Record]:
    others, given = DENSITIES[name], family(name)
    pair = (
        covering_scheme("MXFP4_X2", E2M1, E2M1, block_size=size),
        covering_scheme("MXFP8_X1", E4M3, block_size=size),
    )
    found = [expected_decomposition(scheme, others) for scheme in pair]
    errors = tuple(sqrt(each.square / each.signal) for each in found)
    shape = max(1, count * BLOCK // size), size

    def draw(rng: Generator) -> float:
        return _compared(given.generate(shape, rng=rng, fmt=BINARY32), *pair)

    crest = expected_crest(others, size)
    study = "blocks by size: MXFP4 x2, MXFP8 ceil"
    yield _record(study, name, size, size, crest, errors, draw, rngs)


def _rows(name: str, k: int, rngs: list[Generator]) -> Iterator[Record]:
    others, given = DENSITIES[name], family(name)
    crest = expected_crest(others, k)
    errors = STEP_RMS * crest, rounding_rms(8)
    draw = partial(_beside_a_weight, given.generate, (4, k))
    study = "rows by length: INT8 x2, weight in BF16"
    yield _record(study, name, k, k, crest, errors, draw, rngs)


def _beside_a_weight(
    generate: Callable[..., Array], shape: tuple[int, int], rng: Generator
) -> float:
    """Return what INT8 x2 loses of rows over what BF16 loses of log-uniform weights."""
    x = generate(shape, rng=rng, fmt=BINARY32)
    weight = family("log_uniform").generate((1, 1 << 14), rng=rng, fmt=BINARY32)
    ours = np.linalg.norm(x - approximation(x, INT8_X2)) / np.linalg.norm(x)
    lost = (weight - np.asarray(to_bf16(weight)).astype(np.float32)) / weight
    return float(ours / np.sqrt((lost.astype(np.float64) ** 2).mean()))


def _record(
    study: str,
    name: str,
    value: int,
    size: int,
    crest: float,
    predicted: tuple[float, ...],
    draw: Draw,
    rngs: list[Generator],
) -> Record:
    ratios = np.array([draw(rng) for rng in rngs])
    return {
        "study": study,
        "input": name,
        "value": value,
        "block_size": size,
        "crest_factor": crest,
        "predicted_msd": predicted[0],
        "predicted_baseline": predicted[1],
        "predicted_ratio": predicted[0] / predicted[1],
        "measured_ratio": float(ratios.mean()),
        "least_ratio": float(ratios.min()),
        "most_ratio": float(ratios.max()),
        "seeds": len(ratios),
    }


CREST_EXPERIMENTS = (
    Experiment(
        "crests",
        "where MSD begins to lose as the largest number of a block or row grows over its RMS",
        Crests(
            ("uniform", "normal", "laplace", "student_t"),
            tuple(range(9)),
            tuple(2**i for i in range(1, 11)),
            tuple(2**i for i in range(10, 18, 2)),
            512,
            8,
        ),
        crests,
        Crests(("normal",), (1, 3), (32,), (1024,), 64, 2),
    ),
)
