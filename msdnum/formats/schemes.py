"""Schemes by name, and the functions that build those of the paper. `Scheme` is re-exported."""

from fractions import Fraction
from itertools import pairwise

from msdnum._checks import check_type
from msdnum._registry import Registry
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import (
    BINARY32,
    E2M1,
    E4M3,
    E8M0,
    INT8_SYMMETRIC,
    ElementFormat,
    IntegerFormat,
)
from msdnum.formats.modes import Arithmetic, ScaleRule
from msdnum.formats.scheme_kinds import OWN_AMAX, Scheme, natural_ratio

__all__ = [
    "INT8_X1", "INT8_X1_FLOAT32", "INT8_X2", "INT8_X2_FLOAT32", "INT8_X3", "INT8_X3_FLOAT32",
    "MXFP4_X1", "MXFP4_X2", "MXFP4_X3", "MXFP8_X1", "MXFP8_X2", "MXFP8_X3", "OWN_AMAX", "SCHEMES",
    "Scheme", "amax_scheme", "covering_scheme",
]  # fmt: skip


def covering_scheme(
    name: str,
    *elements: ElementFormat,
    block_size: int | None = 32,
    rule: ScaleRule = ScaleRule.COVERING,
) -> Scheme:
    """Return the scheme with power-of-two scales whose every term covers what is left.

    With alpha the range of a term, its scale is ``alpha / 2**emax``; a floating-point element of
    precision p leaves at most ``alpha / 2**(p + 1)``, which is the range of the next term.
    So MXFP4 x2 has the scales ``alpha / 4`` and ``alpha / 32``.

    Parameters
    ----------
    name : str
        Name in tables and messages.
    *elements : ElementFormat
        One for each term.
    block_size : int or None
        Elements that share a scale; None: a row.
    rule : ScaleRule
        How alpha follows from amax; another rule than COVERING keeps the ratios.

    Raises
    ------
    TypeError
        If an element is no ElementFormat.
    ValueError
        As `Scheme`.

    Notes
    -----
    Source: paper, claim C2; theorems mxfp4-decomposition and mixed-decomposition.

    Examples
    --------
    >>> from msdnum import bounds, covering_scheme
    >>> from msdnum.formats import E2M1, E4M3
    >>> mixed = covering_scheme("E4M3 + E2M1", E4M3, E2M1)
    >>> mixed.ratios, bounds.remainder(mixed)
    ((Fraction(1, 2),), Fraction(1, 256))
    """
    for element in elements:
        check_type("elements", element, ElementFormat, name)
    formats = tuple(BlockFormat(f"MX-{e.name}", e, E8M0, block_size, rule) for e in elements)
    ratios = tuple(natural_ratio(a, b) for a, b in pairwise(elements))
    return Scheme(name, formats, ratios, Arithmetic.EXACT)


def amax_scheme(
    name: str,
    *elements: IntegerFormat,
    arithmetic: Arithmetic = Arithmetic.EXACT,
    block_size: int | None = None,
) -> Scheme:
    """Return the scheme with scales ``amax / max_integer`` whose every term covers what is left.

    An integer term leaves at most half its scale, which is the range of the next term: INT8
    digits have the scales ``amax / 127``, then each ``/ 254``.

    Parameters
    ----------
    name : str
        Name in tables and messages.
    *elements : IntegerFormat
        One for each term.
    arithmetic : Arithmetic
        EXACT, the paper's, or FLOAT32.
    block_size : int or None
        Elements that share a scale; None: a row.

    Raises
    ------
    TypeError
        If an element is no IntegerFormat.
    ValueError
        As `Scheme`.

    Notes
    -----
    Source: paper, claim C1; theorems int8-decomposition, int8-decomposition-float32.

    Examples
    --------
    >>> from msdnum import amax_scheme
    >>> from msdnum.formats import INT4, INT8_SYMMETRIC
    >>> amax_scheme("INT8 + INT4", INT8_SYMMETRIC, INT4).ratios
    (Fraction(14, 1),)
    """
    for element in elements:
        check_type("elements", element, IntegerFormat, name)
    formats = tuple(
        BlockFormat(f"{e.name}-AMAX", e, BINARY32, block_size, ScaleRule.AMAX) for e in elements
    )
    ratios = tuple(Fraction(2 * e.max_integer) for e in elements[1:])
    return Scheme(name, formats, ratios, arithmetic)


INT8_X1, INT8_X2, INT8_X3 = (amax_scheme(f"INT8_X{n}", *[INT8_SYMMETRIC] * n) for n in (1, 2, 3))
INT8_X1_FLOAT32, INT8_X2_FLOAT32, INT8_X3_FLOAT32 = (
    amax_scheme(f"INT8_X{n}_FLOAT32", *[INT8_SYMMETRIC] * n, arithmetic=Arithmetic.FLOAT32)
    for n in (1, 2, 3)
)
MXFP4_X1, MXFP4_X2, MXFP4_X3 = (covering_scheme(f"MXFP4_X{n}", *[E2M1] * n) for n in (1, 2, 3))
MXFP8_X1, MXFP8_X2, MXFP8_X3 = (covering_scheme(f"MXFP8_X{n}", *[E4M3] * n) for n in (1, 2, 3))

SCHEMES: Registry[Scheme] = Registry.of(
    "SCHEMES",
    (
        INT8_X1, INT8_X2, INT8_X3, INT8_X1_FLOAT32, INT8_X2_FLOAT32, INT8_X3_FLOAT32,
        MXFP4_X1, MXFP4_X2, MXFP4_X3, MXFP8_X1, MXFP8_X2, MXFP8_X3,
    ),
)  # fmt: skip
"""The schemes of the package, by name."""
