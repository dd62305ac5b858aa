"""Scale arithmetic of a library in fractions, every step with its result."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from msdnum.formats.modes import Overflow
from msdnum.formats.scale_arithmetic import Operation, ScaleArithmetic, Step
from msdnum.spec.blocks import largest_magnitude
from msdnum.spec.elements import decode, encode, fl32, round_to
from msdnum.spec.numbers import (
    Special,
    Value,
    divide,
    from_float,
    is_finite,
    is_negative,
    multiply,
    number,
    signed,
)

__all__ = ["BlockTrace", "trace_block"]


@dataclass(frozen=True)
class BlockTrace:
    """A block as an arithmetic quantizes it.

    Parameters
    ----------
    scale_code : int
        Of the block.
    codes : tuple of int
        Of its elements.
    lines : tuple of str
        Every step with its result, in fractions.
    """

    scale_code: int
    codes: tuple[int, ...]
    lines: tuple[str, ...]


def trace_block(
    values: Sequence[Value], arithmetic: ScaleArithmetic, tensor_amax: Fraction | None = None
) -> BlockTrace:
    """Return the codes of one finite block, and how they came about.

    Parameters
    ----------
    values : sequence of Fraction or Special
        Finite binary32 numbers.
    arithmetic : ScaleArithmetic
        How it is quantized.
    tensor_amax : Fraction, optional
        Largest magnitude of the tensor; if it is left out, that of the block.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import spec
    >>> from msdnum.formats import LIBRARY_ARITHMETIC
    >>> block = spec.trace_block([Fraction(7), Fraction(1)], LIBRARY_ARITHMETIC["gguf Q8_0"])
    >>> block.codes
    (127, 18)
    >>> print(block.lines[0])
    unrounded = amax / 127 = 7 / 127 = 14795655/268435456
    """
    amax = largest_magnitude(values)
    results: dict[str, Value] = {"tensor_amax": amax if tensor_amax is None else tensor_amax}
    lines = list(_carried_out(arithmetic.tensor, results))
    results["amax"] = amax
    lines += _carried_out(arithmetic.block, results)
    codes = []
    for i, value in enumerate(values):
        mine = results | {"x": value}
        lines += [f"x[{i}]: {line}" for line in _carried_out(arithmetic.element, mine)]
        codes.append(_element(mine[arithmetic.element[-1].name], arithmetic))
        decoded = decode(codes[-1], arithmetic.format.element)
        lines.append(f"x[{i}]: code {codes[-1]:#x}, {_text(decoded)}")
    scale = encode(results["scale"], arithmetic.format.scale, overflow=Overflow.SATURATE)
    return BlockTrace(scale, tuple(codes), tuple(lines))


def _element(quotient: Value, arithmetic: ScaleArithmetic) -> int:
    return encode(
        Fraction(0) if quotient is Special.NAN else quotient,
        arithmetic.format.element,
        overflow=Overflow.SATURATE,
        rounding=arithmetic.rounding,
    )


def _carried_out(steps: Iterable[Step], results: dict[str, Value]) -> Iterable[str]:
    """Yield a line for each step, and keep its result."""
    for step in steps:
        operands = [results[x] if isinstance(x, str) else from_float(x) for x in step.operands]
        results[step.name] = _result(step, operands)
        names = [x if isinstance(x, str) else _text(from_float(x)) for x in step.operands]
        with_names, with_values = (_written(step, texts) for texts in (names, map(_text, operands)))
        yield f"{step.name} = {with_names} = {with_values} = {_text(results[step.name])}"


def _result(step: Step, operands: Sequence[Value]) -> Value:
    a, b = operands[0], operands[-1]
    match step.operation:
        case Operation.MULTIPLY:
            return fl32(multiply(a, b))
        case Operation.DIVIDE:
            return fl32(_quotient(a, b))
        case Operation.MINIMUM:
            return min(a, b, key=_rank)
        case Operation.MAXIMUM:
            return max(a, b, key=_rank)
        case Operation.IF_ZERO:
            return b if is_finite(a) and not number(a) else a
        case Operation.ROUND:
            assert step.fmt is not None
            return round_to(a, step.fmt, overflow=Overflow.SATURATE, rounding=step.rounding)


def _rank(x: Value) -> tuple[int, Fraction]:
    """Return what puts Inf above all numbers and NaN above Inf, as their patterns are."""
    if is_finite(x):
        return 0, number(x)
    return 1 + (x is Special.NAN), Fraction(0)


def _quotient(a: Value, b: Value) -> Value:
    """Return the exact quotient, with the signs, zeros and specials of IEEE 754."""
    if Special.NAN in (a, b):
        return Special.NAN
    negative = is_negative(a) != is_negative(b)
    if not is_finite(b):
        return Special.NAN if not is_finite(a) else signed(negative, Fraction(0))
    if not number(b):
        if is_finite(a) and not number(a):
            return Special.NAN
        return Special.NEGATIVE_INFINITY if negative else Special.INFINITY
    size = divide(a, abs(number(b)))
    return multiply(Fraction(-1), size) if is_negative(b) else size


SIGNS = {
    Operation.MULTIPLY: "{} * {}",
    Operation.DIVIDE: "{} / {}",
    Operation.MINIMUM: "min({}, {})",
    Operation.MAXIMUM: "max({}, {})",
    Operation.IF_ZERO: "({} or {})",
}


def _written(step: Step, texts: Iterable[str]) -> str:
    if step.fmt is not None:
        return f"{step.fmt.name}({', '.join(texts)}, {step.rounding.name})"
    return SIGNS[step.operation].format(*texts)


def _text(value: Value) -> str:
    return value.value if isinstance(value, Special) else str(value)
