"""Features of a unit: what it keeps of small addends, and how it rounds."""

from dataclasses import dataclass

from msdnum.evidence.addition_orders import START, AdditionOrder, Meeting
from msdnum.evidence.products_of_powers import Powers
from msdnum.evidence.unit_measurements import UnitMeasurement

__all__ = ["Features", "features_of"]


@dataclass(frozen=True)
class Features:
    """What was measured of a unit; None where the format cannot show it.

    Parameters
    ----------
    fraction_bits : int or None
        Bits below the largest exponent of which addends are aligned in one addition are kept.
    alignment : str or None
        How addends are rounded there.
    other_parts : str or None
        The same of every other addend, where it differs.
    start_alignment : str or None
        How c, or the sum so far, is rounded beside products, where it differs.
    apart : bool or None
        Whether each addend is rounded by itself, before the sum.
    normalized : bool or None
        Whether the product 1.5 * 1.5 has the exponent 1, not 0.
    rounded_products : bool or None
        Whether products of binary32 are rounded before they are added.
    result_bits : int or None
        Fraction bits of a sum.
    rounding : str or None
        How a sum is rounded to them.
    seen_beside_start : int or None
        Bits of a sum of products, below the exponent of what they are added to, that still decide
        a tie.
    inputs, results, starts : str or None
        Of subnormal elements, results and c: "kept" or "zero".
    negative_zero : str
        The sum of nothing but -0: "-0" or "+0".
    vanished : str or None
        What a negative number becomes that is below all that is kept: "-0", "+0" or a number.
    exponent_of_zero : int or None
        That a zero counts as having; None where it is below all that can be seen.
    overflow : str or None
        What a sum becomes that is too large: "Inf", "NaN" or "largest".
    product_overflow : str or None
        What is left of a product that is too large, where the rest of its group would balance it.
    """

    fraction_bits: int | None
    alignment: str | None
    other_parts: str | None
    start_alignment: str | None
    apart: bool | None
    normalized: bool | None
    rounded_products: bool | None
    result_bits: int | None
    rounding: str | None
    seen_beside_start: int | None
    inputs: str | None
    results: str | None
    starts: str | None
    negative_zero: str
    vanished: str | None
    exponent_of_zero: int | None
    overflow: str | None
    product_overflow: str | None


def features_of(powers: Powers, order: AdditionOrder) -> Features:
    """Return what can be measured of a unit whose order of addition is known."""
    m = UnitMeasurement(powers, _places(order))
    together = order.together * (powers.box.slot if order.slot > 1 else 1)
    bits = m.fraction_bits() if together >= 3 and not order.is_exact else None
    alignment = None if bits is None else m.alignment(bits)
    result = m.result_bits()
    rounding = None if result is None else m.rounding(result, bits)
    return Features(
        bits,
        alignment,
        None if bits is None else m.other_parts(bits, alignment),
        None if bits is None else m.start_alignment(bits, alignment),
        None if bits is None else m.apart(bits),
        None if bits is None else m.normalized(bits),
        m.rounded_products(),
        result,
        rounding,
        None if result is None else m.seen_beside_start(result, rounding),
        m.inputs(),
        m.results(),
        m.starts(),
        m.negative_zero(),
        m.vanished(),
        None if bits is None else m.exponent_of_zero(bits),
        m.overflow(),
        m.product_overflow(),
    )


def _places(order: AdditionOrder) -> list[int]:
    """Return places of k, those of the first addition first, then as they are added."""
    return [leaf for leaf in _in_order(order.tree) if leaf != START]


def _in_order(tree: int | Meeting) -> list[int]:
    if isinstance(tree, int):
        return [tree]
    return [leaf for addend in tree.addends for leaf in _in_order(addend)]
