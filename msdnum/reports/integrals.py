"""Integrals of a report: expected bits of a distribution that has a density, without sampling."""

import math
from typing import Any

from msdnum.evidence.quadrature import Density, ExpectedErrors, expected_errors, expected_rounding
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import ElementFormat, IntegerFormat
from msdnum.reports.inputs import name_of
from msdnum.reports.pages import Integrated

__all__ = ["integrals"]

WIDEST = 12
"""Bits of a format whose cells can be integrated over in a moment."""


def integrals(fmt: ElementFormat | BlockFormat, distribution: Any) -> tuple[Integrated, ...]:
    """Return the expected bits of a distribution; none where they are not known.

    Parameters
    ----------
    fmt : ElementFormat or BlockFormat
        Rounds to nearest. Of blocks, one without a scale of the whole tensor, which would follow
        from all numbers.
    distribution : object
        With ``pdf``, ``cdf``, ``ppf`` and a finite variance; others have no integral here.
    """
    if not _is_density(distribution) or not _is_integrable(fmt):
        return ()
    return (Integrated(name_of(distribution), _found(fmt, distribution).bits),)


def _found(fmt: ElementFormat | BlockFormat, distribution: Density) -> ExpectedErrors:
    if isinstance(fmt, BlockFormat):
        return expected_errors(fmt, distribution)
    return expected_rounding(fmt, 1.0, distribution)


def _is_density(distribution: Any) -> bool:
    methods = ("pdf", "cdf", "ppf", "var")
    if not all(callable(getattr(distribution, name, None)) for name in methods):
        return False
    return math.isfinite(distribution.var())


def _is_integrable(fmt: ElementFormat | BlockFormat) -> bool:
    """Whether its cells are few, on both sides of zero, and what scales them is known."""
    if isinstance(fmt, BlockFormat):
        scaled = fmt.block_size is not None and not fmt.tensor_scale
        return scaled and fmt.search is None and _is_integrable(fmt.element)
    signed = fmt.min_integer < 0 if isinstance(fmt, IntegerFormat) else getattr(fmt, "signed", True)
    return bool(signed) and fmt.bits <= WIDEST
