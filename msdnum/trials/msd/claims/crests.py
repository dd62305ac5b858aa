"""Rows of the ledger on claim C7 as a function of M over the RMS: expectations, nothing sampled."""

from collections.abc import Callable, Iterator
from functools import partial
from math import log2, sqrt

from msdnum import bounds
from msdnum.evidence.crests import expected_crest
from msdnum.evidence.scheme_quadrature import expected_decomposition
from msdnum.formats.schemes import MXFP4_X2, MXFP8_X1
from msdnum.inputs.densities import DENSITIES
from msdnum.ledger.claims import Entry
from msdnum.ledger.findings import Evidence, Finding, Verdict
from msdnum.ledger.trial import Study
from msdnum.trials.msd.comparisons import over
from msdnum.trials.msd.experiments.crests import of_outlier, row_ratio

__all__ = ["c7_crests", "row_crossing"]

NAMES = ("uniform", "normal", "laplace", "student_t")
EXPONENTS = range(10)
"""Binary logarithms of outliers beside numbers of the named distributions."""
LONGEST = 40
"""Binary logarithm of the longest row that is looked at."""


def c7_crests(study: Study) -> Iterator[Entry]:
    """Judge expected errors of blocks and rows, and of blocks with one outlier, by distribution."""
    for name in NAMES:
        yield _entry(f"expected, blocks of 32, {name}: MXFP4 x2, MXFP8 ceil", _judge_blocks, name)
    for name in NAMES:
        words = f"expected, {name} beside one 2^k: MXFP4 x2, MXFP8 ceil"
        yield _entry(words, partial(_judge_outliers, True), name, Verdict.FAILS)
    for name in NAMES:
        words = f"expected, {name} beside one of varying size: MXFP4 x2, MXFP8 ceil"
        yield _entry(words, partial(_judge_outliers, False), name, Verdict.FAILS)
    for name in NAMES:
        words = f"expected, rows of any k, {name}: INT8 x2, weight in BF16"
        yield _entry(words, _judge_rows, name)


def _entry(
    words: str, judge: Callable[[str], Finding], name: str, expected: Verdict = Verdict.HOLDS
) -> Entry:
    return Entry("C7", words, "ratio <= 1", partial(judge, name), expected=expected)


def _judge_blocks(name: str) -> Finding:
    others = DENSITIES[name]
    ours, theirs = (expected_decomposition(scheme, others) for scheme in (MXFP4_X2, MXFP8_X1))
    ratio = sqrt(ours.square / theirs.square)
    return Finding(
        Verdict.HOLDS if ratio <= 1 else Verdict.FAILS,
        f"{ratio:.3g}",
        ratio,
        Evidence("closed form", 2, "integrals"),
        notes=(f"expected M over the RMS {expected_crest(others, 32):.3g}",),
    )


def _judge_outliers(fixed: bool, name: str) -> Finding:
    """Find from which M over the RMS MSD loses, and where it wins again."""
    others, found = DENSITIES[name], []
    for k in EXPONENTS:
        ours, theirs = (of_outlier(scheme, others, k, fixed) for scheme in (MXFP4_X2, MXFP8_X1))
        found.append((ours.crest, over(ours.relative_l2, theirs.relative_l2)))
    worst = max(range(len(found)), key=lambda k: found[k][1])
    losing = [k for k, (_, ratio) in enumerate(found) if ratio > 1]
    where = f"2^{losing[0]} to 2^{losing[-1]}" if losing else "none"
    notes = (f"most, {found[worst][1]:.3g} times, beside 2^{worst}; more than once beside {where}",)
    if not losing:
        return Finding(Verdict.HOLDS, f"{found[worst][1]:.3g}", evidence=_integrals(), notes=notes)
    crest = found[losing[0]][0]
    last = f", wins at {found[losing[0] - 1][0]:.3g}" if losing[0] else ""
    return Finding(
        Verdict.FAILS, f"loses from M/rms {crest:.3g}", found[worst][1], _integrals(),
        notes=(f"of at most sqrt(32) = 5.66{last}", *notes),
    )  # fmt: skip


def _integrals() -> Evidence:
    return Evidence("closed form", 2 * len(EXPONENTS), "integrals")


def row_crossing(name: str) -> float | None:
    """Return the least power of two from which rows lose to weights in BF16; None up to 2**40."""
    others = DENSITIES[name]
    for i in range(LONGEST + 1):
        if row_ratio(others, 2**i) > 1:
            return 2.0**i
    return None


def _judge_rows(name: str) -> Finding:
    """Judge the longest row whose sums int32 holds."""
    k, crossing = bounds.int32_overflow(), row_crossing(name)
    ratio = row_ratio(DENSITIES[name], k)
    beyond = f"2^{log2(crossing):g}" if crossing else f"beyond 2^{LONGEST}"
    return Finding(
        Verdict.HOLDS if ratio <= 1 else Verdict.FAILS,
        f"{ratio:.3g}",
        ratio,
        Evidence("closed form", 1, "integral"),
        notes=(
            f"k = {k:,}, where int32 overflows; M/rms {expected_crest(DENSITIES[name], k):.3g}, "
            f"of {expected_crest(DENSITIES[name], k) / ratio:.4g} at which both are equal",
            f"the first power of two at which it loses: {beyond}",
        ),
    )
