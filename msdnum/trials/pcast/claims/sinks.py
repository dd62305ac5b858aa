"""Claims P4, P5 and P6: what underflows under an attention sink, and what that costs."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator import elements
from msdnum.emulator.attention.exponential import STATED
from msdnum.formats.elements import E4M3
from msdnum.formats.modes import Overflow
from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.findings import Evidence, Finding, Table, Verdict, Witness
from msdnum.ledger.trial import Study
from msdnum.trials.pcast.errors import HEAD_WIDTH, gains
from msdnum.trials.pcast.sinks import (
    SINKS,
    TILE,
    Order,
    flushed,
    mean_predicted,
    outside,
    predicted,
    scores,
    threshold,
)

__all__ = ["P4", "P5", "P6", "p4", "p5", "p6"]

P4 = Claim(
    "P4",
    "forward order flushes Phi(Delta + delta_k - 6.93 - ln S) of the non-sink weights",
    Verdict.CONDITIONAL,
)
P5 = Claim("P5", "in reverse order with S = 256 no non-sink weight underflows", Verdict.CONDITIONAL)
P6 = Claim("P6", "both make the mean squared error 3 to 10 times smaller", Verdict.CONDITIONAL)
DELTAS = {1: range(4, 10), 256: range(9, 16)}
"""Where the fraction is neither 0 nor 1."""
KEYS, QUERIES = 1024, {False: 64, True: 256}
"""Queries of a run, and of a deep one."""


def _shape(study: Study) -> tuple[int, int]:
    return QUERIES[study.deep], KEYS


def p4(study: Study) -> Iterator[Entry]:
    """Judge the fraction that underflows in forward order."""
    for scale in DELTAS:
        judge = partial(_judge_fraction, study, scale)
        yield Entry("P4", f"emulated, S = {scale}, within 10 % of all weights", "Phi", judge)
    yield Entry(
        "P4", "mean over the largest of four normal scores, within 1 % of all weights", "Phi",
        _judge_mean, expected=Verdict.FAILS,
    )  # fmt: skip
    judge = partial(_judge_threshold, 1)
    yield Entry("P4", "zero from 6.93 below the running maximum, S = 1", "10 ln 2", judge)


def _fraction(study: Study, delta: float, scale: int, order: Order) -> NDArray[np.bool_]:
    """Return which weights of the other keys are zero, drawn for one sink."""
    rng = np.random.default_rng([study.seed, round(delta), scale])
    return flushed(scores(delta, _shape(study), rng), scale, order)


def _judge_fraction(study: Study, scale: int) -> Finding:
    found = {d: float(_fraction(study, d, scale, Order.FORWARD)[:, SINKS:].mean())
             for d in DELTAS[scale]}  # fmt: skip
    off = {d: found[d] - predicted(d, scale) for d in found}
    worst = max(off, key=lambda d: abs(off[d]))
    records = [{"Delta": d, "found": found[d], "Phi": predicted(d, scale)} for d in found]
    return Finding(
        Verdict.HOLDS if abs(off[worst]) <= 0.1 else Verdict.FAILS,
        f"off by {off[worst]:+.3f} at Delta = {worst}",
        evidence=_drawn(study, len(found)),
        notes=("scores are standard normal, the first four Delta higher; the shift is 1",),
        table=Table.of(records),
    )


def _judge_mean() -> Finding:
    """Judge what the formula leaves out: that the sink's largest score varies."""
    deltas = [d / 4 for d in range(61)]
    off = {d: mean_predicted(d, 1) - predicted(d, 1) for d in deltas}
    worst = max(off, key=lambda d: abs(off[d]))
    return Finding(
        Verdict.HOLDS if abs(off[worst]) <= 0.01 else Verdict.FAILS,
        f"off by {off[worst]:+.3f} at Delta = {worst:g}",
        evidence=Evidence("closed form", len(off), "integrals, S = 1; S = 256 only moves Delta"),
    )


def _drawn(study: Study, settings: int) -> Evidence:
    m, n = _shape(study)
    return Evidence("sampled", settings * m * (n - SINKS), "weights", study.seed)


def _judge_threshold(scale: int) -> Finding:
    """Judge every score of binary32 near the threshold, and every BF16 one above it."""
    limit = threshold(scale)
    below = np.arange(_pattern(limit - 0.05), _pattern(limit + 0.05), dtype=np.uint32)
    bf16 = (np.arange(0x8000, 0xC180, dtype=np.uint32) << 16).view(np.float32)
    x = np.concatenate([bf16, -below.view(np.float32)])
    p = STATED.function(x) * np.float32(scale)
    zero = elements.encode(p, E4M3, overflow=Overflow.SATURATE) == 0
    nearest = x[zero].max()
    wrong = (zero & (x > -limit + 1e-5)) | (~zero & (x < -limit - 1e-5))
    return Finding(
        Verdict.FAILS if wrong.any() else Verdict.HOLDS,
        f"{-float(nearest):.4f}",
        evidence=Evidence("exhaustive", x.size, "scores: all of BF16 to -16, binary32 beside it"),
        witness=Witness("BINARY32", (int(nearest.view(np.uint32)),), 0),
        notes=(f"exactly: P up to 2^-10/S becomes zero, {limit:.6f} below the running maximum",),
    )


