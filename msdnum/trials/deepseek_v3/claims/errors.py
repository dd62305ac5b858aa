"""Claims D1 and D3: how large the error is without promotion, and whether it is noise or a bias."""

from collections.abc import Iterator
from functools import partial
from statistics import median

import numpy as np

from msdnum.formats.accumulators import HOPPER_FP8
from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.findings import Evidence, Finding, Verdict
from msdnum.ledger.trial import Study
from msdnum.trials.deepseek_v3.sums import DEFINITIONS, INPUTS, Fp8Sums, K, drawn

__all__ = ["D1", "D3", "d1", "d3", "draws", "percent"]

D1 = Claim(
    "D1",
    "for two random matrices, K = 4096, the maximum relative error is nearly 2 %",
    Verdict.CONDITIONAL,
)
D3 = Claim("D3", "the error is noise, of either sign alike", Verdict.CONDITIONAL)
N, DRAWS = 256, {False: 3, True: 16}
"""Rows and columns of a draw, and draws of a run and of a deep one."""
FACTOR = 1.5
"""How far from 2 % the median of the draws may be: the nearest others are 4 times away."""
JUDGED = ("normal", "uniform on [-1, 1]", "uniform on [0, 1]")
SIGNED = {name: name not in ("uniform on [0, 1]", "normal, magnitudes") for name in INPUTS}
NEARLY_2 = {("largest |error| / RMS of C", True), ("largest |error| / mean |C|", True)}
"""Definitions that give it, of operands of either sign."""


def percent(x: float) -> str:
    """Return a fraction in percent, to three digits."""
    return f"{100 * x:.3g} %"


def draws(study: Study, name: str) -> list[Fp8Sums]:
    """Return the products of one input, as Hopper's unit has them."""
    return study.once(
        ("deepseek_v3", name),
        lambda: [
            drawn(name, N, [study.seed, i, list(INPUTS).index(name)], HOPPER_FP8)
            for i in range(DRAWS[study.deep])
        ],
    )


def d1(study: Study) -> Iterator[Entry]:
    """Judge the number under every definition, for operands of either sign and of one."""
    for name in JUDGED:
        for definition in DEFINITIONS:
            holds = (definition, SIGNED[name]) in NEARLY_2
            yield Entry(
                "D1", f"{definition}, {name}", "2 %, within 1.5 times",
                partial(_judge_definition, study, name, definition),
                expected=Verdict.HOLDS if holds else Verdict.FAILS,
            )  # fmt: skip


def _judge_definition(study: Study, name: str, definition: str) -> Finding:
    """Judge the median of the draws: a largest value of many is not the same in each."""
    found = [DEFINITIONS[definition](sums) for sums in draws(study, name)]
    middle = median(found)
    return Finding(
        Verdict.HOLDS if 0.02 / FACTOR <= middle <= 0.02 * FACTOR else Verdict.FAILS,
        percent(middle),
        middle / 0.02,
        _sampled(study, name),
        notes=(f"by draw {', '.join(map(percent, found))}", "no promotion; elements cast to E4M3"),
    )


def _sampled(study: Study, name: str) -> Evidence:
    count = sum(sums.exact.size for sums in draws(study, name))
    return Evidence("sampled", count, f"sums of {K} products, {N} by {N} a draw", study.seed)


def d3(study: Study) -> Iterator[Entry]:
    """Judge the mean of the error beside its spread, by the signs of the operands."""
    for name, signed in SIGNED.items():
        judge = partial(_judge_bias, study, name)
        expected = Verdict.HOLDS if signed else Verdict.FAILS
        yield Entry("D3", name, "|mean| < spread", judge, expected=expected)


def _judge_bias(study: Study, name: str) -> Finding:
    """Judge one draw: where the error is mostly a bias, its mean exceeds its deviation."""
    (sums, *_) = draws(study, name) if name in JUDGED else [drawn(name, N, study.seed, HOPPER_FP8)]
    spread = float(sums.error.std() / np.abs(sums.exact).mean())
    certain = abs(sums.bias) / spread * sums.error.size**0.5
    return Finding(
        Verdict.FAILS if abs(sums.bias) > spread else Verdict.HOLDS,
        f"{percent(sums.bias)} +- {percent(spread)}",
        evidence=Evidence("sampled", sums.error.size, f"sums of {K} products", study.seed),
        notes=(
            "mean error away from zero, and standard deviation, over the mean of |C|",
            f"{float((sums.error > 0).mean()):.3f} of all errors are positive",
            "products are truncated toward zero, so that sums shrink: the mean is "
            f"{certain:,.0f} standard errors from zero, but among operands of either sign it is "
            "small beside the spread",
        ),
    )
