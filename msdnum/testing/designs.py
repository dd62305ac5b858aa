"""Strategies for formats, modes, schemes and units: those that have a name, and random ones."""

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from msdnum.formats.accumulator_kinds import (
    Accumulator,
    Cdna3Unit,
    FusedUnit,
    GroupedUnit,
    MatrixUnit,
    PairwiseUnit,
)
from msdnum.formats.blocks import BLOCK_FORMATS, BlockFormat
from msdnum.formats.elements import (
    BF16,
    BINARY32,
    E4M3,
    E5M2,
    E8M0,
    ELEMENT_FORMATS,
    FP16,
    ElementFormat,
    FloatFormat,
    IntegerFormat,
    NonNumbers,
)
from msdnum.formats.modes import Arithmetic, Overflow, Rounding, ScaleRule
from msdnum.formats.schemes import OWN_AMAX, Scheme

__all__ = [
    "block_formats", "element_formats", "float_formats", "overflows", "random_block_formats",
    "random_element_formats", "random_schemes", "random_units", "roundings", "scale_rules",
]  # fmt: skip


def element_formats() -> SearchStrategy[ElementFormat]:
    """Return a strategy for the element formats that have a name."""
    return st.sampled_from(list(ELEMENT_FORMATS.values()))


def float_formats() -> SearchStrategy[FloatFormat]:
    """Return a strategy for the floating-point formats that have a name."""
    return st.sampled_from([f for f in ELEMENT_FORMATS.values() if isinstance(f, FloatFormat)])


def block_formats() -> SearchStrategy[BlockFormat]:
    """Return a strategy for the block formats that have a name."""
    return st.sampled_from(list(BLOCK_FORMATS.values()))


def roundings() -> SearchStrategy[Rounding]:
    """Return a strategy for the roundings that need no random bits."""
    return st.sampled_from([mode for mode in Rounding if mode is not Rounding.STOCHASTIC])


def overflows() -> SearchStrategy[Overflow]:
    """Return a strategy for the overflow modes."""
    return st.sampled_from(Overflow)


def scale_rules() -> SearchStrategy[ScaleRule]:
    """Return a strategy for the rules that give power-of-two scales."""
    return st.sampled_from([rule for rule in ScaleRule if rule is not ScaleRule.AMAX])


def random_element_formats(max_bits: int = 8) -> SearchStrategy[ElementFormat]:
    """Return a strategy for signed formats that nobody has named, integers among them.

    Parameters
    ----------
    max_bits : int
        Width of the widest code, 3 to 16.

    Returns
    -------
    SearchStrategy of FloatFormat or IntegerFormat
        With up to 5 exponent bits, biases around the usual one, and NaN and Inf of every kind.

    Raises
    ------
    ValueError
        If ``max_bits`` is none of them.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> from msdnum import testing
    >>> @settings(max_examples=20)
    ... @given(testing.random_element_formats())
    ... def every_design_holds_its_largest_number(fmt):
    ...     assert fmt.max_finite in fmt.values
    >>> every_design_holds_its_largest_number()
    """
    if not 3 <= max_bits <= 16:
        raise ValueError(f"max_bits must be in 3..16, got {max_bits}")
    return st.one_of(_random_floats(max_bits), _random_integers(max_bits))


@st.composite
def _random_floats(draw: DrawFn, max_bits: int) -> FloatFormat:
    exponent_bits = draw(st.integers(1, min(5, max_bits - 1)))
    fraction_bits = draw(st.integers(0, max_bits - 1 - exponent_bits))
    kinds = [kind for kind in NonNumbers if _has_room(exponent_bits, fraction_bits, kind)]
    kind = draw(st.sampled_from(kinds))
    bias = 2 ** (exponent_bits - 1) - 1 + draw(st.integers(-3, 3))
    name = f"E{exponent_bits}M{fraction_bits}_BIAS{bias}_{kind.name}"
    return FloatFormat(name, exponent_bits, fraction_bits, bias, kind)


def _has_room(exponent_bits: int, fraction_bits: int, kind: NonNumbers) -> bool:
    """Return whether so few bits leave numbers beside Inf and NaN of a kind."""
    try:
        FloatFormat("any", exponent_bits, fraction_bits, specials=kind)
    except ValueError:
        return False
    return True


