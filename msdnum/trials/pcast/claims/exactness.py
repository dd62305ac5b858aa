"""Claim P2: whether a multiplication by S rounds, and whether that changes what P becomes."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator import elements
from msdnum.formats.elements import E4M3
from msdnum.formats.modes import Overflow
from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.findings import Evidence, Finding, Verdict, Witness
from msdnum.ledger.trial import Study
from msdnum.trials.pcast.scales import PATTERN_OF_ONE, STATIC, weights

__all__ = ["NEIGHBOURS", "P2", "midpoints", "near_midpoints", "p2"]

P2 = Claim("P2", "scaling by 256 is exact, scaling by 448 is not", Verdict.CONDITIONAL)
NEIGHBOURS = 8
"""Numbers of binary32 on each side of where a product crosses a midpoint: it crosses within one."""


def p2(study: Study) -> Iterator[Entry]:
    """Products in binary32 of P in BF16 and of P in binary32, and the codes they lead to."""
    fails = Verdict.FAILS
    for convention, scale, promised, judge, expected in (
        ("P in binary32, S = 256", 256, "exact", _judge_binary32, Verdict.HOLDS),
        ("P in binary32, S = 448", 448, "not exact", _judge_binary32, Verdict.HOLDS),
        ("P in BF16, S = 256", 256, "exact", _judge_bf16, Verdict.HOLDS),
        ("P in BF16, S = 448", 448, "not exact", _judge_bf16, fails),
        ("codes, P in binary32, S = 256", 256, "none changes", _judge_codes, Verdict.HOLDS),
        ("codes, P in binary32, S = 448", 448, "some change", _judge_codes, Verdict.HOLDS),
    ):
        yield Entry("P2", convention, promised, partial(judge, scale), expected=expected)


def _judge_bf16(scale: float) -> Finding:
    p = weights().astype(np.float32)
    inexact = p * np.float32(scale) != p.astype(np.float64) * scale
    return _finding(scale, inexact, p, Evidence("exhaustive", PATTERN_OF_ONE, "P in BF16"))


def _judge_binary32(scale: float) -> Finding:
    """Judge one binade: every other normal one is this one times a power of two."""
    p = np.arange(0x3F000000, 0x3F800000, dtype=np.uint32).view(np.float32)
    inexact = p * np.float32(scale) != p.astype(np.float64) * scale
    evidence = Evidence("exhaustive", p.size, "P of binary32 in [1/2, 1)")
    return _finding(scale, inexact, p, evidence)


def _finding(
    scale: float, inexact: NDArray[np.bool_], p: NDArray[np.float32], evidence: Evidence
) -> Finding:
    """Judge 256 by having no such P, 448 by having some."""
    count = int(inexact.sum())
    witness = None
    if count:
        witness = Witness("BINARY32", (int(p[inexact][0].view(np.uint32)),), 0)
    return Finding(
        Verdict.HOLDS if (count == 0) == (scale == STATIC) else Verdict.FAILS,
        f"{count:,} of {inexact.size:,}",
        evidence=evidence,
        witness=witness,
    )


def midpoints() -> NDArray[np.float64]:
    """Return what lies halfway between neighbouring E4M3 numbers from zero on."""
    numbers = np.array([E4M3.value(code) for code in range(E4M3.max_code + 1)])
    middle: NDArray[np.float64] = (numbers[1:] + numbers[:-1]) / 2
    return middle


def near_midpoints(scale: float) -> NDArray[np.float32]:
    """Return the P of binary32 in (0, 1] whose products can round across a midpoint."""
    nearest = (midpoints() / scale).astype(np.float32).view(np.int32)
    patterns = nearest[:, None] + np.arange(-NEIGHBOURS, NEIGHBOURS + 1)
    p: NDArray[np.float32] = patterns.astype(np.int32).view(np.float32).ravel()
    return p[p <= 1]


def _judge_codes(scale: float) -> Finding:
    """Compare codes of rounded and of exact products; both are monotone in P."""
    p = near_midpoints(scale)
    rounded = elements.encode(p * np.float32(scale), E4M3, overflow=Overflow.SATURATE)
    exact = elements.encode(p.astype(np.float64) * scale, E4M3, overflow=Overflow.SATURATE)
    evidence = Evidence("exhaustive", p.size, "P of binary32 beside all midpoints of E4M3")
    return _finding(scale, rounded != exact, p, evidence)
