"""Tables: ratios by crest factor, and 4 bits with and without rotation by size of outliers."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from msdnum.experiments.experiment import Experiment
from msdnum.experiments.tables import Record
from msdnum.formats.modes import ScaleRule
from msdnum.trials.int_or_fp.blocks import NVFP4_FORMAT, NVINT4, snr
from msdnum.trials.int_or_fp.closed_form import RIVALRIES, qsnr_fp, qsnr_int
from msdnum.trials.int_or_fp.integrals import crest_factor, exact_qsnr

__all__ = ["CATALOGUE"]


@dataclass(frozen=True)
class Crests:
    """How many crest factors, from 1.25 to 16."""

    points: int


@dataclass(frozen=True)
class Rotations:
    """Rows and channels of what is drawn, and sizes of its outliers."""

    shape: tuple[int, int]
    sizes: tuple[int, ...]


def _crests(parameters: Crests, seed: int) -> Iterator[Record]:
    """Yield a row for each pair and crest factor; nothing is drawn."""
    for pair in RIVALRIES[:3]:
        for kappa in np.geomspace(1.25, 16, parameters.points):
            k, rule = float(kappa), ScaleRule.RCEIL
            yield {
                "pair": pair.name,
                "kappa": k,
                "crest_factor_of_32": crest_factor(k, 32),
                "int_form": qsnr_int(pair.integers.bits, pair.rho, k),
                "fp_form": qsnr_fp(pair.floats, pair.rho, k),
                "int_integral": exact_qsnr(pair.integers, rule, k),
                "fp_integral": exact_qsnr(pair.floats, rule, k),
            }


def _rotations(parameters: Rotations, seed: int) -> Iterator[Record]:
    """Yield a row for each size of 8 outlier channels among normal numbers."""
    shape = parameters.shape
    for size in parameters.sizes:
        rng = np.random.default_rng([seed, size])
        x = rng.standard_normal(shape)
        x[:, rng.permutation(shape[1])[:8]] *= size
        rows = x.astype(np.float32)
        yield {
            "size": size,
            **{
                f"{fmt.name.lower()}_{length or 'plain'}": snr(rows, fmt, length)
                for fmt in (NVINT4, NVFP4_FORMAT)
                for length in (None, 16, 128)
            },
        }


_EXPERIMENTS = (
    Experiment(
        "int_or_fp_crests",
        "signal over error in dB of normal numbers by crest factor: closed form with rho 1.5, and "
        "the integral with RCEIL",
        Crests(32),
        _crests,
        Crests(4),
    ),
    Experiment(
        "int_or_fp_rotations",
        "signal over error in dB of NVINT4 and NVFP4, by size of 8 channels of 1024, plain and "
        "after a randomized Hadamard transform of 16 or 128",
        Rotations((256, 1024), (1, 2, 4, 8, 16, 32, 64, 128)),
        _rotations,
        Rotations((8, 128), (1, 32)),
        seeds=5,
    ),
)

CATALOGUE = {experiment.name: experiment for experiment in _EXPERIMENTS}
"""The tables of this trial."""