@st.composite
def _random_integers(draw: DrawFn, max_bits: int) -> IntegerFormat:
    bits = draw(st.integers(2, max_bits))
    symmetric = draw(st.booleans())
    fraction_bits = draw(st.integers(0, bits))
    name = f"INT{bits}_{fraction_bits}{'_SYMMETRIC' if symmetric else ''}"
    return IntegerFormat(name, bits, symmetric - 2 ** (bits - 1), fraction_bits)


def random_block_formats(max_bits: int = 8, max_block: int = 32) -> SearchStrategy[BlockFormat]:
    """Return a strategy for block formats of random elements, by every scale format and rule.

    Parameters
    ----------
    max_bits : int
        As for ``random_element_formats``.
    max_block : int
        The longest block.
    """
    return st.builds(
        _block_format,
        random_element_formats(max_bits),
        st.sampled_from([E8M0, E4M3, E5M2, FP16, BF16, BINARY32]),
        st.integers(1, max_block),
        scale_rules(),
        st.booleans(),
    )


def _block_format(
    element: ElementFormat, scale: FloatFormat, size: int, rule: ScaleRule, tensor: bool
) -> BlockFormat:
    powers = scale == E8M0
    name = f"{element.name}_BY_{scale.name}_{size}"
    kept = rule if powers else ScaleRule.AMAX
    return BlockFormat(name, element, scale, size, kept, tensor and not powers)


def random_schemes(max_terms: int = 3) -> SearchStrategy[Scheme]:
    """Return a strategy for schemes that nobody has named, with power-of-two scales.

    Parameters
    ----------
    max_terms : int
        The most terms.

    Returns
    -------
    SearchStrategy of Scheme
        Of random elements, under every scale rule, with ratios 1 to 128 that may cover, saturate
        or leave gaps, or with scales by own amax.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> from msdnum import decompose, testing
    >>> x = np.float32([[7, 1, 0, -0.3]])
    >>> @settings(max_examples=10)
    ... @given(testing.random_schemes())
    ... def terms_and_remainder_are_what_was_given(scheme):
    ...     found = decompose(x, scheme)
    ...     assert (sum(t.dequantize() for t in found.terms) + found.remainder == x).all()
    >>> terms_and_remainder_are_what_was_given()
    """
    return _scheme_or_none(max_terms).filter(lambda scheme: scheme is not None).map(_there)


@st.composite
def _scheme_or_none(draw: DrawFn, max_terms: int) -> Scheme | None:
    elements = draw(st.lists(random_element_formats(), min_size=1, max_size=max_terms))
    rule, size = draw(scale_rules()), draw(st.integers(1, 32))
    powers = st.integers(0, 7).map(lambda exponent: 2**exponent)
    count = len(elements) - 1
    fixed = st.lists(powers, min_size=count, max_size=count).map(tuple)
    ratios = draw(st.one_of(fixed, st.just(OWN_AMAX)))
    formats = tuple(BlockFormat(e.name, e, E8M0, size, rule) for e in elements)
    try:
        return Scheme("random", formats, ratios, Arithmetic.EXACT)
    except ValueError:
        return None  # The terms do not belong together.


def _there(scheme: Scheme | None) -> Scheme:
    assert scheme is not None
    return scheme


def random_units() -> SearchStrategy[Accumulator]:
    """Return a strategy for matrix units that nobody has built, of every kind."""
    return st.one_of(
        st.builds(MatrixUnit, st.just("MATRIX"), st.integers(1, 32), st.integers(1, 25)),
        st.builds(
            GroupedUnit, st.just("GROUPED"), st.integers(1, 64), st.just(1), st.integers(20, 35)
        ),
        st.builds(Cdna3Unit, st.just("CDNA3"), st.integers(1, 15), st.just(1), st.integers(2, 25)),
        st.builds(FusedUnit, st.just("FUSED"), st.integers(1, 8)),
        st.builds(PairwiseUnit, st.just("PAIRWISE"), st.sampled_from([1, 2, 4, 8, 16])),
    )
