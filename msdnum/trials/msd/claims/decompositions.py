"""Claims C1, C2 and C3: what two passes of INT8 and of MXFP4 leave, and how many bits that is."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from msdnum.evidence.decompositions import judge_blocks, pairs_of
from msdnum.evidence.effective_bits import samples_of
from msdnum.evidence.promises import (
    EVERY_AMAX,
    INT8_NORMAL,
    INT8_SUBNORMAL,
    MXFP4_NORMAL,
    MXFP4_UNDERFLOW,
    PROMISED_RULES,
    SECOND_SCALE,
    Bound,
    Promise,
)
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import INT8_X2, INT8_X2_FLOAT32, MXFP4_X2
from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.findings import Verdict
from msdnum.ledger.trial import Study
from msdnum.trials.msd.claims import effective_bits, expectations

__all__ = ["C1", "C2", "C3", "c1", "c2", "c3"]

C1 = Claim(
    "C1",
    "two-pass INT8 leaves at most M/64516, about 16 effective bits",
    Verdict.CONDITIONAL,
)
C2 = Claim("C2", "two-pass MXFP4 leaves at most alpha/64", Verdict.CONDITIONAL)
C3 = Claim(
    "C3",
    "two-pass MXFP4 has about 6.6 effective bits, one-pass MXFP8 5.24",
    Verdict.CONDITIONAL,
)

M_64516 = Bound("M/64516", "M", lambda m: m / 64516)
ALPHA_64 = Bound("alpha/64", "alpha", lambda alpha: alpha / 64)

HOSTILE_BINARY32 = np.array([0x3F800237, 0x3F7F19C3], np.uint32).view(np.float32)
"""M and the x that the search behind int8-decomposition-float32 found worst beside it."""


def c1(study: Study) -> Iterator[Entry]:
    """Two-pass INT8 against M/64516, and its effective bits."""
    yield from _c1_of_pairs(study)
    promise = _in_float32("float32, no FMA, binary32 x and M", EVERY_AMAX)
    judge = partial(judge_blocks, HOSTILE_BINARY32, promise, "known case")
    yield Entry("C1", promise.convention, "M/64516", judge, promise.theorem, Verdict.FAILS)
    samples = samples_of(study)
    convention = "bits: log2(M / worst error)"
    judge = partial(effective_bits.int8_worst_case, samples)
    yield Entry("C1", convention, "16 bits", judge, "int8-decomposition")
    convention = "bits: every definition and input"
    judge = partial(effective_bits.int8_elsewhere, samples)
    yield Entry("C1", convention, "16 bits", judge, "rms-error", Verdict.FAILS)
    convention = "bits: the same, expected, by quadrature"
    yield Entry(
        "C1", convention, "16 bits", expectations.int8_by_quadrature, expected=Verdict.FAILS
    )


def _c1_of_pairs(study: Study) -> Iterator[Entry]:
    exact = Promise("exact arithmetic", INT8_X2, M_64516, "int8-decomposition", EVERY_AMAX)
    yield _pairs_entry("C1", exact, study)
    normal = _in_float32("float32, no FMA, M >= 2^-111", INT8_NORMAL)
    yield _pairs_entry("C1", normal, study, Verdict.FAILS)
    subnormal = _in_float32("float32, no FMA, M < 2^-111", INT8_SUBNORMAL)
    yield _pairs_entry("C1", subnormal, study, Verdict.FAILS)


def _in_float32(convention: str, amaxes: range) -> Promise:
    theorem = "int8-decomposition-float32"
    return Promise(convention, INT8_X2_FLOAT32, M_64516, theorem, amaxes)


def _pairs_entry(
    claim: str, promise: Promise, study: Study, expected: Verdict = Verdict.HOLDS
) -> Entry:
    judge = partial(pairs_of(study).judge, promise)
    text = promise.bound.text
    return Entry(claim, promise.convention, text, judge, promise.theorem, expected)


def c2(study: Study) -> Iterator[Entry]:
    """Two-pass MXFP4 against alpha/64 under each scale rule, and where scales underflow."""
    for rule in PROMISED_RULES:
        for own_amax in SECOND_SCALE:
            scheme = MXFP4_X2.with_rule(rule, own_amax=own_amax)
            convention = f"{rule.name}, {SECOND_SCALE[own_amax]}"
            promise = Promise(convention, scheme, ALPHA_64, "mxfp4-scale-rules", MXFP4_NORMAL)
            saturates = rule is ScaleRule.FLOOR or (rule is not ScaleRule.CEIL and not own_amax)
            yield _pairs_entry("C2", promise, study, Verdict.FAILS if saturates else Verdict.HOLDS)
    convention = "CEIL, s2 = s1/8, amax < 2^-122"
    promise = Promise(convention, MXFP4_X2, ALPHA_64, "mxfp4-decomposition", MXFP4_UNDERFLOW)
    yield _pairs_entry("C2", promise, study, Verdict.FAILS)


def c3(study: Study) -> Iterator[Entry]:
    """Effective bits of two-pass MXFP4 and of MXFP8."""
    samples, numbers, theorem = samples_of(study), "6.6 and 5.24", "rms-error"
    closed_form = partial(effective_bits.paper_in_closed_form, samples)
    elsewhere = partial(effective_bits.paper_elsewhere, samples)
    binades = partial(effective_bits.binades, samples)
    sampled = partial(expectations.sampling_agrees, samples)
    fails = Verdict.FAILS
    convention = "RMS of error/x, x log-uniform, top binade"
    yield Entry("C3", convention, numbers, closed_form, theorem)
    yield Entry("C3", "every other definition and input", numbers, elsewhere, theorem, fails)
    convention = "the same, expected, by quadrature"
    yield Entry("C3", convention, numbers, expectations.paper_by_quadrature, expected=fails)
    yield Entry("C3", "samples of C1 and C3 beside quadrature", "within their intervals", sampled)
    convention = "RMS of error/x, binade by binade"
    yield Entry("C3", convention, "MXFP4 x2 > MXFP8", binades, theorem, fails)
