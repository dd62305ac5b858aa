"""Experiments on one block: where amax lies in its binade, and how far below alpha x lies."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum import bounds, errors
from msdnum.emulator.decompositions import decompose
from msdnum.evidence.bf16_pairs import ONE, to_float32, to_number
from msdnum.evidence.effective_bits import EffectiveBits, approximation
from msdnum.evidence.promises import SECOND_SCALE, covering
from msdnum.evidence.worst_cases import TOP, pair_profile
from msdnum.experiments.experiment import Experiment
from msdnum.experiments.tables import Record
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import MXFP4_X1, MXFP4_X2, MXFP8_X1, Scheme
from msdnum.inputs import families
from msdnum.ledger.findings import Witness

__all__ = ["BLOCK_EXPERIMENTS", "Binade", "in_binade"]

Array: TypeAlias = NDArray[np.float32]

# The position of amax inside its binade

BY_PASSES = {1: MXFP4_X1, 2: MXFP4_X2}


@dataclass(frozen=True)
class RulesAndPasses:
    """Scale rules by name, and numbers of passes."""

    rules: tuple[str, ...]
    passes: tuple[int, ...]


def binade(parameters: RulesAndPasses, seed: int) -> Iterator[Record]:
    """Find the worst x beside each amax in (1, 2], under each rule for the scales."""
    for passes in parameters.passes:
        for rule in map(ScaleRule.__getitem__, parameters.rules):
            for own_amax in SECOND_SCALE if passes > 1 else (False,):
                yield from _positions(passes, rule, own_amax)


def _positions(passes: int, rule: ScaleRule, own_amax: bool) -> Iterator[Record]:
    found = pair_profile(BY_PASSES[passes].with_rule(rule, own_amax=own_amax))
    promised = bounds.mxfp4_scale_rules(rule, passes, own_amax=own_amax)
    for pattern in TOP:
        amax, error, block = to_number(pattern), found.errors[pattern], found.blocks[pattern]
        yield {
            "passes": passes,
            "rule": rule.name,
            "second_scale": SECOND_SCALE[own_amax] if passes > 1 else "",
            "amax_over_alpha": str(amax / float(covering(amax))),
            "error": float(error / covering(amax)),
            "bound": float(promised.alpha),
            "over_amax": float(error) / amax,
            "bound_over_amax": float(promised.amax),
            "attains": error / covering(amax) == promised.alpha,
            "witness": str(Witness("BF16", block, len(block) - 1)),
            "pairs": found.pairs[pattern],
        }


# The distance of x below alpha

COMPARED = {"mxfp4": MXFP4_X2, "mxfp8": MXFP8_X1}


@dataclass(frozen=True)
class Binade:
    """What a scheme does to the numbers of a range below alpha.

    Parameters
    ----------
    worst, bound : float
        Largest error over alpha.
    worst_relative, bound_relative : float
        Largest error over x.
    rms, expected : float
        RMS of error over x, measured and in closed form.
    x : int
        BF16 pattern of a number with the largest relative error; alpha is 1.
    """

    worst: float
    bound: float
    worst_relative: float
    bound_relative: float
    rms: float
    expected: float
    x: int

    def record(self, prefix: str) -> Record:
        """Return the cells, each name after a prefix."""
        return {
            f"{prefix}_worst": self.worst,
            f"{prefix}_bound_worst": self.bound,
            f"{prefix}_worst_relative": self.worst_relative,
            f"{prefix}_bound_worst_relative": self.bound_relative,
            f"{prefix}_rms": self.rms,
            f"{prefix}_bound_rms": self.bound_relative,
            f"{prefix}_expected_rms": self.expected,
            f"{prefix}_witness": str(Witness("BF16", (ONE, self.x), 1)),
        }


def in_binade(scheme: Scheme, k: int, x: Array) -> Binade:
    """Measure a scheme k binades below alpha, ``2**-(k + 1) < |x| / alpha <= 2**-k``.

    Parameters
    ----------
    scheme : Scheme
        One with the covering alpha.
    k : int
        Binade below the covering alpha.
    x : ndarray of float32
        A sample of ``cases.binade(k)``, for the RMS error; worst errors are exhaustive in BF16.
    """
    patterns = np.arange(ONE - 128 * (k + 1) + 1, ONE - 128 * k + 1, dtype=np.uint16)
    every = to_float32(patterns)
    pairs = np.stack([np.ones_like(every), every], axis=1)
    left = np.abs(decompose(pairs, scheme).remainder[:, 1])
    elements = [fmt.element for fmt in scheme.formats]
    bound = float(bounds.mixed_decomposition(elements, binade=k))
    below = np.arange(x.shape[-1]) % families.BLOCK != 0
    bits = errors.bits_rms_relative(x[:, below], approximation(x, scheme)[:, below])
    relative = left / every
    return Binade(
        float(left.max()),
        bound,
        float(relative.max()),
        min(1.0, bound * 2 ** (k + 1)),
        2.0**-bits,
        bounds.rms_error(elements, binade=k).relative,
        int(patterns[relative.argmax()]),
    )


def _spread(parts: list[Binade]) -> Binade:
    """Join binades with as many numbers in each, which is log-uniform over all of them."""
    worst = max(parts, key=lambda part: part.worst_relative)
    return Binade(
        max(part.worst for part in parts),
        max(part.bound for part in parts),
        worst.worst_relative,
        max(part.bound_relative for part in parts),
        sqrt(sum(part.rms**2 for part in parts) / len(parts)),
        sqrt(sum(part.expected**2 for part in parts) / len(parts)),
        worst.x,
    )


@dataclass(frozen=True)
class Octaves:
    """How many octaves below alpha, and the rows that are drawn in each."""

    octaves: int
    rows: int


def dynamic_range(parameters: Octaves, seed: int) -> Iterator[Record]:
    """Compare two MXFP4 passes with one of MXFP8 by the distance of x below alpha.

    The first study has x in one binade; the second has x log-uniform over all octaves below alpha
    up to some number.
    """
    parts: dict[str, list[Binade]] = {name: [] for name in COMPARED}
    effective = EffectiveBits(seed, parameters.rows)
    joined = []
    for k in range(parameters.octaves):
        x = effective.sample(families.binade(k))
        for name, scheme in COMPARED.items():
            parts[name].append(in_binade(scheme, k, x))
        yield _against("one binade, this far below alpha", k, {n: p[-1] for n, p in parts.items()})
        joined.append({n: _spread(p) for n, p in parts.items()})
    for k, spread in enumerate(joined, 1):
        yield _against("log-uniform over this many octaves", k, spread)


def _against(study: str, octaves: int, found: dict[str, Binade]) -> Record:
    four, eight = found["mxfp4"], found["mxfp8"]
    return {
        "study": study,
        "octaves": octaves,
        **four.record("mxfp4"),
        **eight.record("mxfp8"),
        "worst_ratio": four.worst_relative / eight.worst_relative,
        "worst_ratio_promised": four.bound_relative / eight.bound_relative,
        "rms_ratio": four.rms / eight.rms,
        "rms_ratio_expected": four.expected / eight.expected,
    }


BLOCK_EXPERIMENTS = (
    Experiment(
        "binade",
        "the worst error of MXFP4 beside every BF16 significand of amax, all x up to it",
        RulesAndPasses(("CEIL", "RCEIL", "EVEN", "FLOOR"), (1, 2)),
        binade,
        RulesAndPasses(("FLOOR",), (1,)),
    ),
    Experiment(
        "dynamic_range",
        "MXFP4 x2 against MXFP8 x1 by the distance of x below alpha; error over alpha, or over x",
        Octaves(13, 4096),
        dynamic_range,
        Octaves(4, 32),
        seeds=5,
    ),
)
"""In the order in which they run."""
