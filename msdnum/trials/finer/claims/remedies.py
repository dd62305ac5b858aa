"""Claims F5 and F6: the remedies of the reply, each alone and together, and every scale."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from msdnum.formats.blocks import BlockFormat
from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.findings import Evidence, Finding, Table, Verdict, Witness
from msdnum.ledger.trial import Study
from msdnum.trials.finer.distributions import DISTRIBUTIONS
from msdnum.trials.finer.formats import BY_E4M3, BY_UE5M3
from msdnum.trials.finer.remedies import SIZES, drawn, finer_and_worse, rises, sampled_errors

__all__ = ["F5", "F6", "f5", "f6"]

F5 = Claim(
    "F5",
    "with the right scale the error falls monotonically with smaller blocks",
    Verdict.CONDITIONAL,
)
F6 = Claim("F6", "E4M3 scales, chosen so, do what UE5M3 scales do", Verdict.CONDITIONAL)
SIGMAS = (0.005, 0.01, 0.0136, 0.02, 0.05)
N = {False: 1 << 14, True: 1 << 17}
BLOCK = 16
SCALED = 6 * 256 / 5
"""Sigma after a tensor scale that takes an amax of 5 sigma to 6 times 256: amax / 4 has a scale."""


def f5(study: Study) -> Iterator[Entry]:
    """Judge each remedy over distributions and sigmas, and over all small blocks."""
    fails = Verdict.FAILS
    tailed = tuple(name for name in DISTRIBUTIONS if name != "uniform")
    for method, names, expected in (
        ("amax / 6", tailed, fails),
        ("no scale is zero", tailed, fails),
        ("four over six", tailed, fails),
        ("both", tailed, Verdict.HOLDS),
        ("both", ("uniform",), fails),
        ("every scale", tuple(DISTRIBUTIONS), Verdict.HOLDS),
    ):
        where = {1: "uniform", 3: "distributions with tails", 4: "all distributions"}[len(names)]
        yield Entry("F5", f"{method}, {where}", "never rises",
                    partial(_judge_method, study, method, names), expected=expected)  # fmt: skip
    for method, expected in (("every scale", Verdict.HOLDS), ("both", fails)):
        judge = partial(_judge_blocks, method)
        yield Entry("F5", f"{method}: any block of 4 beside its halves", "never rises", judge,
                    expected=expected)  # fmt: skip
    yield Entry("F5", "every scale, strictly: uniform, sigma 0.001", "falls",
                partial(_judge_strictly, study), expected=fails)  # fmt: skip


def _errors(study: Study, name: str, sigma: float, method: str) -> dict[int, float]:
    def make() -> dict[int, float]:
        x = drawn(DISTRIBUTIONS[name], sigma, N[study.deep], study.seed)
        return sampled_errors(x, BY_E4M3, method)

    return study.once(("finer", name, sigma, method), make)


def _judge_method(study: Study, method: str, names: tuple[str, ...]) -> Finding:
    """Judge by the largest rise from a size of blocks to half of it."""
    found = {
        (name, sigma): _errors(study, name, sigma, method) for name in names for sigma in SIGMAS
    }
    worst = max(found, key=lambda case: rises(found[case]))
    ratio = rises(found[worst])
    records = [
        {"distribution": name, "sigma": sigma, **{f"block {n}": e for n, e in errors.items()}}
        for (name, sigma), errors in found.items()
    ]
    return Finding(
        Verdict.HOLDS if ratio <= 1 else Verdict.FAILS,
        f"{ratio:.4g} times, {worst[0]}, {worst[1]}" if ratio > 1 else "no rise",
        ratio,
        Evidence("sampled", len(found) * N[study.deep], "numbers", study.seed),
        notes=(
            f"error of a size over that of twice the size, from {SIZES[0]} to {SIZES[-1]}",
            f"sigma {', '.join(map(str, SIGMAS))}",
        ),
        table=Table.of(records),
    )


def _judge_blocks(method: str) -> Finding:
    """Judge all blocks of four integers from 1 to 10 beside their halves."""
    block, halves, whole, count = finer_and_worse(method)
    holds = halves <= whole * (1 + 1e-12)
    witness = Witness("BF16", tuple(int(v.view(np.uint32) >> 16) for v in block), 0)
    return Finding(
        Verdict.HOLDS if holds else Verdict.FAILS,
        f"{halves:.4g} for {whole:.4g}" if not holds else "no rise",
        evidence=Evidence("exhaustive", count, "blocks of four integers from 1 to 10"),
        witness=None if holds else witness,
        notes=(
            "sum of squared errors of halves and whole",
            "among all scales, a block's is one that its halves can have: they cannot err more, "
            "whatever the numbers",
        ),
    )


def _judge_strictly(study: Study) -> Finding:
    found = _errors(study, "uniform", 0.001, "every scale")
    return Finding(
        Verdict.HOLDS if found[SIZES[0]] < found[SIZES[-1]] else Verdict.FAILS,
        f"{found[SIZES[0]]:.5g} and {found[SIZES[-1]]:.5g}",
        evidence=Evidence("sampled", N[study.deep], "numbers", study.seed),
        notes=("every block has the least scale, whatever its size",),
    )


def f6(study: Study) -> Iterator[Entry]:
    """Judge E4M3 with a remedy beside UE5M3 without and with four over six."""
    for sigma, method, other, expected in (
        (0.05, "both", "amax / 6", Verdict.HOLDS),
        (0.02, "both", "amax / 6", Verdict.HOLDS),
        (0.01, "both", "amax / 6", Verdict.FAILS),
        (0.01, "every scale", "amax / 6", Verdict.FAILS),
        (0.05, "both", "four over six", Verdict.HOLDS),
        (0.02, "both", "four over six", Verdict.FAILS),
        (SCALED, "both", "four over six", Verdict.HOLDS),
    ):
        where = f"sigma {sigma:g}" if sigma < 1 else "after a tensor scale"
        yield Entry(
            "F6", f"E4M3, {method}, {where}, beside UE5M3, {other}", "at most 1 % more",
            partial(_judge_beside, study, sigma, method, other), expected=expected,
        )  # fmt: skip


def _error_of_a_block(study: Study, sigma: float, method: str, fmt: BlockFormat) -> float:
    """Return the error of normal numbers in blocks of one size, from eight times as many."""

    def make() -> float:
        x = drawn(DISTRIBUTIONS["normal"], sigma, 8 * N[study.deep], study.seed)
        return sampled_errors(x, fmt, method, (BLOCK,))[BLOCK]

    return study.once(("finer beside", sigma, method, fmt.name), make)


def _judge_beside(study: Study, sigma: float, method: str, other: str) -> Finding:
    """Judge normal numbers in blocks of 16; UE5M3 has the same error for all these sigmas."""
    own = _error_of_a_block(study, sigma, method, BY_E4M3)
    theirs = _error_of_a_block(study, min(sigma, 0.05), other, BY_UE5M3)
    return Finding(
        Verdict.HOLDS if own <= 1.01 * theirs else Verdict.FAILS,
        f"{own:.4g} for {theirs:.4g}",
        own / theirs,
        Evidence("sampled", 8 * N[study.deep], "numbers", study.seed),
        notes=("MSE over the mean square of normal numbers in blocks of 16",),
    )
