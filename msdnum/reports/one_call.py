"""One call for all that is known of a format, a scheme, a unit or a quantized array."""

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from msdnum import bounds
from msdnum.emulator.blocks import quantize
from msdnum.emulator.elements import round_to
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.evidence import format_worst_cases as worst_cases
from msdnum.evidence.effective_bits import approximation
from msdnum.evidence.product_roundings import accumulation
from msdnum.evidence.worst_cases import among_pairs
from msdnum.formats.accumulators import AnyAccumulator
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import (
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    INT8,
    INT8_SYMMETRIC,
    MXINT8_ELEMENT,
    ElementFormat,
    FloatFormat,
    IntegerFormat,
    TableFormat,
)
from msdnum.formats.modes import Overflow, ScaleRule
from msdnum.formats.schemes import OWN_AMAX, Scheme
from msdnum.reports import units
from msdnum.reports.costs import costs
from msdnum.reports.inputs import Input, checked, compared, inputs, measured
from msdnum.reports.integrals import Subject as Integrable
from msdnum.reports.integrals import integrals, note
from msdnum.reports.pages import Guarantee, Measured, Storage
from msdnum.reports.parts import (
    block_facts,
    described,
    expected,
    expected_of,
    guarantee,
    notes_on_units,
    range_of,
    scaled_range,
    storage,
    theorem_of,
    unit_of_errors,
    worst_of,
)
from msdnum.reports.report_page import Report

__all__ = ["report"]

Subject: TypeAlias = ElementFormat | BlockFormat | Scheme | AnyAccumulator | QuantizedArray

STATED = (E2M1, E2M3, E3M2, E4M3, E5M2, INT8, INT8_SYMMETRIC, MXINT8_ELEMENT)
"""Formats of theorem element-rounding."""
EVERY = (
    "Every scale is tried: which a block has depends on all its numbers, and no worst is searched."
)


def report(what: Subject, x: Any = None, distribution: Any = None, *, seed: int = 0) -> Report:
    """Return one page on a number format, block format, scheme, unit or quantized array.

    Worst case and witness, bound and evidence, expected and measured bits, SNR, bits per element,
    range, and cost on each machine. ``print`` shows it in a terminal, a notebook by itself;
    ``as_dict``, ``records`` and ``to_pandas`` give its numbers to programs.

    Parameters
    ----------
    what : ElementFormat, BlockFormat, Scheme, accumulator or QuantizedArray
        Named or your own.
    x : array of numbers, optional
        To measure on, in blocks along the last axis, each number rounded once to binary32. Of a
        quantized array: what it stands for.
    distribution : object, optional
        To measure on 256 x 128 samples of it: anything with ``rvs(size=..., random_state=...)``, as
        frozen distributions of ``scipy.stats``; a family of ``msdnum.inputs``, or its name. Without
        it and ``x``, six families. Of one that has a density, and of the four families that have
        one, the page of a format or scheme has the expected bits, too, integrated over its cells.
    seed : int
        Of all samples.

    Raises
    ------
    TypeError
        If ``what`` is none of these, or there is nothing to measure on.
    ValueError
        If ``x`` or a sample is empty or not finite, or an array and ``x`` differ in shape.

    Examples
    --------
    From an idea to its worst case:

    >>> import msdnum
    >>> idea = msdnum.covering_scheme("IDEA", msdnum.FloatFormat("E2M2", 2, 2, 1), block_size=16)
    >>> print(msdnum.report(idea).worst)
    alpha/16, 4.00 bits at BF16 3f90 [3f90]
    """
    if not isinstance(what, (*get_args(ElementFormat), BlockFormat, Scheme, QuantizedArray,
                             *get_args(AnyAccumulator))):  # fmt: skip
        raise TypeError(
            f"what must be a number format, block format, scheme, accumulator or QuantizedArray, "
            f"got {type(what).__name__}: names are looked up in ELEMENT_FORMATS, BLOCK_FORMATS, "
            f"SCHEMES and ALL_ACCUMULATORS"
        )
    match what:
        case FloatFormat() | IntegerFormat() | TableFormat():
            page = _element(what, list(inputs(x, distribution, seed)), seed)
        case BlockFormat():
            page = _block(what, list(inputs(x, distribution, seed)), seed)
        case Scheme():
            page = _scheme(what, list(inputs(x, distribution, seed)), seed)
        case QuantizedArray():
            return _array(what, x, distribution, seed)
        case _:
            return _unit(what, list(inputs(x, distribution or "normal" if x is None else None,
                                           seed)), seed)  # fmt: skip
    return page if x is not None else _with_integrals(page, what, distribution)


