"""Assertions: a cast or a quantizer held against the specification in one call.

First the vectors of the format are tried, made from the specification, then what Hypothesis draws,
and what fails is shrunk.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from msdnum import spec
from msdnum.conformance.blocks import block_vector
from msdnum.conformance.casts import cast_vector
from msdnum.conformance.own_formats import elements_in_vector, groups_of, in_one_row, overflows_of
from msdnum.conformance.reports import Disagreement, agrees
from msdnum.conformance.vectors import Case, Group, Patterns, Standard, chunks, one
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import (
    BINARY32,
    E8M0,
    ElementFormat,
)
from msdnum.formats.modes import Overflow, Rounding, ScaleRule
from msdnum.testing.hostile_blocks import BLOCK_KINDS, blocks
from msdnum.testing.numbers import float32_bits, near_midpoints

__all__ = ["assert_conforms"]

Quantizer = Callable[[Any], Any]

PARTS = {2: ("scale", "codes"), 3: ("scale", "codes", "tensor_scale")}
"""What a tuple of results stands for, by its length."""


def assert_conforms(
    function: Quantizer,
    fmt: ElementFormat | BlockFormat,
    *,
    rule: ScaleRule | None = None,
    rounding: Rounding = Rounding.RNE,
    overflow: Overflow = Overflow.SATURATE,
    strict: bool = False,
    examples: int = 200,
) -> None:
    """Raise an AssertionError with the smallest witness if a function is not this quantizer.

    Parameters
    ----------
    function : callable
        Of one float32 array of one axis. A cast returns as many codes (unsigned, or signed
        integers) or values. A quantizer of blocks gets one block, of a format without E8M0 scales
        two, and returns the values that its result stands for, or ``(scale codes, codes)``, or
        these and the tensor scale, or a dict of them: ``scale``, ``codes``, ``tensor_scale``.
    fmt : ElementFormat or BlockFormat
        Any, its own too.
    rule : ScaleRule, optional
        In place of that of the block format.
    rounding : Rounding
        Of a cast; elements of blocks are rounded to nearest, ties to even.
    overflow : Overflow
        Of a cast.
    strict : bool
        Whether what the source of the format leaves open, as NaN where a format has none, has to be
        answered as msdnum does. Scales that are no powers of two are always taken so.
    examples : int
        How many inputs Hypothesis draws beside the vectors.

    Raises
    ------
    AssertionError
        If a result is another one: with the input, what is expected and what came, in bits.
    TypeError
        If a result is none.
    ValueError
        If the format, or a mode with it, has no vectors.

    Examples
    --------
    >>> from msdnum.formats import E2M1
    >>> from msdnum.testing import assert_conforms
    >>> grid = np.float32([0, 0.5, 1, 1.5, 2, 3, 4, 6])
    >>> def nearest(x):
    ...     distance = abs(abs(x)[:, None] - grid)
    ...     return np.copysign(grid[distance.argmin(axis=1)], x)
    >>> assert_conforms(nearest, E2M1)
    Traceback (most recent call last):
        ...
    AssertionError: encode/E2M1/RNE/SATURATE/ties/3F400000: x 0x3F400000 (3/4): values expected \
