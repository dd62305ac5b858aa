"""Twins by quadrature of the sampled rows of C1 and C3: effective bits that no seed decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from msdnum.evidence.effective_bits import GROUPS, NAMES, EffectiveBits, written
from msdnum.evidence.quadrature import Density
from msdnum.formats.elements import E8M0
from msdnum.formats.schemes import INT8_X2, MXFP4_X2, MXFP8_X1, Scheme
from msdnum.inputs.densities import DENSITIES
from msdnum.ledger.findings import Evidence, Finding, Table, Verdict, not_run

__all__ = ["int8_by_quadrature", "paper_by_quadrature", "sampling_agrees", "signed"]

ROW = 128
"""Numbers that share a scale of INT8, as in the samples."""
DOUBT = 0.01
"""Probability that any of the intervals misses, if samples are right."""
SHOWN = (INT8_X2, MXFP4_X2, MXFP8_X1)


@dataclass(frozen=True)
class Signed:
    """A distribution of magnitudes, with a sign of probability 1/2.

    Parameters
    ----------
    magnitude : Density
        Of positive numbers.
    """

    magnitude: Density

    def pdf(self, x: Any) -> Any:
        """Return the density."""
        return self.magnitude.pdf(np.abs(x)) / 2

    def cdf(self, x: Any) -> Any:
        """Return the probability of no more than ``x``."""
        return (1 + np.sign(x) * self.magnitude.cdf(np.abs(x))) / 2

    def ppf(self, q: Any) -> Any:
        """Return the quantiles."""
        centred = 2 * np.asarray(q) - 1
        return np.where(centred < 0, -1, 1) * self.magnitude.ppf(np.abs(centred))


def signed(low: float, high: float) -> Signed:
    """Return numbers of either sign whose magnitudes are log-uniform."""
    from scipy.stats import loguniform

    return Signed(loguniform(low, high))


@cache
def _distributions() -> dict[str, Density]:
    """Return what the families of the samples are drawn from."""
    found: dict[str, Density] = {
        **DENSITIES,
        "log_uniform": signed(1, 2), "log_uniform_40": signed(2.0**-20, 2.0**20),
    }  # fmt: skip
    return {name: found[name] for name in NAMES}


@cache
def expected_bits(scheme: Scheme) -> dict[tuple[str, str], float]:
    """Return the expected bits of a scheme by definition and input."""
    from msdnum.evidence.scheme_quadrature import expected_decomposition

    size = None if scheme.formats[0].scale == E8M0 else ROW
    return {
        (definition, name): bits
        for name, distribution in _distributions().items()
        for definition, bits in expected_decomposition(scheme, distribution, size).bits.items()
    }


def int8_by_quadrature() -> Finding:
    """Judge 16 bits by every definition that has an expectation, on every input."""
    try:
        found = expected_bits(INT8_X2)
    except ModuleNotFoundError as error:
        return not_run(error)
    least = min(found, key=lambda key: found[key])
    agreeing = sum(round(bits) == 16 for bits in found.values())
    return Finding(
        Verdict.HOLDS if agreeing == len(found) else Verdict.FAILS,
        written(found[least]),
        evidence=_integrals(len(found)),
        notes=(f"the least is {' on '.join(least)}", f"{agreeing} of {len(found)} round to 16"),
        table=_table([INT8_X2]),
    )


def paper_by_quadrature() -> Finding:
    """Judge 6.6 and 5.24 by every definition and input but the one that gives both."""
    try:
        two, one = expected_bits(MXFP4_X2), expected_bits(MXFP8_X1)
    except ModuleNotFoundError as error:
        return not_run(error)
    others = [key for key in two if key != ("rms_relative", "log_uniform")]
    nearest = min(others, key=lambda key: max(abs(two[key] - 6.6), abs(one[key] - 5.24)))
    gives = f"{two[nearest]:.1f}" == "6.6" and f"{one[nearest]:.2f}" == "5.24"
    return Finding(
        Verdict.HOLDS if gives else Verdict.FAILS,
        f"{two[nearest]:.2f} and {one[nearest]:.2f}",
        evidence=_integrals(2 * len(others)),
        notes=(f"the nearest of {len(others)} is {' on '.join(nearest)}",),
        table=_table([MXFP4_X2, MXFP8_X1]),
    )


DENSE_AT_ZERO = {"uniform", "normal", "laplace", "student_t"}


def _hangs_on_few(scheme: Scheme, definition: str, name: str) -> bool:
    """Whether a sample cannot tell: half of the mean square is that of numbers it may not hold.

    An RMS of error/x of INT8 x2 is decided by numbers below half of the last scale, where the ratio
    is 1. Where the density at zero is not 0, a few in 131,072 are, or none; the spread over parts
    does not show what is missing.
    """
    return scheme == INT8_X2 and definition == "rms_relative" and name in DENSE_AT_ZERO


def sampling_agrees(samples: EffectiveBits) -> Finding:
    """Compare sampled bits with the expected ones, each within its interval, all at once.

    Intervals are those of Student's t, from the spread over parts of the samples.
    """
    try:
        from scipy.stats import t

        found = {(s, *key): b for s in SHOWN for key, b in expected_bits(s).items()}
        expected = {key: bits for key, bits in found.items() if not _hangs_on_few(*key)}
    except ModuleNotFoundError as error:
        return not_run(error)
    reach = float(t(GROUPS - 1).ppf(1 - DOUBT / 2 / len(expected)))
    off = {
        key: abs(samples.sampled(*key) - bits) / (reach * samples.uncertainty(*key))
        for key, bits in expected.items()
    }
    worst = max(off, key=lambda key: off[key])
    rows = tuple(
        (s.name, of, on, f"{samples.sampled(s, of, on):.4f}",
         f"{reach * samples.uncertainty(s, of, on):.2g}", f"{bits:.4f}")
        for (s, of, on), bits in expected.items()
    )  # fmt: skip
    return Finding(
        Verdict.HOLDS if off[worst] <= 1 else Verdict.FAILS,
        f"{sum(r <= 1 for r in off.values())} of {len(off)} within",
        evidence=samples.evidence(len(NAMES)),
        notes=(
            f"intervals of {1 - DOUBT:.0%} for all together, {reach:.2f} standard errors",
            f"farthest, {off[worst]:.2f} of it: {worst[0].name}, {' on '.join(worst[1:])}",
            f"left out: {len(found) - len(expected)} that a few of {samples.rows * ROW:,} decide",
        ),
        data=Table(("scheme", "definition", "input", "sampled", "interval", "expected"), rows),
    )


def _integrals(count: int) -> Evidence:
    return Evidence("closed form", count, "integrals")


def _table(schemes: Sequence[Scheme]) -> Table:
    """Return expected bits by definition and input, the schemes side by side."""
    found = [expected_bits(scheme) for scheme in schemes]
    definitions = dict.fromkeys(definition for definition, _ in found[0])
    rows = (
        (d, *(" ".join(written(bits[d, name]) for bits in found) for name in NAMES))
        for d in definitions
    )
    return Table((" ".join(scheme.name for scheme in schemes), *NAMES), tuple(rows))