def _pattern(x: float) -> int:
    return int(np.float32(x).view(np.uint32))


def p5(study: Study) -> Iterator[Entry]:
    """Judge the guarantee under each reading of it."""
    fails = Verdict.FAILS
    for convention, scale, all_keys, expected in (
        ("normal scores, keys outside the sink's tile", 256, False, Verdict.HOLDS),
        ("normal scores, every key but the sink", 256, True, fails),
        ("outside the sink's tile, S = 1", 1, False, fails),
    ):
        judge = partial(_judge_reverse, study, scale, all_keys)
        yield Entry("P5", convention, "0 underflow", judge, expected=expected)
    judge = partial(_judge_threshold, 256)
    yield Entry("P5", "scores at most 12.47 below the running maximum", "0 underflow", judge)
    convention = "scores 0, but that of the last key 13"
    yield Entry("P5", convention, "0 underflow", _judge_late_key, expected=fails)


def _judge_reverse(study: Study, scale: int, all_keys: bool) -> Finding:
    zero = [_fraction(study, d, scale, Order.REVERSE) for d in DELTAS[256]]
    judged = [z[:, SINKS:] if all_keys else outside(z) for z in zero]
    count, total = sum(int(z.sum()) for z in judged), sum(z.size for z in judged)
    inside = sum(int(z[:, SINKS:TILE].sum()) for z in zero)
    witness = _lost_score(study, zero[0], scale) if inside and all_keys else None
    return Finding(
        Verdict.HOLDS if count == 0 else Verdict.FAILS,
        f"{count:,} of {total:,}",
        evidence=Evidence("sampled", total, "weights", study.seed),
        witness=witness,
        notes=(f"{inside:,} in the sink's own tile, where the maximum is the sink's",),
    )


def _lost_score(study: Study, zero: NDArray[np.bool_], scale: int) -> Witness | None:
    """Return the scores of a query's first tile, and which of them has lost its weight."""
    rng = np.random.default_rng([study.seed, DELTAS[256][0], scale])
    given = scores(DELTAS[256][0], _shape(study), rng)
    rows, keys = np.nonzero(zero[:, :TILE])
    if not rows.size:
        return None
    tile = given[rows[0], :TILE].view(np.uint32)
    return Witness("BINARY32", tuple(int(x) for x in tile), int(keys[0]))


def _judge_late_key() -> Finding:
    """Visit a last key that outweighs the others first: reverse order has made it a sink."""
    given = np.zeros((1, 2 * TILE), np.float32)
    given[0, -1] = 13
    count = int(flushed(given, 256, Order.REVERSE).sum())
    return Finding(
        Verdict.FAILS if count else Verdict.HOLDS,
        f"{count} of {given.size}",
        evidence=Evidence("known case", 1, "row of scores, the last 13, the others 0"),
        witness=Witness("BINARY32", tuple(int(x) for x in given[0].view(np.uint32)), 0),
    )


def p6(study: Study) -> Iterator[Entry]:
    """Judge the gain of either remedy and of both, by the values of the sink and the length."""
    for null, keys, name, expected in (
        (False, 1024, "both", Verdict.FAILS),
        (False, 4096, "reverse", Verdict.HOLDS),
        (False, 4096, "S = 256", Verdict.HOLDS),
        (False, 4096, "both", Verdict.HOLDS),
        (True, 1024, "S = 256", Verdict.FAILS),
        (True, 1024, "both", Verdict.FAILS),
    ):
        convention = f"{name}, {keys} keys, sink's values {'0' if null else 'like the others'}"
        judge = partial(_judge_gain, study, null, keys, name)
        yield Entry("P6", convention, "largest gain 3 to 10", judge, expected=expected)


def _judge_gain(study: Study, null: bool, keys: int, name: str) -> Finding:
    """Judge the largest gain over the strengths of the sink: which is moderate is not said."""
    shape = (QUERIES[study.deep], keys)
    found = study.once(("pcast gains", null, keys), lambda: gains(shape, null, study.seed))
    best = max(found, key=lambda row: row[name])
    return Finding(
        Verdict.HOLDS if 3 <= best[name] <= 10 else Verdict.FAILS,
        f"{best[name]:.3g} at Delta = {best['Delta']}",
        evidence=Evidence("sampled", len(found) * HEAD_WIDTH * shape[0], "outputs", study.seed),
        table=Table.of(found),
    )
