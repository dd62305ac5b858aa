"""Tables: exact errors by sigma and format of scales, and sampled errors by remedy."""

from collections.abc import Iterator
from dataclasses import dataclass

from msdnum.experiments.experiment import Experiment
from msdnum.experiments.tables import Record
from msdnum.formats.elements import E4M3
from msdnum.formats.other_elements import UE5M3
from msdnum.trials.finer.distributions import DISTRIBUTIONS
from msdnum.trials.finer.errors import block_errors
from msdnum.trials.finer.formats import BY_E4M3, BY_UE5M3
from msdnum.trials.finer.remedies import METHODS, drawn, sampled_errors

__all__ = ["CATALOGUE"]


@dataclass(frozen=True)
class Sigmas:
    """Steps in each octave of the standard deviation, and sizes of blocks."""

    steps: int
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class Remedies:
    """How many elements are drawn, their standard deviations, and sizes of blocks."""

    n: int
    sigmas: tuple[float, ...]
    sizes: tuple[int, ...]


def _sigmas(parameters: Sigmas, seed: int) -> Iterator[Record]:
    """Yield a row for each distribution, format of scales, sigma and size; nothing is drawn."""
    steps = parameters.steps
    for name, of in DISTRIBUTIONS.items():
        for fmt in (E4M3, UE5M3):
            for sigma in (2.0 ** (-k / steps) for k in range(11 * steps + 1)):
                for size in parameters.sizes:
                    found = block_errors(of, sigma, size, fmt)
                    yield {
                        "distribution": name, "scales": fmt.name, "sigma": sigma, "block": size,
                        "error": found.total, "scale_zero": found.zero,
                        "scale_subnormal": found.subnormal, "scale_normal": found.normal,
                    }  # fmt: skip


def _remedies(parameters: Remedies, seed: int) -> Iterator[Record]:
    """Yield a row for each distribution, sigma, method and size."""
    for name, of in DISTRIBUTIONS.items():
        for sigma in parameters.sigmas:
            x = drawn(of, sigma, parameters.n, seed)
            cases = [(BY_E4M3, method) for method in METHODS]
            for fmt, method in [*cases, (BY_UE5M3, "amax / 6"), (BY_UE5M3, "four over six")]:
                for size, error in sampled_errors(x, fmt, method, parameters.sizes).items():
                    yield {
                        "distribution": name, "sigma": sigma, "scales": fmt.scale.name,
                        "method": method, "block": size, "error": error,
                    }  # fmt: skip


_EXPERIMENTS = (
    Experiment(
        "finer_sigmas",
        "mean squared error over the variance of E2M1 blocks by scales amax / 6, closed form, by "
        "standard deviation, format of scales and size, and by what the scale of the block is",
        Sigmas(8, (4, 8, 16, 32)),
        _sigmas,
        Sigmas(1, (8, 16)),
    ),
    Experiment(
        "finer_remedies",
        "mean squared error over the mean square of E2M1 blocks, sampled, by how scales are chosen",
        Remedies(1 << 16, (0.005, 0.01, 0.0136, 0.02, 0.05, 0.1), (2, 4, 8, 16, 32, 64)),
        _remedies,
        Remedies(1 << 8, (0.01,), (8, 16)),
    ),
)

CATALOGUE = {experiment.name: experiment for experiment in _EXPERIMENTS}
"""The tables of this trial."""
