"""Rows on mpmath: NumPy, JAX and JAX under jit beside its decompositions, products and attention.

mpmath computes with so many bits that nothing it is asked here is rounded where it could be seen.
It takes milliseconds for each number: larger products are held against FLINT's rationals.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum import errors
from msdnum.emulator import backend
from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.methods import FLOAT32_FLASH
from msdnum.emulator.blocks import quantize
from msdnum.emulator.decompositions import decompose_terms
from msdnum.emulator.gemm.products import Addition, Recombination, Scaling, matmul
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.evidence.attention_bounds import attention_bound
from msdnum.evidence.attentions import DECOMPOSING, Head, drawn
from msdnum.evidence.product_bounds import exact_values
from msdnum.formats.accumulators import INT32, SEQUENTIAL
from msdnum.formats.blocks import INT8_ROW, MXFP4, MXFP8_E4M3, BlockFormat
from msdnum.formats.elements import BF16, BINARY32, E8M0, FP16
from msdnum.formats.modes import Arithmetic
from msdnum.formats.schemes import INT8_X2, INT8_X2_FLOAT32, MXFP4_X2, MXFP8_X2, SCHEMES, Scheme
from msdnum.inputs import families
from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.findings import Evidence, Finding, Table, Verdict, not_run
from msdnum.ledger.trial import Study

__all__ = ["MPMATH", "mpmath_references"]

MPMATH = Claim(
    "mpmath", "NumPy, JAX and JAX under jit give one result, and mpmath says how far off it is"
)

Array: TypeAlias = NDArray[np.float32]
Terms: TypeAlias = Sequence[QuantizedArray]

UNDER_JIT = "JAX under jit"
WAYS = "JAX", UNDER_JIT
"""How else than in NumPy each is computed."""
PRECISION = 256
"""Bits of mpmath's numbers."""
FAMILIES = ("normal", "log_uniform_40", "outlier_per_block")
ROWS = 4
OTHER_ARITHMETIC = Fraction(2)
"""How many units of the last digit schemes in binary32 may be off by: two roundings of a digit."""
PRODUCTS: dict[Scheme, BlockFormat] = {
    INT8_X2: INT8_ROW,
    INT8_X2_FLOAT32: INT8_ROW,
    MXFP4_X2: MXFP4,
    MXFP8_X2: MXFP8_E4M3,
}
"""Schemes of the left side, each with its weight."""
SHAPE = (4, 64, 4)
HEAD = (2, 40, 32)
FLINT = "larger products are held against FLINT's rationals, claim bounds: mpmath takes too long"


def mpmath_references(study: Study) -> Iterator[Entry]:
    """Judge every scheme, products with each recombination, and attention over each cache."""
    for scheme in SCHEMES.values():
        promise = "equal" if scheme.arithmetic is Arithmetic.EXACT else "2 of the last digit"
        judge = partial(_guarded, _judge_scheme, scheme, study.seed)
        yield Entry("mpmath", f"mp_decompose, {scheme.name}", promise, judge)
    for scheme, weight in PRODUCTS.items():
        convention = f"mp_gemm, {scheme.name} by {weight.name}"
        ways = _ways(study, scheme is INT8_X2_FLOAT32)
        judge = partial(_guarded, _judge_products, scheme, weight, study.seed, ways)
        yield Entry("mpmath", convention, "its roundings", judge)
    for cache in DECOMPOSING:
        ways = _ways(study, cache == "MXFP4")
        judge = partial(_guarded, _judge_attention, cache, study.seed, ways)
        yield Entry("mpmath", f"mp_attention, {cache} cache", "theorem attention", judge)


def _ways(study: Study, chosen: bool) -> tuple[str, ...]:
    """Return the ways to compute what takes seconds to compile: all, one or none."""
    return WAYS if study.deep else (UNDER_JIT,) if chosen else ()


def _guarded(judge: Callable[..., Finding], *given: Any) -> Finding:
    try:
        return judge(*given)
    except ModuleNotFoundError as error:
        return not_run(error)


def _on_jax(x: Any) -> Any:
    import jax
    import jax.numpy as jnp

    backend.register_pytrees()
    return jax.tree.map(jnp.asarray, x)


@dataclass(frozen=True)
class Agreement:
    """How many arrays are not NumPy's bits by other ways of computing them.

    Parameters
    ----------
    ways : tuple of str
        Those tried, of ``WAYS``.
    differ : int
        Arrays with other bits.
    """

    ways: tuple[str, ...]
    differ: int

    def __str__(self) -> str:
        """Return what was compared, how it came out, and what --deep compares."""
        bits = f"{self.differ} arrays differ" if self.differ else "the same bits"
        found = f"NumPy, {' and '.join(self.ways)}: {bits}" if self.ways else "NumPy"
        left = [way for way in WAYS if way not in self.ways]
        return f"{found}; {' and '.join(left)} beside it with --deep" if left else found


