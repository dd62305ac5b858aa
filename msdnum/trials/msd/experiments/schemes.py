"""Experiments on whole schemes: effective bits by input, errors by passes, CANN's splits."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import isinf, log2
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum import bounds
from msdnum.bounds.averages import cells_summed
from msdnum.emulator.cann.digits import VARIANTS, Variant
from msdnum.errors import EFFECTIVE_BITS
from msdnum.evidence.effective_bits import EffectiveBits, approximation
from msdnum.evidence.product_bounds import ranges
from msdnum.evidence.worst_cases import Extreme, among_pairs, among_ties, bound_of
from msdnum.experiments.experiment import Experiment
from msdnum.experiments.tables import Record
from msdnum.formats.elements import E2M1, E4M3, E8M0, INT4, INT8_SYMMETRIC
from msdnum.formats.modes import Arithmetic
from msdnum.formats.schemes import (
    INT8_X1,
    INT8_X1_FLOAT32,
    INT8_X2,
    INT8_X2_FLOAT32,
    INT8_X3,
    INT8_X3_FLOAT32,
    MXFP4_X1,
    MXFP4_X2,
    MXFP4_X3,
    MXFP8_X1,
    MXFP8_X2,
    MXFP8_X3,
    Scheme,
    amax_scheme,
    covering_scheme,
)
from msdnum.inputs.families import family
from msdnum.ledger.findings import Evidence, Witness
from msdnum.trials.msd.splits import BF16_PAIRS, PAPER_BOUND, split_errors

__all__ = ["LADDERS", "MIXED", "SCHEME_EXPERIMENTS", "closed_form", "reconstructed"]

Array: TypeAlias = NDArray[np.float32]
Floats: TypeAlias = NDArray[np.float64]

MIXED = (
    covering_scheme("MXFP8 + MXFP4", E4M3, E2M1),
    covering_scheme("MXFP4 + MXFP8", E2M1, E4M3),
    amax_scheme("INT8 + INT4", INT8_SYMMETRIC, INT4),
)
"""Schemes whose terms have different elements."""

LADDERS: dict[str, tuple[Scheme, ...]] = {
    "INT8": (INT8_X1, INT8_X2, INT8_X3),
    "INT8 float32": (INT8_X1_FLOAT32, INT8_X2_FLOAT32, INT8_X3_FLOAT32),
    "MXFP4": (MXFP4_X1, MXFP4_X2, MXFP4_X3, covering_scheme("MXFP4_X4", *[E2M1] * 4)),
    "MXFP8": (MXFP8_X1, MXFP8_X2, MXFP8_X3),
}
"""Schemes by number of passes; exact INT8 remainders are held for three at most."""

MOST_CELLS = 100_000
"""That are summed one by one: more would take minutes."""


@cache
def closed_form(scheme: Scheme) -> bounds.RmsError | None:
    """Return the RMS errors of a scheme by theorem, or None if there is none or it takes too long.

    The theorem is on exact arithmetic. The 16 million cells of three INT8 terms are all alike and
    are summed at once; those of three MXFP8 terms are not.
    """
    elements, rule = [fmt.element for fmt in scheme.formats], scheme.formats[0].rule
    if scheme.arithmetic is Arithmetic.FLOAT32 or cells_summed(elements, rule) > MOST_CELLS:
        return None
    return bounds.rms_error(elements, rule=rule)


# Effective bits by scheme and input

DEFINITIONS = ("rms_relative", "equivalent_uniform", "relative_l2", "worst_case_amax")

SCHEMES: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        INT8_X1, INT8_X2, INT8_X2_FLOAT32, INT8_X3, MXFP4_X1, MXFP4_X2, MXFP4_X3, MXFP8_X1,
        MXFP8_X2, *MIXED,
    )
}  # fmt: skip


def reconstructed(x: Array, variant: Variant) -> Floats:
    """Return the weighted digits of a CANN variant, in binary64, with one amax for each row."""
    amax = np.abs(x).max(axis=-1, keepdims=True)
    digits = variant.decompose(x, amax)
    weights = np.array([variant.weights(Fraction(float(m))) for m in amax[:, 0]], np.float64)
    total = np.zeros(x.shape)
    for digit, weight in zip(digits, weights.T, strict=True):
        total += digit * weight[:, None]
    return total


@dataclass(frozen=True)
class BitsOfSchemes:
    """Inputs, the rows of each that are drawn, and schemes of the user's own."""

    inputs: tuple[str, ...]
    rows: int
    schemes: tuple[Scheme, ...] = ()


def effective_bits(parameters: BitsOfSchemes, seed: int) -> Iterator[Record]:
    """Measure effective bits by four definitions of every scheme on every input."""
    effective = EffectiveBits(seed, parameters.rows)
    for name in parameters.inputs:
        x = effective.sample(family(name))
        for scheme in SCHEMES.values():
            yield _scheme_bits(scheme, name, x)
        for scheme in parameters.schemes:
            yield {**_scheme_bits(scheme, name, x), "scheme": f"own: {scheme.name}"}
        for variant in VARIANTS.values():
            y, amax = reconstructed(x, variant), np.abs(x).max(axis=-1, keepdims=True)
            yield _bits(f"CANN {variant.name}", name, x, y, amax.astype(np.float64), None, None)


