"""Judge the theorems on products: emulated GEMM and attention against exact references."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from msdnum import bounds
from msdnum.bounds.sums import Accumulation
from msdnum.emulator.blocks import quantize
from msdnum.emulator.decompositions import decompose_terms
from msdnum.emulator.gemm.products import Addition, Recombination, matmul, transposed
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.evidence.product_bounds import Right, theorem_gemm
from msdnum.evidence.product_roundings import sum_underflow
from msdnum.evidence.promises import coverings
from msdnum.evidence.running_bounds import running_product
from msdnum.formats.accumulators import EXACT, HOPPER, INT32, SEQUENTIAL, Accumulator
from msdnum.formats.blocks import INT4_GROUP, INT8_ROW, MXFP4, BlockFormat
from msdnum.formats.elements import E8M0
from msdnum.formats.schemes import INT8_X2_FLOAT32, MXFP4_X2, Scheme
from msdnum.inputs import families
from msdnum.ledger.findings import Evidence, Finding, Verdict

__all__ = [
    "GEMM_CASES", "GemmCase", "judge_attention", "judge_int32_overflow", "judge_int32_threshold",
    "judge_running",
]  # fmt: skip

Array = NDArray[np.float32]
Floats = NDArray[np.float64]

ROWS, COLUMNS, K = 32, 32, 256
CHAINED = Recombination(addition=Addition.CHAINED)
BLOCK = 32


@dataclass(frozen=True)
class GemmCase:
    """A decomposed activation times a quantized weight, accumulated in a stated way.

    Parameters
    ----------
    name : str
        Formats and accumulation in words.
    scheme : Scheme
        Of the activation.
    weight : BlockFormat
        Of the weight; a binary32 scale is shared by all of k.
    accumulator : Accumulator
        What the products are added into.
    recombination : Recombination
        How terms become one.
    residuals : tuple of Fraction
        Bound on the remainder after each term, relative to the range of a block.
    accumulation : callable
        From the number of products of an entry, those of all terms, to their roundings.
    worst : tuple of float
        An element and its amax of which the scheme leaves the most.
    """

    name: str
    scheme: Scheme
    weight: BlockFormat
    accumulator: Accumulator
    recombination: Recombination
    residuals: tuple[Fraction, ...]
    accumulation: Callable[[int], Accumulation]
    worst: tuple[float, float]

    def judge(self, seed: int) -> Finding:
        """Multiply samples of three input families, and a row of the worst remainders.

        At random, remainders have either sign and cancel: those show what to expect, the row of
        remainders that all have the signs of their weights shows that the bound is tight.
        """
        rng = np.random.default_rng(seed)
        found = []
        for name in ("normal", "outlier_per_block", "ill_conditioned"):
            x = families.family(name).generate((ROWS, K), rng=rng)
            w = families.family("normal").generate((COLUMNS, K), rng=rng)
            found.append((self.ratio(x, w), name))
        ratio, name = max(found)
        evidence = Evidence("sampled", len(found) * ROWS * COLUMNS, f"entries, k = {K}", seed)
        notes = (
            f"worst on remainders of the signs of their weights, k = {BLOCK}",
            f"at random they cancel: {ratio:.3g} on {name}",
        )
        return _finding(max(ratio, self.worst_ratio()), evidence, *notes)

    def worst_ratio(self) -> float:
        """Return the ratio where every remainder is the worst and of the sign of its weight."""
        x, amax = self.worst
        w = np.where(np.arange(BLOCK) % 3, 1, -1).astype(np.float32)
        row = w * np.float32(x)
        row[0], w[0] = amax, 0
        return self.ratio(row[np.newaxis], w[np.newaxis])

    def ratio(self, x: Array, w: Array) -> float:
        """Return the largest ratio of error to bound of ``x @ w.T``."""
        error, product, span = self.measured(x, w)
        n = x.shape[1] * self.scheme.terms
        adding = self.accumulation(n)
        if adding.nearest:
            bound = bounds.gemm(self.residuals, adding)
            promised = float(bound.product) * product + float(bound.amax) * span
        else:
            # A product can be below the power of two that it is aligned to: the whole entry.
            right = Right.of(transposed(_quantized(w, self.weight)))
            whole = replace(adding, underflow=sum_underflow(self.accumulator, n))
            promised = theorem_gemm(x, self.scheme, right, whole)
        return float((error / promised).max())

    def measured(self, x: Array, w: Array) -> tuple[Floats, Floats, Floats]:
        """Return errors, ``|A||B|`` and ``sum_k a_ik |B_kj|``, correctly rounded."""
        from msdnum import exact

        quantized = _quantized(w, self.weight)
        terms = decompose_terms(x, self.scheme)
        c = matmul(
            terms,
            transposed(quantized),
            accumulator=self.accumulator,
            recombination=self.recombination,
        )
        b, scales = _exactly(quantized)
        span = _ranges(x, self.scheme)
        return (
            np.abs(exact.product(x, b, column_scales=scales).minus(c).to_float64()),
            exact.absolute_product(x, b, column_scales=scales).to_float64(),
            exact.absolute_product(span, b, column_scales=scales).to_float64(),
        )

    def two_norm(self, x: Array, w: Array) -> Floats:
        """Return ``||(a_ik B_kj)_k||_2`` of every entry."""
        weight = np.abs(_exactly(_quantized(w, self.weight))[0])
        norm: Floats = np.sqrt(_ranges(x, self.scheme) ** 2 @ weight**2)
        return norm


def _finding(ratio: float, evidence: Evidence, *notes: str) -> Finding:
    verdict = Verdict.HOLDS if ratio <= 1 else Verdict.FAILS
    return Finding(verdict, f"{ratio:.3g} of it", ratio, evidence, notes=notes)


def _quantized(w: Array, fmt: BlockFormat) -> QuantizedArray:
    return quantize(w, fmt, block_size=None if fmt.scale == E8M0 else w.shape[1])


def _exactly(w: QuantizedArray) -> tuple[Floats, Sequence[Fraction] | None]:
    """Return a weight as a matrix (k, n) and factors of its columns: no product is rounded."""
    if w.format.scale == E8M0:
        return w.dequantize().T.astype(np.float64), None
    return w.integers().T.astype(np.float64), [Fraction(float(s)) for s in w.scales().ravel()]


def _ranges(x: Array, scheme: Scheme) -> Floats:
    """Return alpha, or M, of the block of every element."""
    size = scheme.formats[0].block_size or x.shape[1]
    amax = np.abs(x.reshape(len(x), -1, size)).max(axis=-1).astype(np.float64)
    if scheme.formats[0].scale == E8M0:
        amax = coverings(amax)
    return np.repeat(amax, size, axis=1)


MXFP4_RESIDUALS = (bounds.mxfp4_decomposition(1, 1), bounds.mxfp4_decomposition(1, 2))
INT8_RESIDUALS = (
    bounds.int8_decomposition_float32(1, 1),
    bounds.int8_decomposition_float32(1, 2),
)

MXFP4_WORST = (37 / 64, 1.0)
INT8_WORST = (1.40625, 1.875)

GEMM_CASES = (
    GemmCase(
        "MXFP4 x2 by MXFP4, sums exact",
        MXFP4_X2, MXFP4, EXACT, CHAINED, MXFP4_RESIDUALS, lambda n: Accumulation(1), MXFP4_WORST,
    ),
    GemmCase(
        "MXFP4 x2 by MXFP4, binary32 in order",
        MXFP4_X2, MXFP4, SEQUENTIAL, CHAINED, MXFP4_RESIDUALS, bounds.sequential, MXFP4_WORST,
    ),
    GemmCase(
        "MXFP4 x2 by MXFP4, Hopper's unit",
        MXFP4_X2, MXFP4, HOPPER, CHAINED, MXFP4_RESIDUALS,
        lambda n: bounds.matrix_unit(n, HOPPER.group, HOPPER.fraction_bits), MXFP4_WORST,
    ),
    *(
        GemmCase(
            f"INT8 x2 by INT{weight.element.bits}, {sums}",
            INT8_X2_FLOAT32, weight, accumulator, Recombination(), INT8_RESIDUALS, roundings,
            INT8_WORST,
        )
        for weight in (INT8_ROW, INT4_GROUP)
        for sums, accumulator, roundings in (
            ("sums exact", EXACT, lambda n: bounds.int32(2)),
            ("int32", INT32, lambda n: bounds.int32(2)),
            # In each term n/2 products in order, two scales; then one addition.
            ("binary32 in order", SEQUENTIAL, lambda n: Accumulation(n // 2 + 2)),
        )
    ),
)  # fmt: skip


def judge_running(seed: int) -> Finding:
    """Bound products along their way, and compare them and the bounds of theorem gemm with that.

    Beside the samples two numbers, 1 and 2**-24, whose sum is a tie: their bound is met.
    """
    from msdnum.evidence.products import Product, decomposed

    rng = np.random.default_rng(seed)
    ratios, tighter = [], []
    for name in ("normal", "outlier_per_block", "ill_conditioned"):
        for case in GEMM_CASES[1], GEMM_CASES[4]:
            x = families.family(name).generate((ROWS, K), rng=rng)
            w = transposed(_quantized(rng.standard_normal((COLUMNS, K), np.float32), case.weight))
            given = Product.of(x, w)
            found = running_product(x, case.scheme, w, case.accumulator)
            before = decomposed(case.scheme)(given, case.accumulator)
            error = np.abs(found.product - given.product)
            ratios.append(float((error / found.bound).max()))
            tighter.append(float(np.median(before.bound / found.bound)))
    tie, ones = np.array([[1, 2.0**-24]], np.float32), np.ones((2, 1), np.float32)
    found = running_product(tie, None, ones, SEQUENTIAL)
    met = float((tie.sum(dtype=np.float64) - found.product)[0, 0] / found.bound[0, 0])
    evidence = Evidence("sampled", len(ratios) * ROWS * COLUMNS, f"entries, k = {K}", seed)
    notes = (
        f"at random {max(ratios):.3g}; met by one rounding",
        f"{min(tighter):.2g} to {max(tighter):.2g} times below the bound of theorem gemm",
    )
    return _finding(max(met, *ratios), evidence, *notes)


def judge_int32_overflow() -> Finding:
    """Find the largest K at which the emulator takes full INT8 digits, and what K more would do."""
    k = bounds.int32_overflow()
    taken, refused = _takes(k), not _takes(k + 1)
    largest = 127 * 127 * k
    fits = largest < 2**31 <= largest + 127 * 127
    return Finding(
        Verdict.HOLDS if taken and refused and fits else Verdict.FAILS,
        f"K = {k:,}" if taken and refused else "another K",
        Fraction(1) if fits else None,
        Evidence("exhaustive", 2, "lengths, all digits 127"),
        notes=(f"K = {k + 1:,} is refused" if refused else f"K = {k + 1:,} is taken",),
    )


def judge_int32_threshold(max_a: int, max_b: int) -> Finding:
    """Compare the largest K for digits of these magnitudes with what int32 holds."""
    k, product = bounds.int32_overflow(max_a, max_b), max_a * max_b
    fits = k * product < 2**31 <= (k + 1) * product
    return Finding(
        Verdict.HOLDS if fits else Verdict.FAILS,
        f"K = {k:,}",
        Fraction(k * product, 2**31 - 1),
        Evidence("closed form", 2, "sums of the largest products"),
    )


def _takes(k: int) -> bool:
    """Return whether the emulator takes length k, and its sum is right."""
    x = quantize(np.full((1, k), 127, np.float32), INT8_ROW)
    try:
        c = matmul(x, transposed(x), accumulator=INT32)
    except ValueError:
        return False
    return float(c[0, 0]) == float(np.float32(127 * 127 * k))


def judge_attention(seed: int) -> Finding:
    """Decompose softmax weights in MXFP4 and compare the output with that of exact weights.

    Scores are multiples of 1/64, so that the differences to their maximum are exact; ``np.exp``
    in binary32 is taken to be right to 2**-22. Beside the sample, a row whose remainders are all
    the worst: one weight of 1 and a block of weights 37/64.
    """
    queries, keys, width = 64, 128, 16
    rng = np.random.default_rng(seed)
    scores = np.round(rng.normal(0, 3, (queries, keys)) * 64) / 64
    v = rng.integers(-127, 128, (keys, width)).astype(np.float32)
    sampled = _attention_ratio(scores, v)
    hostile = np.full((1, 2 * BLOCK), -64.0)
    hostile[0, 0], hostile[0, BLOCK:] = 0, np.float32(np.log(37 / 64))
    seen = (np.arange(2 * BLOCK) >= BLOCK).astype(np.float32)[:, np.newaxis]
    ratio = max(sampled, _attention_ratio(hostile, seen))
    evidence = Evidence("sampled", queries * width, f"outputs, {keys} keys", seed)
    notes = ("worst on a block of weights 37/64", f"at random remainders cancel: {sampled:.3g}")
    return _finding(ratio, evidence, *notes)


def _attention_ratio(scores: Floats, v: Array) -> float:
    """Return the largest ratio of error to bound of the outputs of these scores and values."""
    queries, keys = scores.shape
    shifted = (scores - scores.max(axis=1, keepdims=True)).astype(np.float32)
    weights = np.exp(shifted)
    terms = decompose_terms(weights, MXFP4_X2)
    sums = matmul(terms, v, accumulator=SEQUENTIAL)
    total = np.add.accumulate(weights, axis=1, dtype=np.float32)[:, -1:]
    p = np.exp(shifted.astype(np.float64))
    p /= p.sum(axis=1, keepdims=True)
    error = np.abs(sums / total - p @ v)
    bound = bounds.attention(
        0.0,
        [bounds.mxfp4_scale_rules(MXFP4_X2.formats[0].rule, n).amax for n in (1, 2)],
        bounds.sequential(2 * keys),
        exp_error=2.0**-22,
    )
    largest = np.repeat(p.reshape(queries, -1, BLOCK).max(axis=-1), BLOCK, axis=1)
    promised = bound.weighted * (p @ np.abs(v)) + bound.block * (largest @ np.abs(v))
    promised += bound.spread * np.ptp(v, axis=0)
    return float((error / promised).max())