def _with_integrals(page: Report, what: Integrable, distribution: Any) -> Report:
    """Add the expected bits of a distribution, or of the families that have a density."""
    found = integrals(what, distribution, families=distribution is None)
    why = () if found else (note(what, distribution),)
    return replace(page, integrated=found, notes=page.notes + why)


# Number formats


def _element(fmt: ElementFormat, given: Sequence[Input], seed: int) -> Report:
    found = worst_cases.of_element(fmt)
    unit = "|x|" if worst_cases.has_relative(fmt) else "max"

    def rounded(x: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(round_to(x, fmt, overflow=Overflow.SATURATE))

    return Report(
        fmt.name,
        "number format",
        {"is": described(fmt)},
        worst_of(found, unit),
        guarantee(found.bound, unit, "element-rounding", fmt in STATED),
        expected((fmt,), ScaleRule.COVERING),
        tuple(measured(one, rounded) for one in given),
        (),
        Storage(Fraction(fmt.bits), f"{fmt.bits}, no scale"),
        (range_of(fmt),),
        costs=tuple(costs((fmt,), Fraction(fmt.bits))),
        notes=("Numbers are rounded (RNE, saturating) as they are, without a scale.",),
        seed=seed,
        subject=fmt,
    )


# Block formats


def _block(fmt: BlockFormat, given: Sequence[Input], seed: int) -> Report:
    every = fmt.search is not None and fmt.search.divisors is None
    found = None if every else worst_of(worst_cases.of_block(fmt), unit_of_errors(fmt))
    scheme = worst_cases.as_scheme(fmt)
    name = None if scheme is None else theorem_of(scheme)
    unit = unit_of_errors(fmt)

    def quantized(x: NDArray[Any]) -> NDArray[Any]:
        return worst_cases.what_it_holds(quantize(x, _fitted(fmt, x)))

    return Report(
        fmt.name,
        "block format",
        block_facts(fmt),
        found,
        guarantee(worst_cases.block_bound(fmt), unit, name),
        expected_of(scheme),
        tuple(measured(one, quantized) for one in given),
        (),
        storage((fmt,)),
        (range_of(fmt.element), scaled_range(fmt)),
        costs=tuple(costs((fmt.element,), storage((fmt,)).bits_per_element)),
        notes=(*notes_on_units(fmt), *([EVERY] if every else [])),
        seed=seed,
        subject=fmt,
    )


def _fitted(fmt: BlockFormat, x: NDArray[Any]) -> BlockFormat:
    """Return a format whose blocks are no longer than the rows of x, nor higher than all of it."""
    fitted = fmt if x.ndim > 1 else replace(fmt, rows=1)
    size = fmt.block_size
    return fitted if size is None else replace(fitted, block_size=min(size, x.shape[-1]))


# Schemes


def _scheme(scheme: Scheme, given: Sequence[Input], seed: int) -> Report:
    first = scheme.formats[0]
    unit, elements = unit_of_errors(first), [fmt.element for fmt in scheme.formats]
    found = among_pairs(scheme)
    ranges = tuple(dict.fromkeys(range_of(element) for element in elements))
    each = max(storage((fmt,)).bits_per_element for fmt in scheme.formats)

    def decomposed(x: NDArray[Any]) -> NDArray[Any]:
        formats = tuple(_fitted(fmt, x) for fmt in scheme.formats)
        return approximation(x, replace(scheme, formats=formats))

    return Report(
        scheme.name,
        "scheme",
        _scheme_facts(scheme),
        worst_of(found, unit),
        guarantee(bounds.remainder(scheme), unit, theorem_of(scheme)),
        expected_of(scheme),
        tuple(measured(one, decomposed) for one in given),
        (),
        storage(scheme.formats),
        ranges,
        costs=tuple(costs(elements, each)),
        notes=notes_on_units(first),
        seed=seed,
        subject=scheme,
    )


def _scheme_facts(scheme: Scheme) -> dict[str, str]:
    own = scheme.ratios is OWN_AMAX
    ratios = "from what is left" if own else ", ".join(map(str, scheme.ratios or ())) or "none"
    return {
        "terms": " + ".join(fmt.element.name for fmt in scheme.formats),
        "ratios of scales": ratios,
        "scale": block_facts(scheme.formats[0])["scale"],
        "arithmetic": f"{scheme.arithmetic.name}: {scheme.arithmetic.value}",
    }


# Arrays


def _array(array: QuantizedArray, x: Any, distribution: Any, seed: int) -> Report:
    """Report on the format of an array, measured on the array itself where x is given."""
    array = array.checked()
    if x is None:
        page = report(array.format, None, distribution, seed=seed)
    else:
        given = Input("x", "as given", checked(x, "x"), None)
        page = replace(_block(array.format, [], seed), measured=(_on_array(array, given),))
        if distribution is not None:
            raise ValueError("distribution must be None where x is given, got both")
    note = () if x is not None else ("Measured is the format: give x, too, to measure the array.",)
    facts = {**page.facts, **_array_facts(array)}
    return replace(
        page,
        kind="quantized array",
        facts=facts,
        storage=_array_storage(array),
        notes=page.notes + note,
        subject=array,
    )


def _on_array(array: QuantizedArray, given: Input) -> Measured:
    if given.x.shape != array.shape:
        raise ValueError(f"x must have the shape of the array, {array.shape}, got {given.x.shape}")
    return compared(given, given.x, worst_cases.what_it_holds(array) / array.divisor)


def _array_facts(array: QuantizedArray) -> dict[str, str]:
    scales = np.asarray(array.scales(), np.float64)
    known = scales[np.isfinite(scales)]
    values = np.abs(np.asarray(array.dequantize(), np.float64))
    spread = f", scales from {known.min():.5g} to {known.max():.5g}" if known.size else ""
    where = "all of it" if array.axis is None else f"blocks along axis {array.axis}"
    return {
        "array": f"shape {array.shape}, {where}, {scales.size:,} blocks{spread}",
        "holds": f"{int((values == 0).sum()):,} zeros, {int(np.isnan(scales).sum()):,} NaN blocks",
    }


def _array_storage(array: QuantizedArray) -> Storage:
    fmt, elements = array.format, math.prod(array.shape)
    scales = math.prod(array.scale_codes.shape)
    tensor = 32 * (array.tensor_scale is not None)
    bits = Fraction(elements * fmt.element.bits + scales * fmt.scale.bits + tensor, elements)
    written = f"{fmt.element.bits} + {scales:,} scales of {fmt.scale.bits} / {elements:,} elements"
    return Storage(bits, written + (", one of 32" if tensor else ""))


# Units


def _unit(unit: AnyAccumulator, given: Sequence[Input], seed: int) -> Report:
    tried = [units.tried(unit, one, seed) for one in given]
    worst = next((found for _, found in tried if found is not None), None)
    bits = tuple(one for some, _ in tried for one in some)
    length = min(units.LONGEST, given[0].x.size)
    source = getattr(unit, "source", "") or "its definition in msdnum.formats.accumulators"
    return Report(
        unit.name,
        "unit",
        {"is": repr(unit), "source": source, "takes": ", ".join(units.takes(unit)) or "nothing"},
        worst,
        _unit_guarantee(unit, length),
        None,
        bits,
        sums=tuple(units.sums(unit)),
        notes=(
            f"Measured: sums of {length:,} products of the input by normal numbers, both rounded "
            "to the format; errors are of the sums alone. |a||b| is the sum of the magnitudes of "
            "the products. The bound counts two more roundings, by scales, and no underflow.",
        ),
        seed=seed,
        subject=unit,
    )


def _unit_guarantee(unit: AnyAccumulator, k: int) -> Guarantee:
    found = accumulation(unit, k, terms=1, scalings=2, segment=k)
    if not found.bounded:
        return guarantee(math.inf, "|a||b|", None)
    return guarantee(found.gamma, "|a||b|", "gemm")
