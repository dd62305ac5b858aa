"""The emulators under ``jit`` on this machine's device, held against NumPy bit for bit."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from msdnum.device.dot_families import FAMILIES_OF_DOTS, draw_dots
from msdnum.device.layouts import layout_of
from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.kv_cache import KV_FORMATS
from msdnum.emulator.attention.methods import BF16_FLASH, FLOAT32_FLASH, Mask, Method, WeightRange
from msdnum.emulator.blocks import quantize
from msdnum.emulator.codes import storage_dtype
from msdnum.emulator.elements import decode, round_to
from msdnum.emulator.gemm.products import matmul
from msdnum.evidence.attentions import DECOMPOSING
from msdnum.evidence.fingerprint import Part, parts
from msdnum.formats.accumulators import (
    ALL_ACCUMULATORS,
    EXACT,
    INSTRUCTIONS,
    AnyAccumulator,
    Blocks,
    Exact,
    FusedUnit,
    GroupedUnit,
    Int32,
    in_format,
)
from msdnum.formats.blocks import MXFP4, MXFP8_E4M3, NVFP4, BlockFormat
from msdnum.formats.elements import BF16, BINARY32, E4M3, ELEMENT_FORMATS, FP16, FloatFormat
from msdnum.formats.modes import Arithmetic, Overflow, ScaleRule
from msdnum.formats.schemes import SCHEMES

__all__ = ["Agreement", "Computation", "agreements", "computations"]

Array: TypeAlias = Any
Results: TypeAlias = tuple[Array, ...]

SHAPE = (24, 16, 96)
"""Rows, columns and k of products."""
HEADS = (2, 2, 5, 32)
KEYS = 70
SEED = 5
EXACT_INT8 = {
    f"terms of {name}"
    for name, scheme in SCHEMES.items()
    if name.startswith("INT8") and scheme.arithmetic is Arithmetic.EXACT
}
"""Parts that need binary64, which JAX has only when it is told so."""


@dataclass(frozen=True)
class Computation:
    """A part, and what JAX needs for it.

    Parameters
    ----------
    kind : str
        What it belongs to: formats, blocks, decomposition, products, attention.
    part : Part
        What is computed.
    binary64 : bool
        Whether JAX needs its 64-bit types.
    jitted : bool
        Whether it can be traced; a sum without rounding looks at values.
    """

    kind: str
    part: Part
    binary64: bool = False
    jitted: bool = True


@dataclass(frozen=True)
class Agreement:
    """How many numbers of a computation are the same on the device and on NumPy."""

    kind: str
    name: str
    numbers: int
    equal: int
    error: str = ""


def _kind(name: str) -> str:
    known = {"cast": "formats", "quantize": "blocks", "terms": "decomposition"}
    return known.get(name.split()[0], "products")


def computations() -> Iterator[Computation]:
    """Yield what is computed: the fingerprint, and what it leaves out.

    Examples
    --------
    >>> from msdnum.device import computations
    >>> next(computations()).part.name
    'cast to INT4'
    """
    for part in parts():
        yield Computation(_kind(part.name), part, part.name in EXACT_INT8)
    for part in (*_values(), *_roundings()):
        yield Computation("formats", part)
    for part in _rules():
        yield Computation("blocks", part)
    for unit in (*ALL_ACCUMULATORS.values(), *INSTRUCTIONS.values()):
        for part in _products(unit):
            traced = not isinstance(unit, Exact)
            wide = isinstance(_inner(unit), Exact | FusedUnit)
            yield Computation("products", part, wide, traced)
    for part in _attentions():
        yield Computation("attention", part)


def _values() -> Iterator[Part]:
    for fmt in ELEMENT_FORMATS.values():
        if fmt.bits <= 16:
            codes = np.arange(len(fmt.codes), dtype=storage_dtype(fmt))
            yield Part(f"decode {fmt.name}", partial(_decode, fmt), (codes,))


def _decode(fmt: Any, codes: Array) -> Results:
    return (decode(codes, fmt),)


def _roundings() -> Iterator[Part]:
    x = draw_dots("any bit patterns", *(layout_of(BINARY32),) * 3, (256, 1, 64), SEED).a
    finite = np.where(np.isfinite(x), x, np.float32(1))
    for fmt in ELEMENT_FORMATS.values():
        keeps = isinstance(fmt, FloatFormat) and fmt.nan_code is not None
        yield Part(f"round to {fmt.name}", partial(_round, fmt), (x if keeps else finite,))


def _round(fmt: Any, x: Array) -> Results:
    return (round_to(x, fmt, overflow=Overflow.SATURATE),)


def _rules() -> Iterator[Part]:
    """Quantize by every scale rule, and back."""
    x = draw_dots("mixed exponents", *(layout_of(BINARY32),) * 3, (64, 1, 64), SEED).a
    for fmt in (MXFP4, MXFP8_E4M3):
        for rule in ScaleRule:
            if rule is not ScaleRule.AMAX:
                yield Part(f"quantize to {fmt.name}, {rule.name}", partial(_there, fmt, rule), (x,))
    yield Part("quantize to NVFP4 and back", partial(_there, NVFP4, NVFP4.rule), (x,))


def _there(fmt: BlockFormat, rule: ScaleRule, x: Array) -> Results:
    made = quantize(x, fmt, rule=rule)
    return made.codes, made.scale_codes, made.dequantize()


def _products(unit: AnyAccumulator) -> Iterator[Part]:
    """Multiply matrices of every family, from a c, into every output that the unit has."""
    m, n, k = SHAPE
    if isinstance(unit, Int32):
        rng = np.random.default_rng(SEED)
        a, b = (rng.integers(-127, 128, s).astype(np.int8) for s in ((m, k), (k, n)))
        yield Part(f"int8, {unit.name}", partial(_multiply, unit, None, None), (a, b))
        return
    fmt, blocks = _taken(unit)
    for output in (BINARY32, FP16):
        try:
            into = in_format(unit, output)
        except ValueError:
            continue
        layouts = layout_of(fmt), layout_of(fmt), layout_of(output)
        drawn = [draw_dots(family, *layouts, SHAPE, SEED) for family in FAMILIES_OF_DOTS]
        a, b, c = (np.stack(x) for x in zip(*((d.a, d.b.T, d.c) for d in drawn), strict=True))
        name = f"{fmt.name if blocks is None else blocks.name}, {into.name}, {output.name}"
        starts = not (isinstance(unit, Exact) or _inner(unit) == EXACT)
        operands = (a, b, c) if starts else (a, b)
        yield Part(name, partial(_multiply, unit, output if starts else None, blocks), operands)


def _inner(unit: AnyAccumulator) -> AnyAccumulator:
    return unit.inner if isinstance(unit, Blocks) else unit


def _taken(unit: AnyAccumulator) -> tuple[FloatFormat, BlockFormat | None]:
    """Return a format that a unit takes, and the blocks that its operands are quantized to."""
    if isinstance(unit, GroupedUnit):
        return BF16, MXFP4
    if isinstance(unit, Blocks) and unit.inner == EXACT:
        return BF16, MXFP8_E4M3
    if unit.takes:
        return next(fmt for fmt in unit.takes if isinstance(fmt, FloatFormat)), None
    return (E4M3 if "FP8" in unit.name or "MX" in unit.name else BF16), None


def _multiply(
    unit: AnyAccumulator,
    output: FloatFormat | None,
    blocks: BlockFormat | None,
    a: Array,
    b: Array,
    c: Array = None,
) -> Results:
    if blocks is not None:
        a, b = quantize(a, blocks, axis=-1), quantize(b, blocks, axis=-2)
    return (matmul(a, b, c=c, output=output, accumulator=unit),)


def _attentions() -> Iterator[Part]:
    rng = np.random.default_rng(SEED)
    q = rng.standard_normal(HEADS).astype(ml_dtypes.bfloat16)
    k, v = (
        rng.standard_normal((HEADS[0], 1, KEYS, width)).astype(np.float32) for width in (32, 16)
    )
    for name in KV_FORMATS:
        method = DECOMPOSING[name.partition("_")[0]]
        for used in (method, replace(method, range=WeightRange.AMAX), BF16_FLASH, FLOAT32_FLASH):
            for mask in Mask:
                label = f"attend over {name}, {used.queries.name}, {used.range.name}, {mask.name}"
                yield Part(label, partial(_attend, name, replace(used, tile=32), mask), (q, k, v))


def _attend(name: str, method: Method, mask: Mask, q: Array, k: Array, v: Array) -> Results:
    cache = KV_FORMATS[name]
    return (attend(q, cache.keys(k), cache.values(v), method, mask=mask),)


def agreements(
    chosen: Iterable[Computation] | None = None, workers: int | None = None
) -> Iterator[Agreement]:
    """Yield, for each computation, how many numbers jitted JAX gives as NumPy does.

    Parameters
    ----------
    chosen : iterable of Computation, optional
        In place of all of them.
    workers : int, optional
        Threads, in which JAX compiles; as many as the machine has by default.
    """
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        yield from pool.map(agreed, computations() if chosen is None else chosen)


def agreed(computation: Computation) -> Agreement:
    """Compute once on NumPy and once on the device, and compare the bits; NaN is NaN."""
    import jax

    part = computation.part
    with np.errstate(all="ignore"):
        expected = part.results()
    compute: Callable[..., Results] = part.compute
    if computation.jitted:
        compute = jax.jit(compute)
    wide: Any = jax.enable_x64(True) if computation.binary64 else nullcontext()
    try:
        with wide, np.errstate(all="ignore"):
            arrays = map(jax.numpy.asarray, part.operands)
            found = [np.asarray(x) for x in compute(*arrays)]
    except Exception as error:  # A device may refuse anything: that is a result, too.
        count = sum(x.size for x in expected)
        text = f"{type(error).__name__}: {error}"[:200]
        return Agreement(computation.kind, part.name, count, 0, text)
    pairs = [_equal(x, y) for x, y in zip(expected, found, strict=True)]
    return Agreement(
        computation.kind,
        part.name,
        sum(same.size for same in pairs),
        sum(int(same.sum()) for same in pairs),
    )


def _equal(x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where bits are the same, or both are NaN."""
    if x.dtype != y.dtype or x.shape != y.shape:
        return np.zeros(max(x.size, 1), bool)
    width = f"u{x.itemsize}"
    same: NDArray[np.bool_] = np.atleast_1d(x).view(width) == np.atleast_1d(y).view(width)
    if x.dtype.kind not in "iu":
        same = same | np.atleast_1d(np.isnan(x) & np.isnan(y))
    return same
