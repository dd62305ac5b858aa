"""Parts of a page that formats and schemes have in common, made from what they are."""

import math
from collections.abc import Sequence
from fractions import Fraction

from msdnum import bounds
from msdnum.bounds.averages import cells_summed
from msdnum.evidence.worst_cases import Extreme
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import E8M0, ElementFormat, FloatFormat, IntegerFormat, TableFormat
from msdnum.formats.modes import Arithmetic, ScaleRule
from msdnum.formats.scale_searches import ScaleSearch
from msdnum.formats.schemes import Scheme, amax_scheme, covering_scheme
from msdnum.ledger.theorems import theorem
from msdnum.reports.pages import Expected, Guarantee, Range, Storage, Worst

__all__ = [
    "block_facts", "described", "expected", "expected_of", "guarantee", "notes_on_units",
    "range_of", "scaled_range", "storage", "theorem_of", "unit_of_errors", "worst_of",
]  # fmt: skip

CELLS = 100_000
"""A closed form with more of them takes too long."""


def described(fmt: ElementFormat) -> str:
    """Say in words what a number format is."""
    if isinstance(fmt, IntegerFormat):
        point = f", {fmt.fraction_bits} of them after the point" if fmt.fraction_bits else ""
        return f"integers of {fmt.bits} bits{point}, from {fmt.min_integer} to {fmt.max_integer}"
    if isinstance(fmt, TableFormat):
        low, high = (float(end.value) for end in (fmt.ordered[0], fmt.ordered[-1]))
        return f"{len(fmt.ordered)} numbers by table, from {low:g} to {high:g}"
    sign = "sign, " if fmt.signed else ""
    return (
        f"{sign}{fmt.exponent_bits} exponent bits with bias {fmt.bias}, {fmt.fraction_bits} "
        f"fraction bits; {fmt.specials.value}"
    )


def range_of(fmt: ElementFormat) -> Range:
    """Return the largest and smallest numbers of a format."""
    if not isinstance(fmt, FloatFormat):
        least = fmt.eta if isinstance(fmt, IntegerFormat) else fmt.min_normal
        return Range(fmt.name, Fraction(fmt.max_finite), Fraction(least), None)
    subnormal = None if fmt.min_subnormal is None else Fraction(fmt.min_subnormal)
    return Range(fmt.name, Fraction(fmt.max_finite), Fraction(fmt.min_normal), subnormal)


def unit_of_errors(fmt: BlockFormat) -> str:
    """Return what errors are relative to."""
    return "alpha" if fmt.scale == E8M0 else "amax"


def notes_on_units(fmt: BlockFormat) -> tuple[str, ...]:
    """Say what that is."""
    if fmt.scale == E8M0:
        meaning = "alpha is the least power of two that is not below the block's amax"
    else:
        meaning = "amax is the largest magnitude of the block"
    tensor = " The scale of the whole tensor counts as no bits." if fmt.tensor_scale else ""
    return (f"{meaning}; worst case and bound hold where no scale under- or overflows.{tensor}",)


def storage(formats: Sequence[BlockFormat]) -> Storage:
    """Return bits per element: each term has scales of its own, that of a row counts as none."""
    parts = [
        (f.element.bits, Fraction(f.scale.bits, f.block_size) if f.block_size else Fraction(0))
        for f in formats
    ]
    written = (
        f"{f.element.bits} + {f.scale.bits}/{f.block_size}" if f.block_size else
        f"{f.element.bits} + {f.scale.bits} a row" for f in formats
    )  # fmt: skip
    return Storage(sum((bits + scale for bits, scale in parts), Fraction(0)), " + ".join(written))


def scaled_range(fmt: BlockFormat) -> Range:
    """Return the largest and smallest products of an element and a scale."""
    own, scale = range_of(fmt.element), fmt.scale
    least = Fraction(scale.min_subnormal or scale.min_normal)
    normal, subnormal = own.smallest_normal, own.smallest_subnormal
    return Range(
        "with scales",
        own.largest * Fraction(scale.max_finite),
        None if normal is None else normal * least,
        None if subnormal is None else subnormal * least,
    )


def block_facts(fmt: BlockFormat) -> dict[str, str]:
    """Say in words what a block format is."""
    size = "a row" if fmt.block_size is None else str(fmt.block_size)
    tensor = ", and a binary32 scale for the tensor" if fmt.tensor_scale else ""
    rule = f"{fmt.rule.name}: {fmt.rule.value}" if fmt.search is None else _searched(fmt.search)
    return {
        "elements": f"{fmt.element.name}: {described(fmt.element)}",
        "scale": f"{fmt.scale.name} for {size}, by {rule}{tensor}",
    }


def _searched(search: ScaleSearch) -> str:
    """Say in words among which scales a block has its own."""
    if search.divisors is None:
        tried = "every scale"
    else:
        tried = " and ".join(f"amax / {divisor:g}" for divisor in search.divisors)
    return f"a search of {tried}: {search.criterion.value}"


def theorem_of(scheme: Scheme) -> str:
    """Return the theorem that bounds what a scheme leaves."""
    exact = scheme.arithmetic is Arithmetic.EXACT
    return "remainder" if exact else "int8-decomposition-float32"


def worst_of(found: Extreme, unit: str) -> Worst:
    """Return what was found as a part of a page."""
    return Worst(found.error, unit, found.witness, found.evidence)


def guarantee(
    bound: Fraction | float, unit: str, name: str | None, stated: bool = True
) -> Guarantee:
    """Return a bound and its evidence; without a theorem, none."""
    if math.isinf(bound) or name is None:
        return Guarantee(math.inf, unit, None, "")
    proof = _proof(name) if stated else "its formula, which is stated for other formats only"
    return Guarantee(bound, unit, name, proof)


def _proof(name: str) -> str:
    known = theorem(name)
    return "its proof is not beside this package" if known is None else known.proof


def expected_of(scheme: Scheme | None) -> Expected | None:
    """Return the closed form, of a scheme whose every term covers just what is left."""
    if scheme is None or scheme.arithmetic is not Arithmetic.EXACT:
        return None
    elements, rule = [fmt.element for fmt in scheme.formats], scheme.formats[0].rule
    if rule not in (ScaleRule.AMAX, ScaleRule.COVERING):
        return None
    if scheme.terms > 1 and scheme.ratios != _natural(elements, rule):
        return None
    return expected(elements, rule)


def _natural(elements: Sequence[ElementFormat], rule: ScaleRule) -> tuple[Fraction, ...] | None:
    """Return the ratios at which each term covers just what is left, if a scheme has them."""
    try:
        if rule is ScaleRule.COVERING:
            return covering_scheme("", *elements).ratios
        return amax_scheme("", *(e for e in elements if isinstance(e, IntegerFormat))).ratios
    except ValueError:
        return None


def expected(elements: Sequence[ElementFormat], rule: ScaleRule) -> Expected | None:
    """Return the closed form, where it exists and is quick."""
    if any(isinstance(element, TableFormat) for element in elements):
        return None
    try:
        if cells_summed(elements, rule) > CELLS:
            return None
        found = bounds.rms_error(elements, rule=rule)
    except ValueError:
        return None
    return Expected(found.bits, found.uniform_bits, "rms-error", _proof("rms-error"))
