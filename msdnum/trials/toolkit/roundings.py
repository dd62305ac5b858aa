"""Roundings of every BF16 number that an element format reaches, beside their bound."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from msdnum import bounds
from msdnum.emulator import elements
from msdnum.evidence.bf16_pairs import LARGEST, to_float32
from msdnum.evidence.decompositions import Array, witness_of
from msdnum.formats.elements import ElementFormat
from msdnum.formats.modes import Overflow
from msdnum.ledger.findings import Evidence, Finding, Verdict

__all__ = ["judge_rounding"]


def judge_rounding(formats: Sequence[ElementFormat]) -> Finding:
    """Round every BF16 number that an element format reaches, and find the worst."""
    found = [_worst_rounding(fmt) for fmt in formats]
    ratio, name, x = max(found)
    count = sum(len(_reached(fmt)) for fmt in formats)
    return Finding(
        Verdict.HOLDS if ratio <= 1 else Verdict.FAILS,
        f"{float(ratio):.6g} of it",
        ratio,
        Evidence("exhaustive", count, "BF16 numbers"),
        witness_of(np.array([x], np.float32), 0),
        (f"to {name}", f"the least ratio of a format is {float(min(found)[0]):.6g}"),
    )


def _reached(fmt: ElementFormat) -> Array:
    """Return the BF16 numbers that do not saturate."""
    x = to_float32(np.arange(LARGEST + 1, dtype=np.uint16))
    return x[x <= fmt.max_finite]


def _worst_rounding(fmt: ElementFormat) -> tuple[Fraction, str, float]:
    x = _reached(fmt)
    rounded = elements.round_to(x, fmt, overflow=Overflow.SATURATE)
    errors = np.abs(x.astype(np.float64) - rounded)
    bound = bounds.element_rounding(fmt)
    promised = np.array([float(bound.at(float(v))) for v in x])
    worst = int((errors / np.where(promised == 0, 1, promised)).argmax())
    number = float(x[worst])
    return Fraction(float(errors[worst])) / bound.at(number), fmt.name, number
