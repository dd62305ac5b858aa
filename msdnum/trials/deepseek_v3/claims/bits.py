"""Claims D2 and D5: how many bits a sum keeps, and how many it would need."""

from collections.abc import Iterator
from functools import partial

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import HOPPER_FP8, HOPPER_MMA_FP8, AnyAccumulator
from msdnum.formats.elements import E4M3, E5M2, FloatFormat
from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.findings import Evidence, Finding, Verdict, Witness
from msdnum.ledger.trial import Study
from msdnum.trials.deepseek_v3.alignment import (
    INSTRUCTION,
    Alignment,
    last_bit_of_a_cancelled_sum,
    one_sign,
)
from msdnum.trials.deepseek_v3.claims.errors import draws
from msdnum.trials.deepseek_v3.sums import drawn

__all__ = ["D2", "D5", "d2", "d5", "significant_bits"]

D2 = Claim("D2", "FP8 products are added with around 14 bits on H800 GPUs", Verdict.CONDITIONAL)
D5 = Claim(
    "D5",
    "to add 32 FP8 products with a precise binary32 result takes at least 34 bits",
    Verdict.CONDITIONAL,
)
PROMISED_BITS, PROMISED_ALIGNMENT = 14, 34
SMALL = (16, 8)
"""Rows and columns of a reader's test, whose k is 32."""


def d2(study: Study) -> Iterator[Entry]:
    """Judge the bits of a result, what counts beside a product, and a reader's objection."""
    yield Entry("D2", "bits of a sum, wgmma", "14", partial(_judge_result, study))
    yield Entry("D2", "power of two that counts beside 1, wgmma", "2^-13", _judge_alignment)
    yield Entry(
        "D2", "16x32 by 32x8 through mma.sync on sm_90 (issue 197)", "14",
        partial(_judge_small, study), expected=Verdict.FAILS,
    )  # fmt: skip


