"""Inner products of matrix units by the hundred thousand, held against another implementation.

Codes are drawn by the fields of their formats, so that what is rare in data is not rare here.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum import spec
from msdnum.emulator.codes import storage_dtype
from msdnum.emulator.elements import as_ml_dtype, decode
from msdnum.emulator.gemm.diagonals import inner_products
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import ALL_ACCUMULATORS, INSTRUCTIONS, AnyAccumulator, Blocks
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import E2M1, E4M3, E8M0, FP16, TF32, FloatFormat
from msdnum.formats.instructions import SMALL, TAKEN_BY_PRESETS
from msdnum.formats.modes import InfAndNan, ScaleRule
from msdnum.spec.accumulators import factor
from msdnum.spec.accumulators import inner_product as specified

__all__ = [
    "TOPICS_OF_DOTS",
    "UnitDots",
    "DotSetting",
    "drawn",
    "expected_of",
    "settings",
    "specified_of",
]

Codes: TypeAlias = NDArray[Any]
UNITS = {**ALL_ACCUMULATORS, **INSTRUCTIONS}


@dataclass(frozen=True)
class DotSetting:
    """A unit with the formats of both sides, and of their scales.

    Parameters
    ----------
    unit : str
        Name of the accumulator.
    a, b : FloatFormat
        Formats of the elements.
    scale : FloatFormat or None
        Format of the scales; None without.
    block : int
        Elements for each scale.
    """

    unit: str
    a: FloatFormat
    b: FloatFormat
    scale: FloatFormat | None = None
    block: int = 0

    @property
    def accumulator(self) -> AnyAccumulator:
        """The unit."""
        return UNITS[self.unit]

    @property
    def group(self) -> int:
        """Products of one step."""
        unit = self.accumulator
        return unit.size if isinstance(unit, Blocks) else int(getattr(unit, "group", 1))

    @property
    def formats(self) -> str:
        """Both formats, and that of the scales, in words."""
        names = self.a.name if self.a == self.b else f"{self.a.name} x {self.b.name}"
        return names if self.scale is None else f"{names}, {self.scale.name} by {self.block}"


@dataclass(frozen=True)
class UnitDots:
    """Inner products of one kind: codes (rows, k), scales (rows, blocks) or None, and c (rows,)."""

    topic: str
    codes: tuple[Codes, Codes]
    scales: tuple[Codes, Codes] | None
    c: NDArray[np.float32]


def settings() -> Iterator[DotSetting]:
    """Yield all units of hardware with all pairs of formats that their instructions take."""
    for name, unit in UNITS.items():
        formats = TAKEN_BY_PRESETS.get(name, unit.takes)
        for a in formats:
            for b in formats:
                # Only of the small formats do instructions take two.
                if (
                    isinstance(a, FloatFormat)
                    and isinstance(b, FloatFormat)
                    and (a == b or max(a.bits, b.bits) <= 8)
                ):
                    yield DotSetting(name, a, b)
    for a in SMALL:
        yield from (DotSetting("BLACKWELL_MX", a, b, E8M0, 32) for b in SMALL)
    for scale, block in ((E8M0, 32), (E8M0, 16), (E4M3, 16)):
        yield DotSetting("BLACKWELL_MXFP4", E2M1, E2M1, scale, block)


# ------------------------------------------------------------------------------------------------
# Codes
# ------------------------------------------------------------------------------------------------

Shape: TypeAlias = tuple[int, int]
Generator = np.random.Generator


def _by_fields(rng: Generator, shape: Shape, fmt: FloatFormat, low: int, high: int) -> Codes:
    """Return finite codes with exponent fields in low..high, as far as the format has them."""
    top = fmt.emax + fmt.bias
    low, high = (min(max(field, 0), top) for field in (low, high))
    field = rng.integers(low, high + 1, shape)
    fraction = rng.integers(0, 1 << fmt.fraction_bits, shape)
    magnitude = np.minimum(field << fmt.fraction_bits | fraction, fmt.max_code)
    codes = magnitude | rng.integers(0, 2, shape) << (fmt.bits - 1)
    return _without_nan(codes, fmt)


def _without_nan(codes: Codes, fmt: FloatFormat) -> Codes:
    """Return codes in their type; -0 as 0 where that pattern is NaN."""
    width = 32 if fmt == TF32 else 0
    if fmt.nan_code == 1 << (fmt.bits - 1):
        codes = np.where(codes == fmt.nan_code, 0, codes)
    return codes.astype(f"uint{width}" if width else storage_dtype(fmt))


def _near_one(rng: Generator, shape: Shape, fmt: FloatFormat) -> Codes:
    return _by_fields(rng, shape, fmt, fmt.bias - 3, fmt.bias + 1)


def _mixed(rng: Generator, shape: Shape, fmt: FloatFormat) -> Codes:
    return _by_fields(rng, shape, fmt, fmt.bias - 12, fmt.bias + 12)


def _subnormal(rng: Generator, shape: Shape, fmt: FloatFormat) -> Codes:
    small = _by_fields(rng, shape, fmt, 0, 0)
    return np.where(rng.random(shape) < 0.5, small, _mixed(rng, shape, fmt))


def _patterns(rng: Generator, shape: Shape, fmt: FloatFormat) -> Codes:
    return _by_fields(rng, shape, fmt, 0, 1 << fmt.exponent_bits)


def _bottom(rng: Generator, shape: Shape, fmt: FloatFormat) -> Codes:
    middle = max(fmt.bias - 72, 1)
    return _by_fields(rng, shape, fmt, middle - 8, middle + 6)


def _top(rng: Generator, shape: Shape, fmt: FloatFormat) -> Codes:
    middle = min(fmt.bias + 62, fmt.emax + fmt.bias)
    return _by_fields(rng, shape, fmt, middle - 3, middle + 2)


def _sparse(rng: Generator, shape: Shape, fmt: FloatFormat) -> Codes:
    zeros = _without_nan(rng.integers(0, 2, shape) << (fmt.bits - 1), fmt)
    return np.where(rng.random(shape) < 0.9, zeros, _mixed(rng, shape, fmt))


TOPICS_OF_DOTS: dict[str, Callable[[Generator, Shape, FloatFormat], Codes]] = {
    "near one": _near_one,
    "mixed exponents": _mixed,
    "cancellation": _mixed,
    "subnormal": _subnormal,
    "patterns": _patterns,
    "bottom": _bottom,
    "overflow": _top,
    "sparse": _sparse,
}
"""Kinds of inner products, by what their elements are."""


def drawn(setting: DotSetting, count: int, seed: int) -> Iterator[UnitDots]:
    """Yield ``count`` inner products or a few more: each topic, one step and three, with c or 0."""
    kinds = [(t, steps, c) for t in TOPICS_OF_DOTS for steps in (1, 3) for c in (False, True)]
    rows = -(-count // len(kinds))
    for i, (topic, steps, started) in enumerate(kinds):
        rng = np.random.default_rng((seed, i))
        shape = rows, steps * max(setting.group, setting.block)
        a, b = (TOPICS_OF_DOTS[topic](rng, shape, fmt) for fmt in (setting.a, setting.b))
        if topic == "cancellation":
            a, b = _cancelling(rng, a, b, setting.a)
        scales = _scales(rng, setting, shape, topic)
        c = np.zeros(rows, np.float32)
        dots = UnitDots(topic, (a, b), scales, c)
        yield dots if not started else UnitDots(topic, (a, b), scales, _starts(rng, setting, dots))


def _cancelling(rng: Generator, a: Codes, b: Codes, fmt: FloatFormat) -> tuple[Codes, Codes]:
    """Return factors of which neighbours cancel, most of them."""
    pairs = rng.random(a[:, 1::2].shape) < 0.8
    negative = _without_nan(a[:, : pairs.shape[1] * 2 : 2].astype(np.int64)
                            ^ (1 << (fmt.bits - 1)), fmt)  # fmt: skip
    a[:, 1::2] = np.where(pairs, negative, a[:, 1::2])
    b[:, 1::2] = np.where(pairs, b[:, : pairs.shape[1] * 2 : 2], b[:, 1::2])
    return a, b


def _scales(
    rng: Generator, setting: DotSetting, shape: Shape, topic: str
) -> tuple[Codes, Codes] | None:
    if setting.scale is None:
        return None
    blocks = shape[0], shape[1] // setting.block
    if setting.scale == E8M0:
        centre, width = {"bottom": (127 - 66, 6), "overflow": (127 + 60, 4)}.get(topic, (127, 12))
        low, high = centre - width, centre + width
    else:
        low, high = 0, 0x7F
    a, b = (rng.integers(low, high, blocks).astype(np.uint8) for _ in "ab")
    return a, b


def _starts(rng: Generator, setting: DotSetting, dots: UnitDots) -> NDArray[np.float32]:
    """Return a c for each: about the sum, near its largest product, subnormal, or any pattern."""
    a, b = (_numbers(setting, dots, side) for side in (0, 1))
    products = a * b
    size = np.abs(products).max(axis=1)
    rows = len(dots.c)
    any_pattern = rng.integers(0, 1 << 32, rows, dtype=np.uint64).astype(np.uint32)
    kinds = np.array([
        -products.sum(axis=1),
        size * np.exp2(rng.integers(-32, 32, rows)) * rng.choice([1.25, -1.75], rows),
        rng.standard_normal(rows) * 2.0**-130,
        _finite(any_pattern).astype(np.float64),
    ])  # fmt: skip
    c = kinds[rng.integers(0, len(kinds), rows), np.arange(rows)]
    held = np.float16 if setting.accumulator.output == FP16 else np.float32
    with np.errstate(over="ignore", invalid="ignore"):
        found: NDArray[np.float32] = c.astype(held).astype(np.float32)
    return np.where(np.isfinite(found), found, np.float32(1))


def _finite(patterns: NDArray[np.uint32]) -> NDArray[np.float32]:
    infinite = patterns & 0x7F800000 == 0x7F800000
    return np.where(infinite, patterns & 0xBFFFFFFF, patterns).view(np.float32)


def _numbers(setting: DotSetting, dots: UnitDots, side: int) -> NDArray[np.float64]:
    """Return the numbers of one side, scales included."""
    fmt = (setting.a, setting.b)[side]
    numbers: NDArray[np.float64] = _elements(dots.codes[side], fmt).astype(np.float64)
    if dots.scales is None or setting.scale is None:
        return numbers
    scales = decode(dots.scales[side], setting.scale).astype(np.float64)
    scaled: NDArray[np.float64] = numbers * np.repeat(scales, setting.block, axis=1)
    return scaled


def _elements(codes: Codes, fmt: FloatFormat) -> Any:
    if fmt == TF32:
        return (codes << 13).view(np.float32)
    return as_ml_dtype(codes, fmt)


# ------------------------------------------------------------------------------------------------
# Answers
# ------------------------------------------------------------------------------------------------


def expected_of(
    setting: DotSetting, dots: UnitDots, inf_and_nan: InfAndNan = InfAndNan.OF_THE_SUM
) -> NDArray[np.float32]:
    """Return what the emulator gives."""
    a, b = _operand(setting, dots, 0), _operand(setting, dots, 1)
    found: NDArray[np.float32] = inner_products(a, b, dots.c, setting.accumulator, inf_and_nan)
    return found


def _operand(setting: DotSetting, dots: UnitDots, side: int) -> Any:
    fmt = (setting.a, setting.b)[side]
    if dots.scales is None or setting.scale is None:
        return _elements(dots.codes[side], fmt)
    rule = ScaleRule.FLOOR if setting.scale == E8M0 else ScaleRule.AMAX
    own = BlockFormat(fmt.name, fmt, setting.scale, setting.block, rule)
    return QuantizedArray(dots.codes[side], dots.scales[side], None, own, -1)


def specified_of(setting: DotSetting, dots: UnitDots, rows: Sequence[int]) -> list[Fraction | None]:
    """Return what the specification gives for some rows; None where something is infinite."""
    found: list[Fraction | None] = []
    for row in rows:
        sides = [_factors(setting, dots, side, row) for side in (0, 1)]
        try:
            c = Fraction(float(dots.c[row]))
            found.append(specified(sides[0], sides[1], setting.accumulator, c))
        except ValueError:
            found.append(None)
    return found


def _factors(setting: DotSetting, dots: UnitDots, side: int, row: int) -> list[Any]:
    fmt = (setting.a, setting.b)[side]
    codes = dots.codes[side][row].tolist()
    elements = [spec.number(spec.decode(code, fmt)) for code in codes]
    if dots.scales is None or setting.scale is None:
        return [factor(x, fmt) for x in elements]
    scale, block = setting.scale, setting.block
    scales = [spec.number(spec.decode(code, scale)) for code in dots.scales[side][row].tolist()]
    return [factor(x, fmt, scales[i // block], scale) for i, x in enumerate(elements)]
