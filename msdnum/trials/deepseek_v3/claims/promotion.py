"""Claims D4 and D6: promotion to binary32 after an interval, and a unit of 25 bits without it."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from msdnum import bounds
from msdnum.formats.accumulators import (
    BLACKWELL_FP8,
    HOPPER_FP8,
    HOPPER_FP8_PROMOTED,
    SEQUENTIAL,
    AnyAccumulator,
    Blocks,
)
from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.findings import Evidence, Finding, Table, Verdict, Witness
from msdnum.ledger.trial import Study
from msdnum.trials.deepseek_v3.claims.errors import percent
from msdnum.trials.deepseek_v3.sums import Fp8Sums, K, drawn
from msdnum.trials.deepseek_v3.worst import BELOW, guarantee, worst_sum

__all__ = ["D4", "D6", "INTERVALS", "d4", "d6"]

D4 = Claim("D4", "promotion every 128 products significantly improves precision",
           Verdict.CONDITIONAL)  # fmt: skip
D6 = Claim("D6", "a unit of 25 bits (Blackwell) needs no promotion", Verdict.CONDITIONAL)
INTERVALS = (32, 64, 128, 256, 512, 1024)
INTERVAL = 128
N = {False: 128, True: 512}
SIGNED, POSITIVE = "normal", "uniform on [0, 1]"
COMPONENTWISE = "largest |error| / (|A||B|)"


def _sums(study: Study, name: str, unit: AnyAccumulator) -> Fp8Sums:
    n = N[study.deep]
    make = partial(drawn, name, n, [study.seed, n], unit)
    return study.once(("deepseek_v3", name, unit.name), make)


def _rms(sums: Fp8Sums) -> float:
    return float(np.sqrt(np.mean(sums.error**2) / np.mean(sums.exact**2)))


def _evidence(study: Study, units: int = 1) -> Evidence:
    return Evidence("sampled", units * N[study.deep] ** 2, f"sums of {K} products", study.seed)


def d4(study: Study) -> Iterator[Entry]:
    """Judge what 128 gains, what others gain, what is guaranteed, and what the worst input does."""
    for name in (SIGNED, POSITIVE):
        judge = partial(_judge_gain, study, name)
        yield Entry("D4", f"RMS of the error, {name}", "a tenth or less", judge)
    yield Entry(
        "D4", "no shorter interval has half the error", "none", partial(_judge_shorter, study),
        expected=Verdict.FAILS,
    )  # fmt: skip
    for size in (*INTERVALS, None):
        when = f"promoted every {size}" if size else "never promoted"
        yield Entry(
            "D4", f"the bound on |error| / (|A||B|), {when}",
            f"{percent(float(guarantee(HOPPER_FP8, size)))}",
            partial(_judge_guarantee, study, size), theorem="gemm", on_paper=True,
        )  # fmt: skip


def _unit(size: int | None) -> AnyAccumulator:
    return Blocks(size, HOPPER_FP8) if size else HOPPER_FP8


def _judge_gain(study: Study, name: str) -> Finding:
    errors = {size: _rms(_sums(study, name, _unit(size))) for size in (*INTERVALS, None)}
    ratio = errors[INTERVAL] / errors[None]
    records = [
        {"interval": size or "none", "RMS of error / RMS of C": error}
        for size, error in errors.items()
    ]
    return Finding(
        Verdict.HOLDS if ratio <= 0.1 else Verdict.FAILS,
        f"1/{1 / ratio:.3g}: {percent(errors[INTERVAL])} for {percent(errors[None])}",
        evidence=_evidence(study, len(errors)),
        table=Table.of(records),
    )


def _judge_shorter(study: Study) -> Finding:
    errors = {size: _rms(_sums(study, POSITIVE, _unit(size))) for size in (32, 64, INTERVAL)}
    better = [size for size in (32, 64) if 2 * errors[size] <= errors[INTERVAL]]
    return Finding(
        Verdict.FAILS if better else Verdict.HOLDS,
        f"64: 1/{errors[INTERVAL] / errors[64]:.3g}, 32: 1/{errors[INTERVAL] / errors[32]:.3g}",
        evidence=_evidence(study, len(errors)),
        notes=(f"RMS of the error, {POSITIVE}; what it costs in time is not judged here",),
    )


def _judge_guarantee(study: Study, size: int | None) -> Finding:
    """Judge the bound on random inputs and on the worst that is known."""
    unit, bound = _unit(size), float(guarantee(HOPPER_FP8, size))
    random = max(
        float((np.abs(s.error) / s.magnitude).max())
        for s in (_sums(study, name, unit) for name in (SIGNED, POSITIVE))
    )
    case = worst_sum(unit, size or K)
    worst = float((np.abs(case.error) / case.magnitude).max())
    return Finding(
        Verdict.HOLDS if max(worst, random) <= bound else Verdict.FAILS,
        percent(worst),
        worst / bound,
        Evidence("known case", 1, f"sum of {K} products; beside {2 * N[study.deep] ** 2} drawn"),
        Witness("BF16", (0x4180, 0x3E10), 1),
        (
            f"at random at most {percent(random)}",
            f"16 by 16 first of each {size or K}, then {BELOW[0]} by {BELOW[1]}, all lost",
        ),
    )


def d6(study: Study) -> Iterator[Entry]:
    """Judge a unit of 25 bits that never promotes beside Hopper's that does, and binary32."""
    promise = percent(float(bounds.sequential(K).gamma))
    yield Entry("D6", "its bound, beside that of binary32 in order", promise, _judge_bound)
    for name in (SIGNED, POSITIVE):
        for other, words, expected in (
            (HOPPER_FP8_PROMOTED, "Hopper promoted every 128", Verdict.HOLDS),
            (SEQUENTIAL, "binary32 in order", Verdict.FAILS),
        ):
            judge = partial(_judge_blackwell, study, name, other)
            convention = f"RMS of the error, {name}, beside {words}"
            yield Entry("D6", convention, "no larger", judge, expected=expected)


def _judge_bound() -> Finding:
    own, other = guarantee(BLACKWELL_FP8), bounds.sequential(K).gamma
    return Finding(
        Verdict.HOLDS if own <= other else Verdict.FAILS,
        percent(float(own)),
        own / other,
        Evidence("closed form", 1, f"bounds, K = {K}"),
        notes=("128 truncations of 32 products each, beside 4,095 roundings to nearest",),
    )


def _judge_blackwell(study: Study, name: str, other: AnyAccumulator) -> Finding:
    units = (BLACKWELL_FP8, other, Blocks(INTERVAL, BLACKWELL_FP8))
    own, theirs, promoted = (_rms(_sums(study, name, unit)) for unit in units)
    bias = _sums(study, name, BLACKWELL_FP8).bias
    return Finding(
        Verdict.HOLDS if own <= theirs else Verdict.FAILS,
        f"{own:.3g} for {theirs:.3g}",
        own / theirs,
        _evidence(study, len(units)),
        notes=(f"promoted every 128 it has {promoted:.3g}", f"its bias is {bias:.3g} of C"),
    )
