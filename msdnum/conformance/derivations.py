"""Every step from a vector's input to its answer, in exact rationals: check it by hand."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from functools import cache
from itertools import groupby

from msdnum import spec
from msdnum.conformance.products import factors_of
from msdnum.conformance.suite import find
from msdnum.conformance.terms import TERM_SCHEMES
from msdnum.conformance.vectors import Case, Group, chunks
from msdnum.formats.accumulators import ALL_ACCUMULATORS, AnyAccumulator
from msdnum.formats.blocks import BLOCK_FORMATS, BlockFormat
from msdnum.formats.elements import (
    BINARY32,
    E8M0,
    ELEMENT_FORMATS,
    FloatFormat,
    IntegerFormat,
    SpacedFormat,
    spaced,
)
from msdnum.formats.modes import Arithmetic, Overflow, Rounding, ScaleRule
from msdnum.spec.accumulators import Number, partial_sums
from msdnum.spec.numbers import Special

__all__ = ["explain_vector"]


def explain_vector(name: str) -> str:
    """Return the derivation of a vector's answer.

    Parameters
    ----------
    name : str
        Id of a vector, such as ``quantize/MXFP4/FLOOR/ties/ties-0``.

    Raises
    ------
    ValueError
        If there is no such vector.
    """
    group, case = find(name)
    heading = [name, f"source: {group.source} ({group.standard.value})"]
    heading += [f"note: {group.note}"] if group.note else []
    given = [f"{name} = {patterns}" for name, patterns in case.given.items()]
    ending = [f"{name} = {patterns}" for name, patterns in (case.expected or {}).items()]
    ending = ending or ["refused: the format has no code for it"]
    steps = STEPS[group.operation](group, case)
    return "\n".join(
        [*heading, "", "given:", *given, "", *_folded(steps), "", "expected:", *ending]
    )


def _folded(steps: Iterable[str]) -> Iterator[str]:
    """Write steps that are the same, but for the element they are of, once for all of a run."""
    for _, run in groupby(steps, lambda step: re.sub(r"^x\[\d+\]", "x", step)):
        first, *others = run
        element, _, rest = first.partition("]")
        if not others:
            yield first
        elif first.startswith("x["):
            yield f"{element}] to {others[-1].partition(']')[0]}]{rest}"
        else:
            yield f"{first}  ({len(others) + 1} times)"


# ------------------------------------------------------------------------------------------------
# One number
# ------------------------------------------------------------------------------------------------


def _text(value: spec.Value) -> str:
    return value.value if isinstance(value, Special) else str(value)


def _hex(code: int, fmt: SpacedFormat) -> str:
    return f"0x{code:0{-(-fmt.bits // 4)}X}"


def _decoded(code: int, fmt: SpacedFormat) -> str:
    """Return how a code becomes a number."""
    value = _text(spec.decode(code, fmt))
    if isinstance(fmt, IntegerFormat):
        return f"{_hex(code, fmt)}: two's complement over 2^{fmt.fraction_bits} = {value}"
    rest, fraction = divmod(code, 1 << fmt.fraction_bits)
    sign, field = divmod(rest, 1 << fmt.exponent_bits)
    fields = f"sign {sign}, exponent field {field}, fraction {fraction}/2^{fmt.fraction_bits}"
    exponent = f", bias {fmt.bias}"
    return f"{_hex(code, fmt)}: {fields}{exponent} = {value}"


@cache
def _magnitudes(fmt: SpacedFormat, *, negative: bool) -> list[tuple[Fraction, int]]:
    """Return the magnitudes of the numbers of one sign, with their codes, in order."""
    found = []
    for code in fmt.codes:
        value = spec.decode(code, fmt)
        zero = value == 0 and isinstance(fmt, IntegerFormat)
        below = isinstance(fmt, IntegerFormat) and value == fmt.min_integer - 1
        if spec.is_finite(value) and not below and (zero or spec.is_negative(value) == negative):
            found.append((abs(spec.number(value)), code))
    return sorted(found)


def _rounding(
    value: spec.Value,
    fmt: SpacedFormat,
    rounding: Rounding = Rounding.RNE,
    overflow: Overflow = Overflow.SATURATE,
) -> str:
    """Return the neighbours of ``value`` and which of them it is rounded to."""
    try:
        code = spec.encode(value, fmt, overflow=overflow, rounding=rounding)
    except ValueError as error:
        return f"{_text(value)}: refused: {error}"
    result = f"-> {_hex(code, fmt)} = {_text(spec.decode(code, fmt))}"
    if not spec.is_finite(value):
        return f"{_text(value)}: no number, {overflow.name} {result}"
    numbers = _magnitudes(fmt, negative=spec.is_negative(value))
    magnitude = abs(spec.number(value))
    place = bisect_right([number for number, _ in numbers], magnitude)
    if not numbers or place == 0:
        return f"{_text(value)}: below every number of the format, {overflow.name} {result}"
    below, at = numbers[place - 1]
    if below == magnitude:
        return f"{_text(value)}: a number of the format {result}"
    if place == len(numbers):
        free = ""
        if isinstance(fmt, FloatFormat):
            unbounded = spec.round_significand(magnitude, fmt.precision, rounding)
            free = f"; with exponents without end it would be {unbounded}, so {overflow.name}"
        return f"{_text(value)}: magnitude above {below} = {_hex(at, fmt)}, the last{free} {result}"
    above, beyond = numbers[place]
    middle = (below + above) / 2
    side = "half way" if magnitude == middle else f"{'below' if magnitude < middle else 'above'}"
    between = f"between {below} = {_hex(at, fmt)} and {above} = {_hex(beyond, fmt)}"
    return f"{_text(value)}: magnitude {between}, middle {middle}: {side}, {rounding.name} {result}"


def _fl(value: spec.Value) -> str:
    """Return a value and what binary32 makes of it."""
    rounded = spec.fl32(value)
    exact = "exactly" if rounded == value else f"= {_text(value)}, to binary32"
    return f"{exact} {_text(rounded)}"


def _encode(group: Group, case: Case) -> Iterator[str]:
    names = group.parameters
    (code,) = case.given["x"].codes
    yield f"decode {_decoded(code, BINARY32)}"
    value = spec.from_float32_bits(code)
    fmt = ELEMENT_FORMATS[names["fmt"]]
    if isinstance(fmt, FloatFormat) and fmt.bits > 8:
        result = spec.encode(value, fmt, overflow=Overflow[names["overflow"]])
        yield f"round to {fmt.name}, {fmt.precision} bits: {_decoded(result, fmt)}"
    else:
        yield "round " + _rounding(
            value, fmt, Rounding[names["rounding"]], Overflow[names["overflow"]]
        )


def _decode(group: Group, case: Case) -> Iterator[str]:
    (code,) = case.given["codes"].codes
    yield f"decode {_decoded(code, spaced(case.given['codes'].fmt, 'fmt'))}"


# ------------------------------------------------------------------------------------------------
# Blocks
# ------------------------------------------------------------------------------------------------


def _exponent(amax: Fraction, element: SpacedFormat, rule: ScaleRule) -> Iterator[str]:
    """Yield how the exponent of a power-of-two scale follows from amax."""
    if not amax:
        yield "amax = 0: exponent -127"
        return
    low = spec.floor_log2(amax)
    yield f"2^{low} <= amax < 2^{low + 1}; emax of {element.name} is {element.emax}"
    if rule is ScaleRule.RCEIL:
        ratio = amax / spec.max_finite(element)
        top = spec.ceil_log2(ratio)
        yield f"amax / {spec.max_finite(element)} = {ratio}; 2^{top - 1} < it <= 2^{top}"
    elif rule is ScaleRule.EVEN:
        rounded = spec.round_significand(amax, element.precision)
        yield f"amax rounded to {element.precision} bits is {rounded}"
    exponent = spec.shared_exponent(amax, element, rule)
    clamped = min(max(exponent, -127), 127)
    yield f"{rule.name}: exponent {exponent}, in E8M0 {clamped}, code {_hex(clamped + 127, E8M0)}"


def _amax(values: Sequence[spec.Value]) -> Fraction:
    return max(abs(spec.number(value)) for value in values)


def _quantize(group: Group, case: Case) -> Iterator[str]:
    fmt = BLOCK_FORMATS[group.parameters["fmt"]]
    rule = ScaleRule[group.parameters["rule"]]
    values = [spec.from_float32_bits(code) for code in case.given["x"].codes]
    for i, code in enumerate(case.given["x"].codes):
        yield f"x[{i}] = {_decoded(code, BINARY32)}"
    tensor = spec.tensor_scale(values, fmt)
    if tensor is not None:
        amax = _amax([value for value in values if spec.is_finite(value)])
        yield f"tensor scale: {amax} / 6 / 448, {_fl(spec.fl32(tensor))}"
    size = min(fmt.block_size or len(values), len(values))
    for start, some in zip(range(0, len(values), size), chunks(values, size), strict=True):
        yield from _block(some, start, fmt, rule, tensor)


def _block(
    values: Sequence[spec.Value],
    start: int,
    fmt: BlockFormat,
    rule: ScaleRule,
    tensor: spec.Value | None,
) -> Iterator[str]:
    yield f"block from x[{start}]:"
    if not all(map(spec.is_finite, values)):
        yield "an Inf or NaN: the scale is NaN, the elements do not matter"
        return
    amax = _amax(values)
    yield f"amax = {amax}"
    if fmt.scale == E8M0:
        yield from _exponent(amax, spaced(fmt.element, "element"), rule)
        exponent = spec.shared_exponent(amax, fmt.element, rule) if amax else -127
        scale: spec.Value = Fraction(2) ** min(max(exponent, -127), 127)
    else:
        code = spec.shared_scale(amax, fmt, tensor)
        yield f"amax / {spec.max_finite(fmt.element)}: {_fl(amax / spec.max_finite(fmt.element))}"
        yield f"scale, in units of the tensor scale if any: {_decoded(code, fmt.scale)}"
        scale = spec.decode(code, fmt.scale)
        scale = scale if tensor is None else spec.fl32(spec.multiply(scale, tensor))
    yield from _elements(values, start, scale, fmt)


def _elements(
    values: Sequence[spec.Value], start: int, scale: spec.Value, fmt: BlockFormat
) -> Iterator[str]:
    if not spec.number(scale):
        yield "scale 0: every element is a zero, with the sign of x where the format has one"
        return
    for i, value in enumerate(values, start):
        quotient = spec.divide(value, spec.number(scale))
        quotient = quotient if fmt.scale == E8M0 else spec.fl32(quotient)
        yield f"x[{i}] / ({_text(scale)}) = {_rounding(quotient, spaced(fmt.element, 'element'))}"


def _dequantize(group: Group, case: Case) -> Iterator[str]:
    fmt = BLOCK_FORMATS[group.parameters["fmt"]]
    (scale_code,) = case.given["scale"].codes
    scale = spec.decode(scale_code, fmt.scale)
    yield f"scale {_decoded(scale_code, fmt.scale)}"
    for code in dict.fromkeys(case.given["codes"].codes):
        product = spec.multiply(spec.decode(code, fmt.element), scale)
        pattern = spec.to_float32_bits(product)
        decoded = _decoded(code, spaced(fmt.element, "element"))
        yield f"{decoded}; times scale {_text(product)} -> 0x{pattern:08X}"


# ------------------------------------------------------------------------------------------------
# Layouts, terms and products
# ------------------------------------------------------------------------------------------------


def _layout(group: Group, case: Case) -> Iterator[str]:
    fmt = ELEMENT_FORMATS.get(group.parameters["fmt"], ELEMENT_FORMATS["E2M1"])
    yield f"code i of {fmt.name} has the bits from {fmt.bits} * i on, counted from the lowest bit"
    yield "of the first byte; with 4 bits the first of two codes is the low nibble"
    if "scale" in case.given:
        yield f"scale {_decoded(case.given['scale'].codes[0], E8M0)}; value = element * scale"


def _terms(group: Group, case: Case) -> Iterator[str]:
    scheme = TERM_SCHEMES[group.parameters["scheme"]]
    values = [spec.from_float32_bits(code) for code in case.given["x"].codes]
    if not all(map(spec.is_finite, values)):
        yield "an Inf or NaN: all scales are NaN, the elements do not matter"
        return
    rounds = scheme.arithmetic is Arithmetic.FLOAT32
    fl: Callable[[spec.Value], spec.Value] = spec.fl32 if rounds else lambda value: value
    result = spec.decompose(values, scheme)
    yield f"amax = {_amax(values)}"
    left: list[spec.Value] = list(values)
    for i, (scale, codes) in enumerate(zip(result.scales, result.codes, strict=True)):
        element = scheme.elements[i]
        yield f"term {i + 1}: scale {_text(scale)}" + (", each step to binary32" if rounds else "")
        for j, code in enumerate(codes):
            digit = spec.decode(code, element)
            step = "scale 0: code 0"
            if spec.number(scale):
                step = _rounding(
                    fl(spec.divide(left[j], spec.number(scale))), spaced(element, "element")
                )
            left[j] = fl(spec.subtract(left[j], fl(spec.multiply(scale, digit))))
            yield f"x[{j}]: over scale {step}; leaves {_text(left[j])}"


def _dot(group: Group, case: Case) -> Iterator[str]:
    fmt = case.given["codes_a"].fmt
    scales = [spec.number(spec.decode(case.given[f"scale_{s}"].codes[0], E8M0)) for s in "ab"]
    total = Fraction(0)
    sequential = group.parameters["accumulator"] == "SEQUENTIAL"
    yield f"scales {scales[0]} and {scales[1]}, product {scales[0] * scales[1]}"
    for a, b in zip(case.given["codes_a"].codes, case.given["codes_b"].codes, strict=True):
        x, y = (spec.number(spec.decode(code, fmt)) for code in (a, b))
        total += x * y * scales[0] * scales[1]
        total = spec.number(spec.fl32(total)) if sequential else total
        yield f"{x} * {y}: sum {total}"
    yield f"sum: {_fl(total)}"


def _matmul(group: Group, case: Case) -> Iterator[str]:
    accumulator = ALL_ACCUMULATORS[group.parameters["accumulator"]]
    yield f"the sum after each step of {accumulator!r}"
    rows, columns = factors_of(case.given, "a"), factors_of(case.given, "b")
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            yield f"row {i} of a, row {j} of b:"
            yield from _sums(row, column, accumulator)


def _sums(row: list[Number], column: list[Number], accumulator: AnyAccumulator) -> Iterator[str]:
    total = Fraction(0)
    for total in partial_sums(row, column, accumulator):
        yield f"  {total}"
    yield f"  {_fl(total)}"


STEPS: dict[str, Callable[[Group, Case], Iterator[str]]] = {
    "encode": _encode,
    "decode": _decode,
    "quantize": _quantize,
    "dequantize": _dequantize,
    "pack": _layout,
    "unpack": _layout,
    "from_blocks_and_scales": _layout,
    "decompose": _terms,
    "dot": _dot,
    "matmul": _matmul,
    "scaled_matmul": _matmul,
}