def _agreement(
    function: Callable[..., Any], *given: Any, ways: tuple[str, ...] = WAYS
) -> tuple[Any, Agreement]:
    """Return what NumPy gives, and how others agree with it: each compiles, some for seconds."""
    ours = function(*given)
    if not ways:
        return ours, Agreement(ways, 0)
    import jax

    expected = [np.asarray(x).tobytes() for x in jax.tree.leaves(ours)]
    differ = 0
    # Exact INT8 digits need binary64.
    with jax.enable_x64(True):
        for way in ways:
            theirs = (jax.jit(function) if way == UNDER_JIT else function)(*_on_jax(given))
            differ += sum(
                np.asarray(x).tobytes() != bits
                for x, bits in zip(jax.tree.leaves(theirs), expected, strict=True)
            )
    return ours, Agreement(ways, differ)


def _finding(
    holds: bool,
    agreement: Agreement,
    found: str,
    evidence: Evidence,
    *notes: str,
    table: Table | None = None,
) -> Finding:
    """Return a finding on results that hold where they also have the same bits everywhere."""
    verdict = Verdict.HOLDS if holds and not agreement.differ else Verdict.FAILS
    notes = (str(agreement), *notes)
    return Finding(verdict, found, evidence=evidence, notes=notes, table=table)


# Decompositions


def _judge_scheme(scheme: Scheme, seed: int) -> Finding:
    """Compare every digit, and what the terms sum to in units of the last digit."""
    rng = np.random.default_rng(seed)
    blocks = [families.family(name).generate((ROWS, 32), rng=rng) for name in FAMILIES]
    x = np.concatenate(blocks)
    terms, agreement = _agreement(partial(decompose_terms, scheme=scheme), x)
    other, furthest = _beside_mpmath(x, terms, scheme)
    exact = scheme.arithmetic is Arithmetic.EXACT
    holds = furthest <= (0 if exact else OTHER_ARITHMETIC)
    found = f"{other} digits differ, {float(furthest):.2g} units"
    evidence = Evidence("sampled", x.size * scheme.terms, "digits", seed)
    return _finding(
        holds and not (exact and other), agreement, found, evidence,
        f"mpmath with {PRECISION} bits; units of the last term's digits",
        *(() if exact else ("mpmath rounds nothing, the scheme to binary32 at every step",)),
    )  # fmt: skip


def _beside_mpmath(x: Array, terms: Terms, scheme: Scheme) -> tuple[int, Fraction]:
    """Return how many digits are others, and the largest difference of a sum of terms."""
    other, furthest = 0, Fraction(0)
    for row, block in enumerate(x):
        digits, sums = _in_mpmath_of(block, scheme)
        ours = [_digits(term, row) for term in terms]
        other += sum(
            a != b for pair in zip(ours, digits, strict=True) for a, b in zip(*pair, strict=True)
        )
        steps = [_scales(term, row)[0] for term in terms]
        unit = steps[-1] * Fraction(scheme.formats[-1].element.eta)
        for place, right in enumerate(sums):
            kept = sum((s * d[place] for s, d in zip(steps, ours, strict=True)), Fraction(0))
            furthest = max(furthest, abs(kept - right) / unit)
    return other, furthest


def _in_mpmath_of(block: Array, scheme: Scheme) -> tuple[list[list[Fraction]], list[Fraction]]:
    """Return the digits of each term of a block, and what the terms sum to."""
    from msdnum import exact

    elements: list[Any] = [fmt.element for fmt in scheme.formats]
    ctx, power = exact.context(PRECISION), scheme.formats[0].scale == E8M0
    # Of numbers times 127 * 254**(terms - 1) every scale of INT8 is a number of mpmath: ties stay.
    whole = 1 if power else 127 * 254 ** (scheme.terms - 1)
    numbers = [exact.to_mpf(float(v), ctx) * whole for v in block]
    amax = max(abs(v) for v in numbers)
    scales = (
        exact.covering_scales(amax, elements, ctx) if power else exact.amax_scales(amax, elements)
    )
    digits, left = exact.mp_decompose(numbers, elements, scales, ctx)
    pairs = zip(numbers, left, strict=True)
    sums = [(exact.to_fraction(x) - exact.to_fraction(r)) / whole for x, r in pairs]
    return [[exact.to_fraction(d) for d in term] for term in digits], sums


def _digits(term: QuantizedArray, row: int) -> list[Fraction]:
    element = term.format.element
    return [Fraction(element.value(int(code))) for code in term.codes[row]]


