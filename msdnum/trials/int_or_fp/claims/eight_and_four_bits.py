"""Errors of two formats of as many bits: on every block, and by distribution."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from msdnum.emulator.blocks import quantize
from msdnum.evidence.quadrature import Density, expected_errors
from msdnum.formats.blocks import BlockFormat
from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.findings import Evidence, Finding, Verdict, Witness
from msdnum.ledger.trial import Study
from msdnum.trials.int_or_fp.blocks import (
    MXFP4_UP,
    MXFP8_UP,
    MXINT4_UP,
    MXINT8_UP,
    NVFP4_FORMAT,
    NVINT4,
    outliers,
    snr,
)

__all__ = ["I3", "I4", "I5", "OUTLIER_BLOCK", "i3", "i4", "i5"]

I3 = Claim("I3", "in blocks of 32, MXINT8 is more accurate than MXFP8", Verdict.CONDITIONAL)
I4 = Claim("I4", "MXFP4 and NVFP4 are often more accurate than INT of 4 bits", Verdict.CONDITIONAL)
I5 = Claim("I5", "after a Hadamard rotation NVINT4 surpasses NVFP4", Verdict.CONDITIONAL)
LAWS: dict[str, tuple[str, tuple[float, ...]]] = {
    "normal": ("norm", ()),
    "Laplace": ("laplace", ()),
    "Student's t, 3": ("t", (3,)),
    "Student's t, 2.1": ("t", (2.1,)),
}
"""By name, the distribution of ``scipy.stats`` and its shape."""
OUTLIER_BLOCK = (0x3F81, *[0x3C93] * 31)
"""BF16 patterns of 1.0078125 once and 0.01794 31 times."""
HOLDS, FAILS = Verdict.HOLDS, Verdict.FAILS
DRAWS = {False: 5, True: 20}
"""Seeds of samples, by depth: numbers and signs of rotations are drawn anew for each."""


def i3(study: Study) -> Iterator[Entry]:
    """Judge a block, and distributions by their expected error."""
    yield Entry("I3", "every block", "MXINT8 errs less", _judge_block, expected=FAILS)
    for name in LAWS:
        judge = partial(_judge_law, MXINT8_UP, MXFP8_UP, name)
        yield Entry("I3", f"expected error, {name}", "MXINT8 errs less", judge)


def i4(study: Study) -> Iterator[Entry]:
    """Judge distributions by their expected error, and NVFP4 on samples of named families."""
    for name in LAWS:
        judge = partial(_judge_law, MXFP4_UP, MXINT4_UP, name)
        yield Entry("I4", f"MXFP4, expected error, {name}", "MXFP4 errs less", judge)
    for family in ("normal", "student_t3", "outlier_channels"):
        judge = partial(_judge_sample, NVFP4_FORMAT, NVINT4, family, None, study)
        expected = FAILS if family == "normal" else HOLDS
        yield Entry("I4", f"NVFP4, {family}", "NVFP4 errs less", judge, expected=expected)


def i5(study: Study) -> Iterator[Entry]:
    """Judge samples of named families, rotated in blocks of each length."""
    for family in ("normal", "student_t3", "outlier_channels"):
        for length in (None, 16, 128):
            rotated = "not rotated" if length is None else f"rotated by {length}"
            judge = partial(_judge_sample, NVINT4, NVFP4_FORMAT, family, length, study)
            expected = FAILS if length is None and family != "normal" else HOLDS
            yield Entry("I5", f"{family}, {rotated}", "NVINT4 errs less", judge, expected=expected)


def _judge_block() -> Finding:
    """Judge a number beside 31 small ones: MXINT8 has one step for all, MXFP8 several."""
    x = (np.array([OUTLIER_BLOCK], np.uint32) << 16).view(np.float32)
    square = [
        float(np.sum((quantize(x, fmt).dequantize().astype(float) - x) ** 2))
        for fmt in (MXINT8_UP, MXFP8_UP)
    ]
    crest = float(np.abs(x).max() / np.sqrt(np.mean(x.astype(float) ** 2)))
    return Finding(
        HOLDS if square[0] < square[1] else FAILS,
        f"error {np.sqrt(square[0] / square[1]):.1f} times MXFP8's",
        float(np.sqrt(square[0] / square[1])),
        Evidence("known case", 1, "block of 32 BF16 numbers"),
        Witness("BF16", OUTLIER_BLOCK, 1),
        notes=(f"its crest factor is {crest:.2f}, below 7.55",),
    )


def _law(name: str) -> Density:
    from scipy import stats

    family, shape = LAWS[name]
    law: Density = getattr(stats, family)(*shape)
    return law


def _judge_law(better: BlockFormat, worse: BlockFormat, name: str) -> Finding:
    law = _law(name)
    found, other = (expected_errors(fmt, law) for fmt in (better, worse))
    return Finding(
        HOLDS if found.snr > other.snr else FAILS,
        f"{found.snr - other.snr:+.2f} dB",
        found.rms / other.rms,
        Evidence("closed form", 2, "expected errors by integration over cells"),
        notes=(f"{better.name} {found.snr:.2f} dB, {worse.name} {other.snr:.2f} dB",),
    )


def _judge_sample(
    better: BlockFormat, worse: BlockFormat, family: str, length: int | None, study: Study
) -> Finding:
    """Judge by every draw: the least and the largest gain are told, and all have to agree."""
    gains, size = [], 0
    for seed in range(study.seed, study.seed + DRAWS[study.deep]):
        x = outliers(family, seed)
        found, other = (snr(x, fmt, length, seed) for fmt in (better, worse))
        gains.append(found - other)
        size += x.size
    low, high = min(gains), max(gains)
    return Finding(
        HOLDS if low > 0 else FAILS,
        f"{low:+.2f} to {high:+.2f} dB",
        10 ** (-float(np.mean(gains)) / 20),
        Evidence("sampled", size, "numbers", study.seed),
        notes=(
            f"the least and the largest of {len(gains)} draws, seeds from {study.seed} on; "
            f"standard deviation {np.std(gains, ddof=1):.2f} dB",
        ),
    )
