"""Sums of products over k, as each accumulator defines them, for two-dimensional finite factors."""

from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.operands import OperandType, Prepared
from msdnum.emulator.gemm.units.kinds import sums_of
from msdnum.emulator.gemm.units.sums import OperandTypes, Range
from msdnum.formats.accumulators import AnyAccumulator, Blocks
from msdnum.formats.elements import TF32, FloatFormat

__all__ = ["accumulate", "check_accumulator", "depends_on_range", "lowest_product"]


def accumulate(
    a: Prepared,
    b: Prepared,
    kinds: OperandTypes,
    accumulator: AnyAccumulator,
    values: Range,
    c: Array | None,
) -> Array:
    """Return c plus the sum of products.

    Parameters
    ----------
    a, b : Prepared
        Of shape (m, k) and (k, n). Where they are Inf or NaN, nothing is said of the sums.
    kinds : tuple of OperandType
        Operand types of the two sides.
    accumulator : Accumulator
        One that ``check_accumulator`` accepts for them.
    values : Range
        MODERATE only where ``depends_on_range``, and where it is so.
    c : Array of float32, or None
        Where to start; None: +0. Not for sums without steps.

    Returns
    -------
    Array of float32, int32 or int64
        Integers from Int32 accumulators, and from EXACT for integers; shape (m, n).
    """
    return sums_of(accumulator).accumulate(a, b, kinds, values, c)


def depends_on_range(accumulator: AnyAccumulator, kinds: OperandTypes) -> bool:
    """Return whether there is a faster way for values of moderate exponents."""
    return sums_of(accumulator).depends_on_range(kinds)


def lowest_product(accumulator: AnyAccumulator) -> int:
    """Return the exponent below which no product may be in a moderate range."""
    return sums_of(accumulator).lowest_product


def check_accumulator(accumulator: AnyAccumulator, kinds: OperandTypes, segment: int) -> None:
    """Raise unless the accumulator is defined for these kinds, in every segment of k.

    Raises
    ------
    TypeError
        If its class is unknown.
    ValueError
        If it does not take these operands.
    """
    sums = sums_of(accumulator)
    for kind in kinds:
        _check_taken(accumulator, kind)
        _check_scales(accumulator, kind)
    sums.check(kinds, segment)


def _check_taken(accumulator: AnyAccumulator, kind: OperandType) -> None:
    if not accumulator.takes or kind.element in accumulator.takes:
        return
    names = " or ".join(fmt.name for fmt in accumulator.takes)
    remedy = " (float32 arrays are cut to it)" if TF32 in accumulator.takes else ""
    raise ValueError(
        f"accumulator {accumulator.name} takes elements of {names}{remedy}, "
        f"got {kind.element.name}: its instruction has no others"
    )


def _check_scales(accumulator: AnyAccumulator, kind: OperandType) -> None:
    unit = accumulator.inner if isinstance(accumulator, Blocks) else accumulator
    taken: tuple[tuple[FloatFormat, int], ...] = getattr(unit, "scales", ())
    blocks = {min(size, kind.length) for scale, size in taken if scale == kind.scale}
    if not taken or kind.inside in blocks:
        return
    forms = " or ".join(f"{scale.name} by {size}" for scale, size in taken)
    found = "none" if kind.scale is None else f"{kind.scale.name} by {kind.inside}"
    raise ValueError(
        f"accumulator {accumulator.name} takes scales inside of {forms}, got {found} beside "
        f"{kind.element.name}: its instruction has no others"
    )
