"""Tables: errors by definition, by the length of sums, and by the interval of promotion."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from msdnum.experiments.experiment import Experiment
from msdnum.experiments.tables import Record
from msdnum.formats.accumulators import (
    BLACKWELL_FP8,
    HOPPER_FP8,
    HOPPER_FP8_PROMOTED,
    SEQUENTIAL,
    AnyAccumulator,
    Blocks,
)
from msdnum.trials.deepseek_v3.sums import DEFINITIONS, K, drawn
from msdnum.trials.deepseek_v3.worst import guarantee, worst_sum

__all__ = ["CATALOGUE"]

UNITS: dict[str, AnyAccumulator] = {
    "Hopper": HOPPER_FP8,
    "Hopper, promoted every 128": HOPPER_FP8_PROMOTED,
    "Blackwell": BLACKWELL_FP8,
    "binary32, in order": SEQUENTIAL,
}
SIGNED, POSITIVE = "normal", "uniform on [0, 1]"


@dataclass(frozen=True)
class Sizes:
    """Rows and columns of the sums."""

    n: tuple[int, ...]


@dataclass(frozen=True)
class Lengths:
    """Rows and columns of the sums, and how many products each has."""

    n: int
    lengths: tuple[int, ...]


@dataclass(frozen=True)
class Intervals:
    """Rows and columns of the sums, and after how many products each is promoted."""

    n: int
    intervals: tuple[int, ...]


def _definitions(parameters: Sizes, seed: int) -> Iterator[Record]:
    """Yield a row for each input, size and definition."""
    for name in (SIGNED, "normal, amax at 448", "uniform on [-1, 1]", POSITIVE):
        for n in parameters.n:
            sums = drawn(name, n, [seed, n], HOPPER_FP8)
            for definition, of in DEFINITIONS.items():
                yield {"input": name, "n": n, "definition": definition, "error": of(sums)}


def _lengths(parameters: Lengths, seed: int) -> Iterator[Record]:
    """Yield a row for each input, length and unit."""
    for name in (SIGNED, POSITIVE):
        for k in parameters.lengths:
            for unit, accumulator in UNITS.items():
                sums = drawn(name, parameters.n, [seed, k], accumulator, k)
                yield {
                    "input": name,
                    "k": k,
                    "unit": unit,
                    "rms": float(np.sqrt(np.mean(sums.error**2) / np.mean(sums.exact**2))),
                    "bias": sums.bias,
                }


def _promotion(parameters: Intervals, seed: int) -> Iterator[Record]:
    """Yield a row for each interval; the last is K, without promotion."""
    n = parameters.n
    for size in parameters.intervals:
        unit = Blocks(size, HOPPER_FP8) if size < K else HOPPER_FP8
        random = {name: drawn(name, n, [seed, size], unit) for name in (SIGNED, POSITIVE)}
        case = worst_sum(unit, size)
        yield {
            "interval": size,
            **{
                f"rms_{kind}": float(np.sqrt(np.mean(s.error**2) / np.mean(s.exact**2)))
                for kind, s in zip(("signed", "positive"), random.values(), strict=True)
            },
            **{
                f"largest_{kind}": float((np.abs(s.error) / s.magnitude).max())
                for kind, s in zip(("signed", "positive"), random.values(), strict=True)
            },
            "worst_known": float((np.abs(case.error) / case.magnitude).max()),
            "bound": float(guarantee(HOPPER_FP8, size if size < K else None)),
        }


_EXPERIMENTS = (
    Experiment(
        "deepseek_v3_definitions",
        "relative error of n by n sums of 4096 E4M3 products in Hopper's unit, by definition",
        Sizes((64, 128, 256, 512, 1024)),
        _definitions,
        Sizes((16, 32)),
    ),
    Experiment(
        "deepseek_v3_lengths",
        "RMS error over RMS of the sums, and mean error away from zero, by length and unit",
        Lengths(128, tuple(2**i for i in range(5, 15))),
        _lengths,
        Lengths(16, (32, 256)),
    ),
    Experiment(
        "deepseek_v3_promotion",
        "errors of sums of 4096 products over C (rms) and over |A||B|, by interval of promotion",
        Intervals(128, (32, 64, 128, 256, 512, 1024, 2048, 4096)),
        _promotion,
        Intervals(16, (128, 4096)),
    ),
)

CATALOGUE = {experiment.name: experiment for experiment in _EXPERIMENTS}
"""The tables of this trial."""
