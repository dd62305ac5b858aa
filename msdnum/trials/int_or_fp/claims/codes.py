"""The code -128: the bias that it brings, over every BF16 number of a binade."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.blocks import quantize
from msdnum.emulator.elements import round_to
from msdnum.formats.blocks import MXINT8, BlockFormat
from msdnum.formats.elements import BF16, BINARY32, FloatFormat
from msdnum.formats.modes import Overflow, ScaleRule
from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.findings import Evidence, Finding, Verdict, Witness
from msdnum.ledger.trial import Study
from msdnum.trials.int_or_fp.blocks import MXINT8_SYMMETRIC

__all__ = ["I6", "i6", "in_steps", "signed_errors"]

I6 = Claim("I6", "the code -128 brings a bias, which -127..127 has not", Verdict.CONDITIONAL)
ASYMMETRIC = MXINT8
SYMMETRIC = replace(MXINT8, name="MXINT8, -127..127", element=MXINT8_SYMMETRIC)


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
