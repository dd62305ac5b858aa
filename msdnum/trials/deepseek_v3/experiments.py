"""Tables: errors by definition, by the length of sums, and by the interval of promotion."""

from collections.abc import Iterator
from typing import Any

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


def _definitions(spec: tuple[Any, ...], seed: int) -> Iterator[Record]:
    """Yield a row for each input, size and definition."""
    for name in (SIGNED, "normal, amax at 448", "uniform on [-1, 1]", POSITIVE):
        for n in spec:
            sums = drawn(name, n, [seed, n], HOPPER_FP8)
            for definition, of in DEFINITIONS.items():
                yield {"input": name, "n": n, "definition": definition, "error": of(sums)}


def _lengths(spec: tuple[Any, ...], seed: int) -> Iterator[Record]:
    """Yield a row for each input, length and unit."""
    n, lengths = spec
    for name in (SIGNED, POSITIVE):
        for k in lengths:
            for unit, accumulator in UNITS.items():
                sums = drawn(name, n, [seed, k], accumulator, k)
                yield {
                    "input": name,
                    "k": k,
                    "unit": unit,
                    "rms": float(np.sqrt(np.mean(sums.error**2) / np.mean(sums.exact**2))),
                    "bias": sums.bias,
                }


def _promotion(spec: tuple[Any, ...], seed: int) -> Iterator[Record]:
    """Yield a row for each interval; the last is K, without promotion."""
    n, intervals = spec
    for size in intervals:
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
        (64, 128, 256, 512, 1024),
        _definitions,
        (16, 32),
    ),
    Experiment(
        "deepseek_v3_lengths",
        "RMS error over RMS of the sums, and mean error away from zero, by length and unit",
        (128, tuple(2**i for i in range(5, 15))),
        _lengths,
        (16, (32, 256)),
    ),
    Experiment(
        "deepseek_v3_promotion",
        "errors of sums of 4096 products over C (rms) and over |A||B|, by interval of promotion",
        (128, (32, 64, 128, 256, 512, 1024, 2048, 4096)),
        _promotion,
        (16, (128, 4096)),
    ),
)

CATALOGUE = {experiment.name: experiment for experiment in _EXPERIMENTS}
"""The tables of this trial."""
