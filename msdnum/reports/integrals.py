"""Integrals of a report: expected bits of distributions that have a density, without sampling."""

import math
from dataclasses import replace
from typing import Any, TypeAlias

from msdnum.evidence.quadrature import Density, ExpectedErrors, expected_errors, expected_rounding
from msdnum.evidence.scheme_quadrature import expected_decomposition
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import ElementFormat, IntegerFormat
from msdnum.formats.modes import Arithmetic
from msdnum.formats.schemes import Scheme
from msdnum.inputs.densities import DENSITIES
from msdnum.inputs.families import Family
from msdnum.reports.inputs import SHAPE, name_of
from msdnum.reports.pages import Integrated

__all__ = ["integrals", "note", "why_none"]

Subject: TypeAlias = ElementFormat | BlockFormat | Scheme

WIDEST, TERMS = 12, 16
"""Bits of a format, or of the terms of a scheme, whose cells can be integrated over in a moment."""


def integrals(
    what: Subject, distribution: Any = None, *, families: bool = False
) -> tuple[Integrated, ...]:
    """Return the expected bits of a distribution; none where they are not known.

    Parameters
    ----------
    what : ElementFormat, BlockFormat or Scheme
        Where a whole row shares a scale, of rows as long as those of samples.
    distribution : object
        With ``pdf``, ``cdf``, ``ppf`` and a finite variance, or a family of independent numbers, or
        its name; others have no integral here.
    families : bool
        Whether to take all such families in its place.
    """
    if why_none(what):
        return ()
    if families:
        if _bits(what) > WIDEST:
            return ()
        return tuple(Integrated(name, _found(what, of).bits) for name, of in DENSITIES.items())
    density = _density(distribution)
    if density is None:
        return ()
    name = density.name if density in DENSITIES.values() else name_of(density)
    return (Integrated(name, _found(what, density).bits),)


def _found(what: Subject, distribution: Density) -> ExpectedErrors:
    match what:
        case Scheme():
            return expected_decomposition(what, distribution, _row(what.formats[0]))
        case BlockFormat() if what.scale.bits > 8:  # The same integral, ordered to be quick.
            return _found(Scheme(what.name, (what,), (), Arithmetic.EXACT), distribution)
        case BlockFormat():
            fmt = replace(what, block_size=_row(what) or what.block_size)
            return expected_errors(fmt, distribution)
    return expected_rounding(what, 1.0, distribution)


def _row(fmt: BlockFormat) -> int | None:
    """Return how long the rows of samples are, where a row shares a scale."""
    return SHAPE[-1] if fmt.block_size is None else None


def _density(given: Any) -> Any:
    """Return what has a density and a finite variance, or None."""
    name = given.name if isinstance(given, Family) else given
    if isinstance(name, str):
        return DENSITIES.get(name)
    methods = ("pdf", "cdf", "ppf", "var")
    if not all(callable(getattr(given, method, None)) for method in methods):
        return None
    return given if math.isfinite(given.var()) else None


def why_none(what: Subject) -> str:
    """Say why nothing is integrated; empty where it is."""
    if isinstance(what, Scheme) and (
        what.arithmetic is not Arithmetic.EXACT or what.ratios is None
    ):
        return "every step is rounded, or scales follow from each remainder"
    formats = what.formats if isinstance(what, Scheme) else (what,)
    for fmt in formats:
        if isinstance(fmt, BlockFormat):
            if fmt.search is not None:
                return "all numbers of a block decide its scale"
            if fmt.tensor_scale:
                return "all numbers of a tensor decide its scale"
        element = fmt.element if isinstance(fmt, BlockFormat) else fmt
        if not _is_signed(element):
            return "its numbers have no sign"
    most = TERMS if isinstance(what, Scheme) else WIDEST
    return "its cells are too many" if _bits(what) > most else ""


def note(what: Subject, distribution: Any) -> str:
    """Say why a page has no expected bits of this distribution, or of families."""
    reason = why_none(what)
    if not reason and distribution is None and _bits(what) > WIDEST:
        return "Expected bits are integrated for a distribution that is given: it takes a second."
    if not reason and distribution is not None and _density(distribution) is None:
        reason = "it has no density, or no finite variance, that is known here"
    return f"Expected bits are not integrated: {reason}." if reason else ""


def _is_signed(element: ElementFormat) -> bool:
    if isinstance(element, IntegerFormat):
        return element.min_integer < 0
    return bool(getattr(element, "signed", True))


def _bits(what: Subject) -> int:
    if isinstance(what, Scheme):
        return sum(fmt.element.bits for fmt in what.formats)
    return what.element.bits if isinstance(what, BlockFormat) else what.bits
