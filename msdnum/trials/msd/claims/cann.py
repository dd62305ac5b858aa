"""Rows of the ledger on CANN's kernels: which splits keep the paper's M/64516, and what they cost.

The splits are decided over all BF16 pairs, under each way to divide that no document excludes.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import partial

import ml_dtypes
import numpy as np

from msdnum.emulator.cann.digits import VARIANTS, Division, Switches, Variant
from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.findings import Evidence, Finding, Table, Verdict, Witness
from msdnum.ledger.trial import Study
from msdnum.trials.msd.claims.traps import traps
from msdnum.trials.msd.splits import (
    BF16_PAIRS,
    DIRECT,
    PAPER_BOUND,
    SUCCESSIVE,
    SplitError,
    proved_split_bound,
    split_error,
)

__all__ = ["CANN", "cann"]

CANN = Claim("CANN", "CANN's kernels split BF16 within the paper's M/64516", Verdict.CONDITIONAL)

# What every variant does as its source has it, and where another division changes the verdict.
KEEPS = {
    "multicore", "multicore_short_k", "split_k_int8", "attention_int8_x2", "attention_int8_x3",
}  # fmt: skip
DIVISIONS = [
    ("multicore", Division.ULP_BELOW, False),
    ("split_k_int8", Division.RECIPROCAL, False),
]


def cann(study: Study) -> Iterator[Entry]:
    """Judge every split as its source has it, where a switch decides, and the traps."""
    for variant in VARIANTS.values():
        yield _entry(variant, Switches(), variant.name, variant.name in KEEPS)
    for name, division, keeps in DIVISIONS:
        words = f"{name}, division {division.name}"
        yield _entry(VARIANTS[name], Switches(division), words, keeps)
    for name in (*SUCCESSIVE, *DIRECT):
        promise = f"bounds.{'direct_split' if name in DIRECT else 'digit_splits'}"
        yield Entry("CANN", f"{name}, as proved", promise,
                    partial(_judge_proved, VARIANTS[name]), "digit-splits",
                    on_paper=True)  # fmt: skip
    yield Entry("CANN", "ffn, bias of rounding down", "0", _judge_bias, expected=Verdict.FAILS)
    yield Entry("CANN", "softmax weights without an amax", "1/64516 of 1", _judge_weights)
    yield Entry("CANN", "arithmetic of the recombination", "no traps", _traps,
                expected=Verdict.FAILS)  # fmt: skip


def _entry(variant: Variant, switches: Switches, convention: str, keeps: bool) -> Entry:
    return Entry(
        "CANN",
        convention,
        "1/64516",
        partial(_judge, variant, switches),
        expected=Verdict.HOLDS if keeps else Verdict.FAILS,
    )


def _judge(variant: Variant, switches: Switches) -> Finding:
    found = split_error(variant, switches)
    return Finding(
        Verdict.HOLDS if found.keeps_paper_bound else Verdict.FAILS,
        _written(found.error),
        ratio=found.error / PAPER_BOUND,
        evidence=Evidence("exhaustive", BF16_PAIRS, "BF16 pairs (x, amax), mod 2^k"),
        witness=_witness(found),
    )


def _judge_proved(variant: Variant) -> Finding:
    found, bound = split_error(variant), proved_split_bound(variant)
    return Finding(
        Verdict.HOLDS if found.error <= bound else Verdict.FAILS,
        _written(found.error),
        ratio=found.error / bound,
        evidence=Evidence("exhaustive", BF16_PAIRS, "BF16 pairs (x, amax), mod 2^k"),
        witness=_witness(found),
        notes=(f"the bound, of every binary32 pair, is {_written(bound)} of amax",),
    )


def _judge_bias() -> Finding:
    """Judge whether what is left has mean 0, beside the kernels that round to nearest."""
    found = {name: split_error(VARIANTS[name]).bias for name in VARIANTS}
    others = max(abs(bias) for name, bias in found.items() if name != "ffn")
    return Finding(
        Verdict.HOLDS if abs(found["ffn"]) <= others else Verdict.FAILS,
        f"1/{1 / found['ffn']:.6g} of amax",
        evidence=Evidence("exhaustive", BF16_PAIRS, "BF16 pairs (x, amax), mod 2^k"),
        notes=(
            f"half of the last step is 1/{2 * 16384 / 1.001:.6g}; every other kernel {others:.2g}",
            "it adds up over k where weights have a mean, as errors of either sign do not",
        ),
    )


def _judge_weights() -> Finding:
    """Judge every BF16 softmax weight, whose digits are those of an amax of 1."""
    p = (np.arange(ONE_IN_BF16 + 1, dtype=np.uint32) << 16).view(np.float32)[None]
    variant = VARIANTS["attention_int8_x2"]
    digits = variant.decompose(p, np.ones((1, 1), np.float32))
    first, second = variant.weights(Fraction(1))
    pairs = [(int(a), int(b)) for a, b in zip(digits[0][0], digits[1][0], strict=True)]
    errors = [
        abs(Fraction(float(x)) - first * a - second * b)
        for x, (a, b) in zip(p[0], pairs, strict=True)
    ]
    worst = max(errors)
    at = errors.index(worst)
    lost = max(float(x) for x, pair in zip(p[0], pairs, strict=True) if pair == (0, 0))
    return Finding(
        Verdict.HOLDS if worst <= PAPER_BOUND else Verdict.FAILS,
        _written(worst),
        ratio=worst / PAPER_BOUND,
        evidence=Evidence("exhaustive", len(errors), "BF16 numbers in [0, 1]"),
        witness=Witness("BF16", (at,), 0),
        notes=(f"of 1, not of the largest weight of a row; weights up to {lost:.3g} become 0",),
    )


ONE_IN_BF16 = 0x3F80


def _written(error: Fraction) -> str:
    return f"1/{float(1 / error):.6g}"


def _witness(found: SplitError) -> Witness:
    """Return amax and x as a block."""
    block = np.array([found.amax, found.x], np.float32).astype(ml_dtypes.bfloat16)
    return Witness("BF16", tuple(map(int, block.view(np.uint16))), 1)


def _traps() -> Finding:
    found = traps()
    rows = tuple((trap.name, f"{trap.value:.7g}", trap.witness) for trap in found)
    return Finding(
        Verdict.FAILS,
        f"{len(found)} traps",
        evidence=Evidence("known case", len(found), "traps"),
        table=Table(("trap", "value", "witness"), rows),
    )