def _scheme_bits(scheme: Scheme, name: str, x: Array) -> Record:
    y, closed = approximation(x, scheme), closed_form(scheme)
    return _bits(scheme.name, name, x, y, ranges(x, scheme), bound_of(scheme), closed)


def _bits(
    scheme: str,
    name: str,
    x: Array,
    y: Floats,
    span: Floats,
    bound: Fraction | float | None,
    closed: bounds.RmsError | None,
) -> Record:
    """Return bits by definition; closed forms stand with the inputs that they are about."""
    found = {d: EFFECTIVE_BITS[d](x, y) for d in DEFINITIONS}
    return {
        "scheme": scheme,
        "input": name,
        **found,
        "closed_rms_relative": closed.bits if closed and name == "log_uniform" else "",
        "closed_equivalent_uniform": closed.uniform_bits if closed and name == "uniform" else "",
        "worst_case": "" if bound is None or isinf(bound) else -log2(bound),
        "error": float((np.abs(x - y) / span).max()),
        "bound": "" if bound is None or isinf(bound) else float(bound),
    }


# Errors by passes


@dataclass(frozen=True)
class Passes:
    """Ladders of schemes; how many ties are tried, and how many rows drawn, for each number."""

    ladders: tuple[str, ...]
    ties: int
    rows: int


def passes(parameters: Passes, seed: int) -> Iterator[Record]:
    """Find worst and RMS errors, relative to the range or to x, of each number of passes."""
    x = EffectiveBits(seed, parameters.rows).sample(family("log_uniform"))
    for ladder in parameters.ladders:
        for count, scheme in enumerate(LADDERS[ladder], 1):
            labels: Record = {"ladder": ladder, "passes": count, "arithmetic": _arithmetic(scheme)}
            for extreme in (among_pairs(scheme), among_ties(scheme, parameters.ties, seed)):
                yield {**labels, **_worst(extreme)}
            yield {**labels, **_rms(scheme, x, seed)}


def _arithmetic(scheme: Scheme) -> str:
    """Name the arithmetic: with power-of-two scales every binary32 operation is exact."""
    exact = scheme.formats[0].scale == E8M0
    return "EXACT = FLOAT32" if exact else scheme.arithmetic.name


def _worst(extreme: Extreme) -> Record:
    return {
        "measure": "worst error / range",
        "error": float(extreme.error),
        "bound": float(extreme.bound),
        "expected": "",
        "bits": -log2(extreme.error),
        "witness": str(extreme.witness),
        "evidence": str(extreme.evidence),
    }


def _rms(scheme: Scheme, x: Array, seed: int) -> Record:
    """Return the RMS of error / x in the top binade, where x is at least half of the range."""
    bits, closed = EFFECTIVE_BITS["rms_relative"](x, approximation(x, scheme)), closed_form(scheme)
    return {
        "measure": "RMS of error / x",
        "error": 2.0**-bits,
        "bound": 2 * float(bound_of(scheme)),
        "expected": closed.relative if closed else "",
        "bits": bits,
        "witness": "",
        "evidence": str(Evidence("sampled", x.size, "binary32, log-uniform, top binade", seed)),
    }


# CANN's splits


@dataclass(frozen=True)
class Splits:
    """CANN's splits, by name."""

    variants: tuple[str, ...]


def cann_variants(parameters: Splits, seed: int) -> Iterator[Record]:
    """Decide every variant under every switch beside the paper's M/64516."""
    chosen = {name: VARIANTS[name] for name in parameters.variants}
    for found in split_errors(chosen.values()):
        variant, switches = chosen[found.variant], found.switches
        block = np.array([found.amax, found.x], np.float32).view(np.uint32) >> 16
        division = switches.division or variant.division
        source = division is variant.division and switches.fusion.name == "SEPARATE"
        yield {
            "variant": found.variant,
            "digits": variant.digits,
            "division": division.name,
            "fusion": switches.fusion.name,
            "as_in_source": source,
            "error": float(found.error),
            "half_last_step": float(variant.weights(Fraction(1))[-1] / 2),
            "paper": float(PAPER_BOUND),
            "over_paper": found.over_paper_bound,
            "keeps_paper": found.keeps_paper_bound,
            "witness": str(Witness("BF16", tuple(block.tolist()), 1)),
            "evidence": str(Evidence("exhaustive", BF16_PAIRS, "BF16 pairs (x, amax) mod 2^k")),
        }


SCHEME_EXPERIMENTS = (
    Experiment(
        "effective_bits",
        "effective bits by scheme, input and definition; worst_case is -log2(bound)",
        BitsOfSchemes(
            (
                "uniform", "normal", "laplace", "student_t", "log_uniform", "log_uniform_40",
                "outlier_per_block", "outlier_per_row",
            ),
            4096,
        ),
        effective_bits,
        BitsOfSchemes(("log_uniform",), 32),
        seeds=5,
    ),
    Experiment(
        "passes",
        "worst and RMS error against the number of passes, beside the bound",
        Passes(tuple(LADDERS), 1 << 16, 4096),
        passes,
        Passes(("MXFP4",), 256, 32),
    ),
    Experiment(
        "cann_variants",
        "the worst error of CANN's splits, relative to amax, beside the paper's M/64516",
        Splits(tuple(VARIANTS)),
        cann_variants,
        Splits(("split_k_int8",)),
    ),
)  # fmt: skip
"""In the order in which they run."""