def significant_bits(x: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return from the first to the last bit that is set, 0 for a zero."""
    integers = np.ldexp(np.frexp(x.astype(np.float64))[0], 24).astype(np.int64)
    trailing = np.log2((integers & -integers).clip(1)).astype(np.int64)
    return np.where(integers == 0, 0, 24 - trailing)


def _judge_result(study: Study) -> Finding:
    found = draws(study, "normal")
    most = max(int(significant_bits(sums.found).max()) for sums in found)
    return Finding(
        Verdict.HOLDS if most == PROMISED_BITS else Verdict.FAILS,
        str(most),
        most / PROMISED_BITS,
        Evidence("sampled", sum(s.found.size for s in found), "sums", study.seed),
        notes=(
            "the same register is FP22 where sign and exponent are counted: 1 + 8 + 13 bits",
            "the unit is MMA-Sim's, which 20,000 recorded results of H100 and H200 confirm: "
            "msdnum recorded",
        ),
    )


def _judge_alignment() -> Finding:
    """Add 1 and a power of two: the least that changes the sum."""
    counts = [k for k in range(1, 19) if _beside_one(k) != 1]
    return Finding(
        Verdict.HOLDS if max(counts) == PROMISED_BITS - 1 else Verdict.FAILS,
        f"2^-{max(counts)}",
        evidence=Evidence("exhaustive", 18, "powers of two from 2^-1 to 2^-18, beside 1"),
        notes=("a product up to 4 has two bits before the point: 14 bits, or 15 from 2 on",),
    )


def _beside_one(k: int) -> float:
    a, b = (np.zeros((1, INSTRUCTION), np.float32) for _ in range(2))
    a[0, :2], b[0, :2] = (1, 2.0 ** -(k // 2)), (1, 2.0 ** -(k - k // 2))
    left, right = (x.astype(ml_dtypes.float8_e4m3fn) for x in (a, b.T.copy()))
    return float(matmul(left, right, accumulator=HOPPER_FP8)[0, 0])


def _judge_small(study: Study) -> Finding:
    """Compare both instructions with binary32, in units in its last place."""
    worst = {unit.name: _ulps(study, unit) for unit in (HOPPER_MMA_FP8, HOPPER_FP8)}
    mma, wgmma = worst.values()
    return Finding(
        Verdict.HOLDS if mma >= 2 ** (23 - PROMISED_BITS) else Verdict.FAILS,
        f"off by {mma:.3g} ulp, wgmma by {wgmma:,.0f}",
        evidence=Evidence("sampled", 100 * SMALL[0] * SMALL[1], "sums of 32 products", study.seed),
        notes=(
            "of binary32 at the sum of magnitudes; 14 bits leave up to 1,024",
            "on sm_90 mma.sync adds FP8 products in the unit of FP16, of 25 bits, as recorded "
            "results say: who probes it does not see what wgmma does",
        ),
    )


def _ulps(study: Study, unit: AnyAccumulator) -> float:
    """Return the largest error in ulps of binary32, at the sum of magnitudes."""
    worst = 0.0
    for i in range(100):
        sums = drawn("normal", SMALL[0], [study.seed, i], unit, k=INSTRUCTION)
        ulp = 2.0 ** (np.frexp(sums.magnitude)[1] - 24)
        worst = max(worst, float((np.abs(sums.error) / ulp)[:, : SMALL[1]].max()))
    return worst


def d5(study: Study) -> Iterator[Entry]:
    """Judge by what "bits", "FP8" and "precise" may mean."""
    fails = Verdict.FAILS
    yield Entry("D5", "no product is truncated, E4M3 by E4M3", "34", partial(_judge_exact, E4M3))
    yield Entry("D5", "33 are too few: 256^2 - 256^2 + 2^-18", "34", _judge_cancelled)
    for fmt, other in ((E4M3, E5M2), (E5M2, E5M2)):
        convention = f"no product is truncated, {fmt.name} by {other.name}"
        judge = partial(_judge_exact, other, fmt)
        yield Entry("D5", convention, "34", judge, expected=fails)
    yield Entry(
        "D5", "the register: with carries and a sign, E4M3 by E4M3", "34", _judge_register,
        expected=fails,
    )  # fmt: skip
    yield Entry(
        "D5", "alignment loses less than an ulp, one sign", "34", _judge_one_sign, expected=fails
    )


def _judge_exact(right: FloatFormat, left: FloatFormat | None = None) -> Finding:
    found = Alignment.of(left or right, right)
    bits = found.fraction_bits
    return Finding(
        Verdict.HOLDS if bits == PROMISED_ALIGNMENT else Verdict.FAILS,
        str(bits),
        bits / PROMISED_ALIGNMENT,
        Evidence("exhaustive", found.products, "products of positive elements"),
        notes=(
            f"below the largest exponent, 2^{found.largest}: all products are multiples of "
            f"2^{found.least}",
        ),
    )


def _judge_cancelled() -> Finding:
    least = min(f for f in range(25, 41) if last_bit_of_a_cancelled_sum(f) == 2.0**-18)
    witness = tuple(int(np.float32(x).view(np.uint32) >> 16) for x in (256, -256, 2.0**-9))
    return Finding(
        Verdict.HOLDS if least == PROMISED_ALIGNMENT else Verdict.FAILS,
        str(least),
        evidence=Evidence("known case", 16, "units of 25 to 40 bits, one sum"),
        witness=Witness("BF16", witness, 2),
        notes=("the other factors are 256, 256 and 2^-9; with fewer bits the sum is 0",),
    )


def _judge_register() -> Finding:
    found = Alignment.of(E4M3, E4M3)
    return Finding(
        Verdict.HOLDS if found.register == PROMISED_ALIGNMENT else Verdict.FAILS,
        str(found.register),
        found.register / PROMISED_ALIGNMENT,
        Evidence("closed form", 1, "34 and 2 before the point, 5 of carries, 1 of the sign"),
    )


def _judge_one_sign() -> Finding:
    """Judge sums without cancellation: 31 products lose less than 2^-F each, of at least 1."""
    losses = {bits: one_sign(bits) for bits in range(25, 29)}
    least = min(bits for bits, loss in losses.items() if loss < 1)
    return Finding(
        Verdict.HOLDS if least == PROMISED_ALIGNMENT else Verdict.FAILS,
        str(least),
        least / PROMISED_ALIGNMENT,
        Evidence("known case", len(losses), "units, 2^16 and 31 products that vanish"),
        notes=(
            f"with 28 bits no sum loses 31 2^-28, 31/32 of an ulp; here {float(losses[28]):.3g}, "
            f"with 27 bits {float(losses[27]):.3g} ulp",
        ),
    )
