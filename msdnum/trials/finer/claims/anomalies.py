"""Claims F1 to F4: where finer blocks err more, why, and what the format of scales changes."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from msdnum.formats.elements import BF16, E4M3, FloatFormat
from msdnum.formats.other_elements import UE5M3
from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.findings import Evidence, Finding, Table, Verdict
from msdnum.ledger.trial import Study
from msdnum.trials.finer.distributions import DISTRIBUTIONS, Distribution, truncated
from msdnum.trials.finer.errors import block_errors, last_anomaly, scale_values
from msdnum.trials.finer.formats import FULL_SCALE, WIDE_SCALE

__all__ = ["F1", "F2", "F3", "F4", "f1", "f2", "f3", "f4", "median_amax"]

F1 = Claim("F1", "below a threshold of block size the error rises as blocks shrink",
           Verdict.CONDITIONAL)  # fmt: skip
F2 = Claim(
    "F2",
    "it is driven by narrow tensors and the limited range of quantized scales",
    Verdict.CONDITIONAL,
)
F3 = Claim(
    "F3",
    "UE5M3 scales do what E4M3 scales and a tensor scale do, without the tensor scale",
    Verdict.CONDITIONAL,
)
F4 = Claim("F4", "it is driven by heavy tails (reply, v1), by coarse subnormal scales (v2)",
           Verdict.CONDITIONAL)  # fmt: skip
SMALL, LARGE = 8, 16
REPORTED = 2e-2
STEPS = {False: 8, True: 64}
TENSOR = 1 << 20
"""Elements of a tensor whose amax is looked at."""
SIGMAS = tuple(2.0**-k for k in range(1, 11))


def crossing(
    study: Study, name: str, fmt: FloatFormat, nonzero: bool = False, binades: int = 14
) -> float:
    """Return the sigma below which blocks of 8 err more than those of 16."""

    def find() -> float:
        of, steps = DISTRIBUTIONS[name], STEPS[study.deep]
        return last_anomaly(of, SMALL, LARGE, fmt, nonzero=nonzero, binades=binades, steps=steps)

    return study.once(("finer", name, fmt.name, nonzero), find)


def _codes(fmt: FloatFormat) -> Evidence:
    return Evidence("exhaustive", scale_values(fmt).size, f"{fmt.name} scales, in closed form")


def _sigma(x: float) -> str:
    return f"sigma < {x:.4g}" if x else "none"


def f1(study: Study) -> Iterator[Entry]:
    """Judge whether there is such a sigma, for each distribution and for scales of BF16."""
    for name in DISTRIBUTIONS:
        judge = partial(_judge_some, study, name, E4M3, True)
        yield Entry("F1", f"{name}, E4M3 scales, 8 beside 16", "some sigma", judge)
    yield Entry("F1", "normal, where 8 and 16 are equal", "2e-2 (reported)",
                partial(_judge_reported, study))  # fmt: skip
    judge = partial(_judge_some, study, "normal", BF16, True, 1)
    yield Entry("F1", "normal, BF16 scales, 8 beside 16", "some sigma", judge,
                expected=Verdict.FAILS)  # fmt: skip


def _judge_some(
    study: Study, name: str, fmt: FloatFormat, some: bool, binades: int = 14
) -> Finding:
    """Judge whether some sigma has the anomaly, or none; a wide range needs but one binade."""
    found = crossing(study, name, fmt, binades=binades)
    return Finding(
        Verdict.HOLDS if bool(found) == some else Verdict.FAILS,
        _sigma(found),
        evidence=_codes(fmt),
        notes=(
            "absolute: E4M3's least scale is 2^-9; with a tensor scale sigma is in units of it",
        ),
        table=_by_size(name, fmt, found or SIGMAS[0]),
    )


def _by_size(name: str, fmt: FloatFormat, sigma: float) -> Table:
    records = []
    for size in (4, 8, 16, 32, 64):
        found = block_errors(DISTRIBUTIONS[name], sigma, size, fmt)
        records.append({"block": size, "sigma": sigma, "MSE / variance": found.total})
    return Table.of(records)


def _judge_reported(study: Study) -> Finding:
    found = crossing(study, "normal", E4M3)
    return Finding(
        Verdict.HOLDS if abs(found / REPORTED - 1) < 0.1 else Verdict.FAILS,
        f"{found:.4g}",
        found / REPORTED,
        _codes(E4M3),
        notes=(
            "2e-2 as reported of the paper's body, of which only the abstract was at hand; the "
            "script that the authors published for their theory, run once, crosses at 0.0191",
        ),
    )


def f2(study: Study) -> Iterator[Entry]:
    """Judge what the anomaly needs: take away the end of the range, or only scales of zero."""
    for name in DISTRIBUTIONS:
        judge = partial(_judge_some, study, name, WIDE_SCALE, False, 1)
        yield Entry("F2", f"{name}, E4M3's precision without an end of range", "none", judge)
    yield Entry("F2", "the scales that become zero are what does it",
                "gone without", partial(_judge_zero, study), expected=Verdict.FAILS)  # fmt: skip


def _judge_zero(study: Study) -> Finding:
    """Judge whether the anomaly goes away where the least scale stands for zero."""
    with_zero, without = (crossing(study, "normal", E4M3, n) for n in (False, True))
    return Finding(
        Verdict.HOLDS if without == 0 else Verdict.FAILS,
        f"sigma < {without:.6f}, {with_zero:.6f} with",
        evidence=_codes(E4M3),
        notes=("zero scales matter further down: at sigma = 1/256 they have most of the error",),
        table=_by_cause("normal"),
    )


def _by_cause(name: str) -> Table:
    records = []
    for sigma in (2.0**-9, 2.0**-8, 2.0**-7, 2.0**-6, 2.0**-5, 2.0**-4):
        found = block_errors(DISTRIBUTIONS[name], sigma, SMALL, E4M3)
        records.append(
            {"sigma": sigma, "MSE / variance": found.total, "scale zero": found.zero,
             "scale subnormal": found.subnormal, "scale normal": found.normal}
        )  # fmt: skip
    return Table.of(records)


def f3(study: Study) -> Iterator[Entry]:
    """Judge UE5M3 beside a tensor scale, and the ends of both."""
    for name in DISTRIBUTIONS:
        judge = partial(_judge_ue5m3, name)
        yield Entry("F3", f"{name}, sigma 2^-10 to 1/2, block 8", "within 5 %", judge)
    yield Entry("F3", "normal, UE5M3 scales, 8 beside 16", "no anomaly",
                partial(_judge_some, study, "normal", UE5M3, False, 20),
                expected=Verdict.FAILS)  # fmt: skip
    yield Entry("F3", "E4M3 and a tensor scale, normal, amax of 10^6", "no anomaly",
                partial(_judge_tensor_scale, study))  # fmt: skip


def median_amax(of: Distribution, count: int) -> float:
    """Return the median of the largest of so many magnitudes, over sigma."""
    low, high = 0.0, 1e6
    tail = -np.expm1(np.log(0.5) / count)
    for _ in range(100):
        middle = (low + high) / 2
        above = float(of.tails(np.array([middle]))[0][0])
        low, high = (middle, high) if above > tail else (low, middle)
    return low


def _judge_ue5m3(name: str) -> Finding:
    """Judge a tensor of the median amax: no number is larger, and the tensor scale is of it."""
    of = DISTRIBUTIONS[name]
    amax = median_amax(of, TENSOR)
    given, scaled = truncated(of, amax), FULL_SCALE / amax
    other = block_errors(given, scaled, SMALL, E4M3).total
    ratios = [block_errors(given, sigma, SMALL, UE5M3).total / other for sigma in SIGMAS]
    worst = max(ratios, key=lambda ratio: abs(ratio - 1))
    return Finding(
        Verdict.HOLDS if abs(worst - 1) <= 0.05 else Verdict.FAILS,
        f"{worst - 1:+.2%}",
        worst,
        _codes(UE5M3),
        notes=(
            f"the tensor scale makes sigma {scaled:.4g}, for the median amax of {TENSOR:,} numbers",
            f"MSE / variance {other:.4g} with the tensor scale",
        ),
    )


def _judge_tensor_scale(study: Study) -> Finding:
    """Judge a tensor scale by the sigma that it leads to, far above where the anomaly ends."""
    sigma = FULL_SCALE / median_amax(DISTRIBUTIONS["normal"], 10**6)
    end = crossing(study, "normal", E4M3)
    return Finding(
        Verdict.HOLDS if sigma > end else Verdict.FAILS,
        f"sigma {sigma:.4g} of its units",
        evidence=_codes(E4M3),
        notes=(f"the anomaly is back where amax exceeds {FULL_SCALE / end:,.0f} sigma",),
    )


def f4(study: Study) -> Iterator[Entry]:
    """Judge both explanations of the reply."""
    fails = Verdict.FAILS
    judge = partial(_judge_some, study, "uniform", E4M3, False)
    yield Entry("F4", "v1: without tails (uniform)", "no anomaly", judge, expected=fails)
    judge = partial(_judge_tails, study)
    yield Entry("F4", "v1: heavier tails have it at wider sigma", "so", judge, expected=fails)
    for sigma in (REPORTED, 1e-2):
        judge = partial(_judge_subnormal, sigma)
        yield Entry("F4", f"v2: error of subnormal scales, sigma {sigma:g}", "most", judge)


def _judge_tails(study: Study) -> Finding:
    found = {name: crossing(study, name, E4M3) for name in DISTRIBUTIONS}
    rising = all(np.diff(list(found.values())) > 0)
    return Finding(
        Verdict.HOLDS if rising else Verdict.FAILS,
        " > ".join(f"{sigma:.4f}" for sigma in found.values()),
        evidence=_codes(E4M3),
        notes=(f"from {', '.join(found)}",),
    )


def _judge_subnormal(sigma: float) -> Finding:
    shares = {}
    for name, of in DISTRIBUTIONS.items():
        found = block_errors(of, sigma, SMALL, E4M3)
        shares[name] = found.subnormal / found.total
    least = min(shares, key=lambda name: shares[name])
    return Finding(
        Verdict.HOLDS if shares[least] > 0.5 else Verdict.FAILS,
        f"{shares[least]:.1%} ({least})",
        evidence=_codes(E4M3),
        table=_by_cause("normal"),
    )
