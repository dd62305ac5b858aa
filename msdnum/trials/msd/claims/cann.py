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
KEEPS = {"multicore", "multicore_short_k", "split_k_int8"}
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