def _scales(term: QuantizedArray, row: int) -> list[Fraction]:
    """Return the scale of each element of a row."""
    codes = np.repeat(term.scale_codes[row], term.codes.shape[1] // term.scale_codes.shape[1])
    return [Fraction(term.format.scale.value(int(code))) / term.divisor for code in codes]


# Products


def _recombinations(scheme: Scheme) -> list[Recombination]:
    """Return every recombination that is defined: scales inside have no order, and may chain."""
    inside = scheme.formats[0].scale == E8M0
    found = [
        Recombination(scaling, precision=precision)
        for scaling in ((Scaling.PRODUCT,) if inside else Scaling)
        for precision in (BINARY32, BF16, FP16)
    ]
    return [*found, Recombination(addition=Addition.CHAINED)] if inside else found


def _judge_products(scheme: Scheme, fmt: BlockFormat, seed: int, ways: tuple[str, ...]) -> Finding:
    """Compare products with those of the same terms in mpmath."""
    m, k, n = SHAPE
    rng = np.random.default_rng(seed)
    x = families.family("normal").generate((m, k), rng=rng)
    w = quantize(families.family("normal").generate((k, n), rng=rng), fmt, axis=-2)
    recombinations = _recombinations(scheme)
    accumulator = SEQUENTIAL if fmt.scale == E8M0 else INT32

    def every(terms: Terms, weight: QuantizedArray) -> list[Any]:
        return [
            matmul(terms, weight, accumulator=accumulator, recombination=r) for r in recombinations
        ]

    terms = decompose_terms(x, scheme)
    found, agreement = _agreement(every, terms, w, ways=ways)
    right, sizes = _in_mpmath(terms, w)
    rows, holds = [], True
    for way, c in zip(recombinations, found, strict=True):
        error = np.abs(c.astype(np.float64) - right)
        holds &= bool((error <= _roundings(way, len(terms), k) * sizes).all())
        place = {"precision": way.precision.precision, "emin": way.precision.emin}
        rows.append((*_named(way), f"{errors.ulp_distance(right, c, **place):.3g}"))
    worst = max(rows, key=lambda row: float(row[-1]))
    evidence = Evidence("sampled", len(rows) * m * n, f"entries, k = {k}", seed)
    return _finding(
        holds, agreement, f"{worst[-1]} ulps", evidence,
        f"mpmath with {PRECISION} bits; {accumulator.name}; worst with {', '.join(worst[:-1])}",
        FLINT,
        table=Table(("scaling", "addition", "precision", "ulps"), tuple(rows)),
    )  # fmt: skip


def _in_mpmath(terms: Terms, weight: QuantizedArray) -> tuple[NDArray[np.float64], Any]:
    """Return the exact product of what terms and weight stand for, and that of magnitudes."""
    from msdnum import exact

    ctx = exact.context(PRECISION)
    b = exact.mp_matrix(exact_values(weight), ctx)
    parts = [ctx.matrix([[exact.to_mpf(v, ctx) for v in row] for row in _numbers(term)])
             for term in terms]  # fmt: skip
    products = [exact.mp_gemm(part, b, ctx) for part in parts]
    whole = sum(products[1:], products[0])
    right = np.array([[exact.to_float64(v) for v in whole[i, :]] for i in range(whole.rows)])
    sizes = sum(np.abs(np.array(_numbers(term), np.float64)) for term in terms)
    return right, sizes @ np.abs(exact_values(weight))


def _numbers(term: QuantizedArray) -> list[list[Fraction]]:
    """Return what the elements of a term stand for, with a divisor as it is."""
    return [[s * d for s, d in zip(_scales(term, row), _digits(term, row), strict=True)]
            for row in range(term.codes.shape[0])]  # fmt: skip


def _roundings(way: Recombination, terms: int, k: int) -> float:
    """Return how far the roundings of a product may take it, over the product of magnitudes.

    Of each term k sums, a conversion and two scalings to binary32, then its result and each sum of
    terms to the format of the recombination; scales of INT8 terms are rounded once before.
    """
    narrow = 2.0**-way.precision.precision
    return float((1 + 2.0**-24) ** (terms * k + 4) * (1 + narrow) ** (terms + 1) - 1)


def _named(way: Recombination) -> tuple[str, str, str]:
    return way.scaling.name, way.addition.name, way.precision.name


# Attention


def _judge_attention(cache: str, seed: int, ways: tuple[str, ...]) -> Finding:
    """Compare outputs over a cache with attention in mpmath over the same numbers."""
    head = drawn("normal", HEAD, np.random.default_rng(seed), cache)
    method = DECOMPOSING[cache]
    given = head.exact.queries, head.keys, head.values
    found, agreement = _agreement(partial(attend, method=method), *given, ways=ways)
    error = np.abs(found.astype(np.float64) - head.output)
    bound = attention_bound(head.exact, head.keys, head.values, method)
    ratio = float((error / bound).max())
    return _finding(
        ratio <= 1, agreement, f"{_ulps(head, found):.3g} ulps, {ratio:.2g} of it",
        Evidence("sampled", found.size, f"outputs, {HEAD[1]} keys", seed),
        "mpmath with 100 bits, of the cache's numbers; ulps of the largest output",
        f"in binary32 alone {_ulps(head, _in_binary32(head)):.3g} ulps",
    )  # fmt: skip


def _in_binary32(head: Head) -> Array:
    k, v = head.keys.dequantize(), head.values.dequantize()
    return np.asarray(attend(head.exact.queries, k, v, FLOAT32_FLASH))


def _ulps(head: Head, found: Array) -> float:
    """Return the largest error in units of the last place of the largest output."""
    largest = float(np.abs(head.output).max())
    return float(np.abs(found - head.output).max() / np.ldexp(1.0, np.frexp(largest)[1] - 24))
