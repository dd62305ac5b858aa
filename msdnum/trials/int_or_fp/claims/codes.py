"""The code -128: the bias that it brings, and how often arithmetic in few bits leads to it."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.blocks import quantize
from msdnum.emulator.elements import decode, round_to
from msdnum.formats.blocks import MXINT8, BlockFormat
from msdnum.formats.elements import BF16, BINARY32, FP16, FloatFormat
from msdnum.formats.modes import Overflow, ScaleRule
from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.findings import Evidence, Finding, Verdict, Witness
from msdnum.ledger.trial import Study
from msdnum.trials.int_or_fp.blocks import MXINT8_SYMMETRIC

__all__ = ["I6", "i6", "in_steps", "share_of_128", "signed_errors"]

I6 = Claim("I6", "the code -128 brings a bias, which -127..127 has not", Verdict.CONDITIONAL)
ASYMMETRIC = MXINT8
SYMMETRIC = replace(MXINT8, name="MXINT8, -127..127", element=MXINT8_SYMMETRIC)
SHARES = ((BF16, False, 0.1682), (FP16, False, 0.0002), (FP16, True, 0.0002))
"""Of Table 11: in which arithmetic which part of normal numbers becomes 128, or 128 and more."""
LAST_DIGIT = 0.0001


def i6(study: Study) -> Iterator[Entry]:
    """Judge whether errors of x and -x cancel, by rule and code."""
    for rule in ScaleRule.powers_of_two():
        clips = rule is ScaleRule.FLOOR
        for fmt, promise in ((ASYMMETRIC, "a bias"), (SYMMETRIC, "no bias")):
            holds = clips or fmt is SYMMETRIC
            judge = partial(_judge_bias, replace(fmt, rule=rule), fmt is ASYMMETRIC)
            code = "used" if fmt is ASYMMETRIC else "not used"
            name = f"{rule.name}, -128 {code}"
            yield Entry(
                "I6", name, promise, judge, expected=Verdict.HOLDS if holds else Verdict.FAILS
            )

    yield Entry(
        "I6",
        "amax / 127 in binary32",
        "-128 is reached",
        partial(_judge_reach, BINARY32),
        expected=Verdict.FAILS,
    )
    yield Entry("I6", "amax / 127 in BF16", "-128 is reached", partial(_judge_reach, BF16))
    for arithmetic, beyond, share in SHARES:
        judge = partial(_judge_share, arithmetic, beyond, share)
        name = f"128{' or more' if beyond else ''} of normal x over x / 127, {arithmetic.name}"
        fails = arithmetic is FP16 and not beyond
        expected = Verdict.FAILS if fails else Verdict.HOLDS
        yield Entry("I6", name, f"{share:.2%}", judge, expected=expected)


def in_steps(fmt: FloatFormat) -> NDArray[np.float32]:
    """Return ``amax / (amax / 127)`` for each BF16 amax of a binade, both quotients rounded."""
    x = _binade()
    scale = round_to(x / np.float32(127), fmt, overflow=Overflow.SATURATE)
    found: NDArray[np.float32] = round_to(x / scale, fmt, overflow=Overflow.SATURATE)
    return found


def _judge_reach(fmt: FloatFormat) -> Finding:
    steps = in_steps(fmt)
    reached = np.rint(steps) > 127
    worst = int(steps.argmax())
    return Finding(
        Verdict.HOLDS if reached.any() else Verdict.FAILS,
        f"{reached.sum()} of {len(steps)} amax",
        evidence=Evidence("exhaustive", len(steps), "BF16 numbers of a binade"),
        witness=Witness("BF16", (0x3F80 + worst,), 0) if reached.any() else None,
        notes=(f"largest quotient {steps.max():g}; 127.5 rounds to 128",),
    )


def share_of_128(fmt: FloatFormat, beyond: bool = False) -> tuple[float, int]:
    """Return the probability that a normal number over a 127th of it rounds to 128, in a format.

    A 127th that is subnormal, or zero, leads beyond 128, which counts if ``beyond``.

    Each positive number of the format has the mass of what rounds to it; beside that how many
    numbers there are. Quotients of binary64 round to these formats as exact ones do.
    """
    from scipy.stats import norm

    codes = np.arange(1, fmt.max_code + 1, dtype=np.uint16)
    x: NDArray[np.float64] = decode(codes, fmt).astype(np.float64)
    scale = _rounded(x / 127, fmt)
    steps = np.full_like(x, np.inf)
    steps[scale > 0] = _rounded(x[scale > 0] / scale[scale > 0], fmt)
    cuts = norm.cdf([x[0] / 2, *(x[1:] / 2 + x[:-1] / 2), np.inf])
    found = np.rint(steps) >= 128 if beyond else np.rint(steps) == 128
    return float(2 * np.diff(cuts)[found].sum()), len(x)


def _rounded(x: NDArray[np.float64], fmt: FloatFormat) -> NDArray[np.float64]:
    found: NDArray[np.float32] = round_to(x, fmt, overflow=Overflow.SATURATE)
    return found.astype(np.float64)


def _judge_share(fmt: FloatFormat, beyond: bool, promised: float) -> Finding:
    found, count = share_of_128(fmt, beyond)
    return Finding(
        Verdict.HOLDS if abs(found - promised) <= LAST_DIGIT / 2 else Verdict.FAILS,
        f"{found:.4%}",
        found / promised,
        Evidence("exhaustive", count, f"positive {fmt.name} numbers, by their mass"),
        notes=("Algorithm 1 and Table 11 of the paper, there from 4096 x 4096 draws",),
    )


def _binade() -> NDArray[np.float32]:
    return (np.arange(0x3F80, 0x4000, dtype=np.uint32) << 16).view(np.float32)


def signed_errors(fmt: BlockFormat) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return every BF16 amax of a binade, and the error of it plus that of its negative."""
    x = _binade()
    pairs = np.stack([x, -x], axis=1)
    found = quantize(pairs, fmt, block_size=2).dequantize()
    return x, np.sum(found.astype(np.float64) - pairs, axis=1)


def _judge_bias(fmt: BlockFormat, biased: bool) -> Finding:
    x, bias = signed_errors(fmt)
    worst = int(np.abs(bias).argmax())
    return Finding(
        Verdict.HOLDS if bool(bias.any()) is biased else Verdict.FAILS,
        f"{bias.mean() * 64 / 2:+.4f} steps on average",
        evidence=Evidence("exhaustive", 2 * len(x), "amax and its negative in BF16, in a binade"),
        witness=Witness("BF16", (0x3F80 + worst,), 0) if bias.any() else None,
        notes=(
            f"{np.count_nonzero(bias)} of {len(x)} have one, "
            f"at most {abs(bias[worst]) * 64:g} steps",
        ),
    )