0x3F800000 (1), got 0x3F000000 (1/2)
      decided by OCP MX v1.0, 5.3.3
    """
    if examples < 1:
        raise ValueError(f"examples must be positive, got {examples}")
    if isinstance(fmt, BlockFormat):
        ruled = in_one_row(fmt if rule is None else replace(fmt, rule=rule))
        _assert_blocks(function, ruled, strict, examples)
    elif isinstance(fmt, ElementFormat):
        if rule is not None:
            raise ValueError(f"rule must be None for an element format, got {rule.name}")
        _assert_cast(function, fmt, rounding, overflow, strict, examples)
    else:
        raise TypeError(f"fmt must be an element or a block format, got {fmt!r:.80}")


def _assert_cast(
    function: Quantizer,
    fmt: ElementFormat,
    rounding: Rounding,
    overflow: Overflow,
    strict: bool,
    examples: int,
) -> None:
    if rounding is Rounding.STOCHASTIC:
        raise ValueError(f"rounding must be a direction, got {rounding.name}")
    if overflow not in overflows_of(fmt):
        raise ValueError(f"overflow must be SATURATE for {fmt.name}, got {overflow.name}")
    names = {"fmt": fmt.name, "rounding": rounding.name, "overflow": overflow.name}
    vectors = [g for g in groups_of(fmt) if g.operation == "encode" and g.parameters == names]
    for group in vectors:
        _assert_together(function, group, strict)

    def drawn(bits: int) -> None:
        _assert_each(function, [cast_vector(bits, fmt, rounding, overflow)], strict)

    near = near_midpoints(fmt).map(lambda x: int(x.view(np.uint32)))
    _search(drawn, st.one_of(near, float32_bits()), examples)


def _assert_blocks(function: Quantizer, fmt: BlockFormat, strict: bool, examples: int) -> None:
    strict = strict or fmt.scale != E8M0
    names = {"fmt": fmt.name, "rule": fmt.rule.name}
    vectors = [g for g in groups_of(fmt) if g.operation == "quantize" and g.parameters == names]
    _assert_each(function, vectors, strict, fmt)

    def drawn(x: Any) -> None:
        patterns = tuple(map(int, x.view(np.uint32)))
        _assert_each(function, [block_vector(patterns, fmt)], strict, fmt)

    _search(drawn, _blocks_of(fmt), examples)


def _search(check: Callable[[Any], None], strategy: st.SearchStrategy[Any], examples: int) -> None:
    """Check what is drawn; of what fails the smallest is raised."""
    found: dict[bytes, AssertionError | None] = {}

    def once(x: Any) -> None:
        key = np.asarray(x).tobytes()
        if key not in found:
            found[key] = _failure(check, x)
        # One place for all of them: to Hypothesis they are then one error, to be made small.
        if (failure := found[key]) is not None:
            raise AssertionError(str(failure))

    limits = settings(
        max_examples=examples,
        deadline=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    limits(given(strategy)(once))()


def _failure(check: Callable[[Any], None], x: Any) -> AssertionError | None:
    try:
        check(x)
    except AssertionError as error:
        return error
    return None


def _blocks_of(fmt: BlockFormat) -> st.SearchStrategy[Any]:
    """Return a strategy for hostile blocks, and for ties under a scale that the first decides."""
    size = elements_in_vector(fmt)
    tie = st.one_of(st.just(np.float32(0)), near_midpoints(fmt.element))
    top = st.sampled_from([2.0**fmt.element.emax, fmt.element.max_finite])
    ties = st.lists(tie, min_size=size - 1, max_size=size - 1)
    return st.one_of(
        st.builds(_at_scale, top, ties, st.integers(-60, 60)),
        blocks(size, list(BLOCK_KINDS)),
    )


def _at_scale(top: float, elements: list[np.float32], exponent: int) -> Any:
    x = np.array([top, *elements], np.float32)
    x[np.abs(x) > top] = 0
    return np.ldexp(x, exponent)


def _assert_together(function: Quantizer, group: Group, strict: bool) -> None:
    """Check the vectors of a cast in one call, those that are to be refused apart."""
    if group.standard is Standard.LEAVES_OPEN and not strict:
        return
    some = [case for case in group.cases if case.expected is not None]
    if some:
        codes = tuple(code for case in some for code in case.given["x"].codes)
        result = _result(function, Patterns(BINARY32, codes), some[0], len(codes))
        for i, case in enumerate(some):
            _check(group, case, {name: (codes[i],) for name, codes in result.items()})
    _refused(function, group)


def _assert_each(
    function: Quantizer, groups: Iterable[Group], strict: bool, fmt: BlockFormat | None = None
) -> None:
    for group in groups:
        if group.standard is Standard.LEAVES_OPEN and not strict:
            continue
        for case in group.cases:
            if case.expected is not None:
                x = case.given["x"]
                _check(group, case, _result(function, x, case, len(x.codes)), fmt)
        _refused(function, group)


def _refused(function: Quantizer, group: Group) -> None:
    """Check that what has no answer is refused."""
    for case in group.cases:
        if case.expected is None:
            try:
                result = function(_array(case.given["x"]))
            except (ArithmeticError, ValueError):
                continue
            raise AssertionError(f"{group.name}/{case.name}: expected refusal, got {result!r:.80}")


def _check(
    group: Group, case: Case, got: dict[str, tuple[int, ...]], fmt: BlockFormat | None = None
) -> None:
    if "values" in got:
        case = Case(case.name, case.given, {"values": _values(case, fmt)})
    if agrees(case, got):
        return
    found = Disagreement(group, case, got)
    decided = "decided by" if group.standard is Standard.DECIDES else "left open by"
    note = f" ({group.note})" if group.note else ""
    raise AssertionError(f"{found}\n  {decided} {group.source}{note}")


def _values(case: Case, fmt: BlockFormat | None) -> Patterns:
    """Return the binary32 patterns of what is expected in codes."""
    if fmt is None:
        (codes,) = (case.expected or {}).values()
        values = [spec.decode(code, codes.fmt) for code in codes.codes]
    else:
        values = _dequantized(case.given["x"], fmt)
    return one(BINARY32, *map(spec.to_float32_bits, values))


def _dequantized(x: Patterns, fmt: BlockFormat) -> list[spec.Value]:
    """Return what a row becomes, quantized and back."""
    row = [spec.from_float32_bits(pattern) for pattern in x.codes]
    tensor = spec.tensor_scale(row, fmt)
    values = []
    for block in chunks(row, fmt.block_size or len(row)):
        scale, codes = spec.quantize_block(block, fmt, tensor=tensor)
        values += spec.dequantize_block(scale, codes, fmt, tensor=tensor)
    return values


def _array(patterns: Patterns) -> Any:
    return np.array(patterns.codes, np.uint32).view(np.float32)


def _result(function: Quantizer, x: Patterns, case: Case, size: int) -> dict[str, tuple[int, ...]]:
    """Call the function and return bit patterns by name: of codes, or of values."""
    found = function(_array(x))
    if isinstance(found, tuple) and len(found) in PARTS:
        found = dict(zip(PARTS[len(found)], found, strict=True))
    if isinstance(found, Mapping):
        formats = case.expected or {}
        return {name: _bits(part, formats.get(name), None) for name, part in found.items()}
    expected = case.expected or {}
    blocks_of_values = "scale" in expected
    only = None if blocks_of_values else next(iter(expected.values()))
    name = "values" if blocks_of_values or not _is_integer(found) else "codes"
    return {name: _bits(found, only if name == "codes" else None, size)}


def _is_integer(found: Any) -> bool:
    return np.asarray(found).dtype.kind in "iu"


def _bits(found: Any, expected: Patterns | None, size: int | None) -> tuple[int, ...]:
    """Return the patterns of an array of codes, or of values that binary32 holds."""
    array = np.asarray(found).reshape(-1)
    if array.dtype.kind in "OUSM":
        raise TypeError(f"function must return numbers or codes, got {found!r:.80}")
    if size is not None and array.size != size:
        raise TypeError(f"function must return {size} elements for {size}, got {array.size}")
    if array.dtype.kind in "iu":
        # Signed integers are codes of two's complement; what is too large stays what it is.
        least = 0 if expected is None else -(1 << expected.fmt.bits - 1)
        return tuple(int(n) - 2 * least if least <= n < 0 else int(n) for n in array)
    with np.errstate(all="ignore"):
        narrow = array.astype(np.float32)
        wide = array.astype(np.float64)
    if not np.array_equal(narrow.astype(np.float64), wide, equal_nan=True):
        raise TypeError(f"function must return numbers that float32 holds, got {array.dtype}")
    return tuple(map(int, narrow.view(np.uint32)))
