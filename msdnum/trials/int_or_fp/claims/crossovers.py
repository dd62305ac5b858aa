"""Crossings of integers and floats: the closed form, and the integral under each scale rule."""

import math
from collections.abc import Iterator
from functools import partial

from msdnum.formats.modes import ScaleRule
from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.findings import Evidence, Finding, Verdict
from msdnum.ledger.trial import Study
from msdnum.trials.int_or_fp.closed_form import RIVALRIES, Rivals, crossover, ratios
from msdnum.trials.int_or_fp.integrals import PHASES, crest_factor, exact_crossover

__all__ = ["I1", "I2", "i1", "i2"]

I1 = Claim(
    "I1",
    "INT and FP cross at crest factors 7.55 (8 bits), 1.96 (6), 2.04 (4), 2.39 (NV)",
    Verdict.CONDITIONAL,
)
I2 = Claim(
    "I2", "no block of 32 reaches the crest factor from which MXFP8 is better", Verdict.CONDITIONAL
)
RHOS = (1.0, 1.05, 1.5, 2.0)
CLOSE = 0.006
"""Half a unit of the last digit of the paper, and as much for rounding of the constants."""
NEAR = 0.1
"""Relative, for the integral."""


def i1(study: Study) -> Iterator[Entry]:
    """Judge the closed form for each overhead of the scale, and the integral by each rule."""
    for pair in RIVALRIES:
        for rho in RHOS:
            expected = Verdict.HOLDS if rho == pair.rho else Verdict.FAILS
            yield Entry(
                "I1", f"{pair.name}, closed form, rho {rho:g}", f"kappa {pair.reported}",
                partial(_judge_form, pair, rho), expected=expected,
            )  # fmt: skip
        powers = ScaleRule.powers_of_two() if study.deep else (ScaleRule.RCEIL,)
        for rule in (ScaleRule.AMAX, *(() if pair.exact_maximum else powers)):
            holds = pair.integers.bits == 8 and rule not in (ScaleRule.AMAX, ScaleRule.CEIL)
            holds = holds or pair.exact_maximum
            yield Entry(
                "I1", f"{pair.name}, integral, {rule.name}", f"kappa {pair.reported} within 10 %",
                partial(_judge_integral, pair, rule),
                expected=Verdict.HOLDS if holds else Verdict.FAILS,
            )  # fmt: skip


def _judge_form(pair: Rivals, rho: float) -> Finding:
    found = crossover(pair, rho)
    level, _ = ratios(pair, rho, found)
    near = abs(found - pair.reported) <= CLOSE and abs(level - pair.decibels) <= CLOSE
    said = "1, in the text" if pair.exact_maximum else "1.5"
    return Finding(
        Verdict.HOLDS if near else Verdict.FAILS,
        f"{found:.3f}",
        found / pair.reported,
        Evidence("closed form", 1, "crossing of the two ratios"),
        notes=(
            f"{level:.2f} dB there, {pair.decibels} in the paper's figure 3",
            f"rho is said to be {said}",
        ),
    )


def _judge_integral(pair: Rivals, rule: ScaleRule) -> Finding:
    found = exact_crossover(pair, rule)
    never = found < 1.001
    phases = 1 if rule is ScaleRule.AMAX else PHASES
    return Finding(
        Verdict.HOLDS if abs(found / pair.reported - 1) <= NEAR else Verdict.FAILS,
        "none: FP better throughout" if never else f"{found:.2f}",
        None if never else found / pair.reported,
        Evidence("closed form", phases, "places of amax in its binade, integrated over cells"),
        notes=(f"crest factor of such a block: {crest_factor(found, pair.block):.2f}",),
    )


def i2(study: Study) -> Iterator[Entry]:
    """Judge what a block can reach, under each meaning of the crest factor."""
    yield Entry("I2", "kappa is amax over rms of the block", "below 7.55", _judge_reach)
    judge, fails = _judge_model, Verdict.FAILS
    yield Entry("I2", "kappa is amax over rms of the others", "below 7.55", judge, expected=fails)


def _judge_reach() -> Finding:
    """One number that is not zero has the largest crest factor that there is."""
    (pair, *_) = RIVALRIES
    return Finding(
        Verdict.HOLDS if pair.block < pair.reported**2 else Verdict.FAILS,
        f"sqrt(32) = {math.sqrt(pair.block):.3f}",
        math.sqrt(pair.block) / pair.reported,
        Evidence("closed form", 1, "amax**2 is at most the sum of all squares"),
        notes=(
            "the paper's definition: max|X| over sigma, 'the block root-mean-square'; its table 2 "
            "has at most 4.26 for blocks of 32",
            "blocks of 64 and more could",
            "of 16: 4, above 2.39",
        ),
    )


def _judge_model() -> Finding:
    """In the model the rms is that of the distribution: an outlier exceeds it by any factor."""
    (pair, *_) = RIVALRIES
    own = crest_factor(pair.reported, pair.block)
    return Finding(
        Verdict.FAILS,
        f"{own:.2f} of a block is 7.55 here",
        evidence=Evidence("closed form", 1, "block of one outlier and 31 others"),
        notes=("rms of the 31 others is what the formula's sigma is", "see I3 for a block"),
    )
