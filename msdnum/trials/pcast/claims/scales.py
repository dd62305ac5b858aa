"""Claims P1 and P3: the steps and the range of the cast, over every BF16 P and every scale."""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial

from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.findings import Evidence, Finding, Verdict, Witness
from msdnum.ledger.trial import Study
from msdnum.trials.pcast.scales import (
    PATTERN_OF_ONE,
    STATIC,
    StaticScale,
    all_scales,
    judged,
    scales_from,
)

__all__ = ["P1", "P3", "p1", "p3"]

P1 = Claim(
    "P1",
    "S = 256 has the least worst-case quantization step of P, 2^-4",
    Verdict.CONDITIONAL,
)
P3 = Claim(
    "P3",
    "of the powers of two 256 has the widest normal range; 448 has slightly more",
    Verdict.CONDITIONAL,
)
STEP, ERROR, RELATIVE_ERROR = Fraction(1, 16), Fraction(1, 32), Fraction(1, 17)


def everything(scale: Fraction) -> bool:
    """Whether a scale is judged where all of them are."""
    return True


def from_one(scale: Fraction) -> bool:
    """Whether a scale uses what E4M3 has: far below 1 there is little or nothing to be cast."""
    return scale >= 1


def scales_of(study: Study) -> list[StaticScale]:
    """Return what each scale does, those below 1 only in a deep run."""
    scales = all_scales() if study.deep else scales_from(1)
    return study.once("pcast scales", lambda: list(judged(scales)))


def p1(study: Study) -> Iterator[Entry]:
    """Judge the least worst step, and the least worst error, under each meaning of the words."""
    fails = Verdict.FAILS
    for convention, field, promised, kept, expected in (
        ("spacing of E4M3 just below S", "spacing_below", STEP, everything, Verdict.HOLDS),
        ("spacing of E4M3 just above S", "spacing_above", STEP, everything, fails),
        ("largest gap between casts of P", "gap", STEP, from_one, fails),
        ("worst absolute error", "error", ERROR, everything, fails),
        ("worst absolute error, S in E4M3", "error", ERROR, is_e4m3, Verdict.HOLDS),
        ("worst absolute error, S = 2^k", "error", ERROR, is_power, Verdict.HOLDS),
        ("worst error over P, normal casts", "relative_error", RELATIVE_ERROR, from_one, fails),
    ):
        judge = partial(_judge_least, study, field, promised, kept)
        yield Entry("P1", convention, f"{promised}, the least", judge, expected=expected)


def is_power(scale: Fraction) -> bool:
    """Whether a scale is a power of two."""
    return math.frexp(float(scale))[0] == 0.5


def is_e4m3(scale: Fraction) -> bool:
    """Whether a scale has the four bits of E4M3, whose range it may leave."""
    return not math.frexp(float(scale))[0] * 16 % 1


def _judge_least(
    study: Study, field: str, promised: Fraction, kept: Callable[[Fraction], bool]
) -> Finding:
    """Judge whether 256 has what is promised, and whether no other scale has less."""
    found = [each for each in scales_of(study) if kept(each.scale)]
    values = [getattr(each, field) for each in found]
    least, own = min(values), getattr(StaticScale.of(STATIC), field)
    best = [each for each, value in zip(found, values, strict=True) if value == least]
    holds = own == promised == least
    notes = (
        f"least {least} at S = {', '.join(f'{float(s.scale):g}' for s in best[-9:])}",
        f"256 has {own}",
    )
    witness = Witness("BF16", (best[-1].worst,), 0) if field == "error" and not holds else None
    return Finding(
        Verdict.HOLDS if holds else Verdict.FAILS,
        f"{least} at {float(best[-1].scale):g}" if least != own else str(own),
        own / least,
        Evidence(
            "exhaustive", PATTERN_OF_ONE * len(found), "P and S in BF16, P in (0, 1], S to 448"
        ),
        witness,
        notes,
    )


def p3(study: Study) -> Iterator[Entry]:
    """Judge the normal range."""
    yield Entry("P3", "S = 2^k to 448", "256 is widest", partial(_judge_powers, study))
    yield Entry("P3", "448 against 256", "slightly wider", partial(_judge_448, study))
    judge = _judge_512
    yield Entry("P3", "S = 512, the cast saturates", "narrower", judge, expected=Verdict.FAILS)


def _judge_powers(study: Study) -> Finding:
    found = {each.scale: each.normal for each in scales_of(study) if is_power(each.scale)}
    widest = max(found, key=lambda scale: found[scale])
    return Finding(
        Verdict.HOLDS if widest == STATIC else Verdict.FAILS,
        f"{widest}: P from 2^-14",
        evidence=Evidence("exhaustive", PATTERN_OF_ONE * len(found), "P in BF16 and S = 2^k"),
        notes=(f"{found[widest]} normal P in BF16 of {PATTERN_OF_ONE}",),
    )


def _judge_448(study: Study) -> Finding:
    wide, narrow = StaticScale.of(448), StaticScale.of(STATIC)
    return Finding(
        Verdict.HOLDS if wide.normal > narrow.normal else Verdict.FAILS,
        f"{math.log2(448 / STATIC):.3f} binades wider",
        evidence=Evidence("exhaustive", 2 * PATTERN_OF_ONE, "P in BF16"),
        notes=(
            f"{wide.normal} normal P, {narrow.normal} with 256",
            f"{narrow.flushed - wide.flushed} fewer P become zero; worst error 1/28, not 1/32",
        ),
    )


def _judge_512() -> Finding:
    """512 covers a binade more, at the price of what lies above 448/512."""
    wide, narrow = StaticScale.of(512), StaticScale.of(STATIC)
    return Finding(
        Verdict.HOLDS if wide.normal < narrow.normal else Verdict.FAILS,
        f"1 binade wider, error {wide.error}",
        evidence=Evidence("exhaustive", 2 * PATTERN_OF_ONE, "P in BF16"),
        witness=Witness("BF16", (wide.worst,), 0),
        notes=("P above 7/8 become 448, so that 512 buys its range with an error four times 1/32",),
    )
