"""Every bound against exact roundings: it holds, it is met, and a smaller one is not true.

The oracle is ``spec`` (Fractions) for numbers and blocks, and roundings written out here for sums.
"""

import dataclasses
import math
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import islice

import numpy as np
import pytest
from hypothesis import example, given, target
from hypothesis import strategies as st
from mpmath import iv

from msdnum import bounds, spec
from msdnum.bounds import averages
from msdnum.evidence import strangers
from msdnum.formats.blocks import NVFP4
from msdnum.formats.elements import (
    BF16,
    BINARY32,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    E8M0,
    FP16,
    INT4,
    INT8,
    INT8_SYMMETRIC,
    MXINT8_ELEMENT,
)
from msdnum.formats.modes import Arithmetic, Overflow, Rounding, ScaleRule

FLOATS = [E2M1, E2M3, E3M2, E4M3, E5M2, BF16, FP16, BINARY32]
INTEGERS = [INT4, INT8, INT8_SYMMETRIC, MXINT8_ELEMENT]
RULES = [ScaleRule.FLOOR, ScaleRule.CEIL, ScaleRule.RCEIL, ScaleRule.EVEN]
U = Fraction(1, 2**24)
TINY = Fraction(1, 2**30)


def round_to(x, fmt):
    return spec.number(spec.round_to(x, fmt, overflow=Overflow.SATURATE, rounding=Rounding.RNE))


def fl(x):
    return spec.number(spec.fl32(x))


def by_name(value):
    return getattr(value, "name", None)


@st.composite
def parts(draw, steps=4096):
    """A number in [-1, 1]: multiples of 1/steps (ties of every pass), and just beside them."""
    x = Fraction(draw(st.integers(-steps, steps)), steps) + draw(st.sampled_from([0, -TINY, TINY]))
    return max(Fraction(-1), min(Fraction(1), x))


# Elements


@pytest.mark.parametrize("fmt", FLOATS + INTEGERS, ids=by_name)
@given(part=parts())
def test_element_rounding(fmt, part):
    x = part * Fraction(fmt.max_finite)
    bound = bounds.element_rounding(fmt)
    error = abs(x - round_to(x, fmt))
    target(float(error / bound.at(x)))
    assert error <= bound.at(x) <= bound.largest


@pytest.mark.parametrize("fmt", FLOATS, ids=by_name)
def test_element_rounding_is_attained(fmt):
    bound, u, eta = bounds.element_rounding(fmt), Fraction(fmt.unit_roundoff), Fraction(fmt.eta)
    below_top = Fraction(fmt.max_finite) - Fraction(2) ** (fmt.emax - fmt.precision)
    for x, constant in ((1 + u, bound.relative * (1 + u)), (eta / 2, bound.absolute)):
        assert abs(x - round_to(x, fmt)) == constant == bound.at(x)
    assert abs(below_top - round_to(below_top, fmt)) == bound.largest


@pytest.mark.parametrize("fmt", INTEGERS, ids=by_name)
def test_integer_rounding_is_attained(fmt):
    half = Fraction(fmt.eta) / 2
    assert half - round_to(half, fmt) == half == bounds.element_rounding(fmt).at(1)
    bound = bounds.element_rounding(fmt)
    assert (bound.relative, bound.largest) == (1, half)


def test_e8m0_has_no_absolute_bound():
    with pytest.raises(ValueError, match="fmt must have a zero and subnormals, got E8M0"):
        bounds.element_rounding(E8M0)


# Decompositions

MIXED = [
    (E5M2,), (E2M3, E3M2), (E4M3, E2M1), (E2M1, E4M3), (INT8,), (MXINT8_ELEMENT, E2M1),
    (INT8, INT4),
]  # fmt: skip
COVERED = [(E2M1,), (E2M1,) * 2, (E2M1,) * 3, (E4M3,), (E4M3,) * 2, *MIXED]
MIXED_SCALED = [(INT8_SYMMETRIC, INT4), (INT4, INT8_SYMMETRIC), (INT4,) * 3]
SCALED = [*((INT8_SYMMETRIC,) * n for n in (1, 2, 3)), *MIXED_SCALED]
EXPONENTS = st.integers(-140, 127)
BINADES = st.integers(0, 10)


def names(elements):
    return "+".join(element.name for element in elements)


def remainder(x, amax, elements, rule=ScaleRule.COVERING):
    """What is left of x in a block with this amax."""
    decompose = spec.decompose_amax if rule is ScaleRule.AMAX else spec.decompose_covering
    return abs(decompose([x, amax], elements).remainders[0])


def assert_covering(elements, bound, part, exponent, binade):
    alpha = Fraction(2) ** exponent
    error = remainder(part * alpha / 2**binade, alpha, elements)
    promised = bound(alpha, binade)
    target(float(error / promised))
    assert error <= promised


def left_by(scheme, block):
    """Remainders of a block: scales by ratios, each as E8M0 has it, or each by its own amax."""
    first, amax = scheme.formats[0], max(map(abs, block))
    if scheme.ratios is None:
        return spec.decompose_own_amax(block, scheme.formats).remainders
    if first.rule is ScaleRule.AMAX:
        scale, ends = amax / Fraction(first.element.max_finite), (0, math.inf)
    else:
        scale = Fraction(2) ** spec.shared_exponent(amax, first.element, first.rule)
        ends = Fraction(1, 2**127), Fraction(2) ** 127
    left = block
    for fmt, ratio in zip(scheme.formats, (*scheme.ratios, 1), strict=True):
        s = min(max(scale, ends[0]), ends[1])
        left = [x - s * round_to(x / s, fmt.element) for x in left]
        scale /= ratio
    return left


@given(
    seed=st.integers(0, 2**32 - 1),
    amax=st.integers(257, 512),
    part=parts(),
    exponent=st.integers(-149, 128),
)
def test_remainder(seed, amax, part, exponent):
    """Formats, ratios and rules are drawn by the seed; amax is in (alpha/2, alpha]."""
    scheme = strangers.scheme(np.random.default_rng(seed))
    alpha = Fraction(2) ** exponent
    amax *= alpha / 512
    bound = bounds.remainder(scheme, amax if scheme.formats[0].rule is ScaleRule.AMAX else alpha)
    error = max(map(abs, left_by(scheme, [amax, part * amax])))
    target(float(error / bound))
    assert error <= bound


@pytest.mark.parametrize("terms", [1, 2, 3])
@given(part=parts(), exponent=EXPONENTS, binade=BINADES)
@example(part=Fraction(37, 64), exponent=0, binade=0)
@example(part=Fraction(1, 4), exponent=-127, binade=0)
def test_mxfp4_decomposition(terms, part, exponent, binade):
    def bound(alpha, binade):
        return bounds.mxfp4_decomposition(alpha, terms, binade)

    assert_covering((E2M1,) * terms, bound, part, exponent, binade)


@pytest.mark.parametrize("terms", [1, 2])
@given(part=parts(), exponent=EXPONENTS, binade=BINADES)
def test_mxfp8_decomposition(terms, part, exponent, binade):
    def bound(alpha, binade):
        return bounds.mxfp8_decomposition(alpha, terms, binade)

    assert_covering((E4M3,) * terms, bound, part, exponent, binade)


@st.composite
def nvfp4_tensors(draw):
    """A block led by its amax and one by that of the tensor; scales and elements near ties."""
    scale = Fraction(draw(st.integers(2**7, 2**8)), 2**7) * Fraction(2) ** draw(
        st.integers(-116, 100)
    )
    quotient = draw(st.integers(17, 64)) * Fraction(2) ** draw(st.integers(-15, 3))
    ideal = quotient * (1 + draw(st.sampled_from([0, -TINY, TINY])))
    amax = min(6 * ideal, Fraction(2688)) * scale
    sizes = [(round_to(ideal, E4M3) * scale, amax), (448 * scale, 2688 * scale)]
    return [
        [largest, *(max(-largest, min(largest, step * draw(QUOTIENTS))) for _ in range(3))]
        for step, largest in sizes
    ]


QUOTIENTS = st.one_of(
    st.integers(-100, 100).map(lambda n: Fraction(n, 16)),
    st.integers(-8, 8).map(lambda n: 5 + Fraction(2) ** n / 257),
    st.integers(-1000, 1000).map(lambda n: Fraction(n, 1001)),
)
"""What scales divide elements into: ties of either pass, 5 and just above, and small numbers."""


def nvfp4_left(blocks, terms):
    """What passes leave, each with the scales of what the one before it has left."""
    for _ in range(terms):
        tensor = spec.tensor_scale([x for block in blocks for x in block], NVFP4)
        blocks = [nvfp4_pass(block, tensor) for block in blocks]
    return blocks


def nvfp4_pass(block, tensor):
    code, codes = spec.quantize_block(block, NVFP4, tensor=tensor)
    scale = fl(spec.number(spec.decode(code, E4M3)) * spec.number(tensor))
    return [
        x - scale * spec.number(spec.decode(y, E2M1)) for x, y in zip(block, codes, strict=True)
    ]


@pytest.mark.parametrize("terms", [1, 2, 3])
@given(blocks=nvfp4_tensors())
@example(blocks=[[Fraction(45, 512), Fraction(5, 64)], [Fraction(2688)]])
@example(blocks=[[6 * (Fraction(17, 16) + TINY), Fraction(45, 8)], [Fraction(2688)]])
@example(blocks=[[Fraction(6, 1024)], [Fraction(2688)]])
def test_nvfp4_decomposition(terms, blocks):
    ratios, left = [], nvfp4_left(blocks, terms)
    for block, errors in zip(blocks, left, strict=True):
        bound = bounds.nvfp4_decomposition(
            block[0], terms, tensor_amax=blocks[1][0], unit_roundoff=U
        )
        error = max(map(abs, errors))
        ratios.append(float(error / bound))
        assert error <= bound
    target(max(ratios))


@pytest.mark.parametrize("elements", MIXED, ids=names)
@given(part=parts(), exponent=EXPONENTS, binade=BINADES)
def test_mixed_decomposition(elements, part, exponent, binade):
    def bound(alpha, binade):
        return bounds.mixed_decomposition(elements, alpha, binade=binade)

    assert_covering(elements, bound, part, exponent, binade)


@st.composite
def scaled_parts(draw):
    """A tie of the first, second or third INT8 pass, or any simple part of the range."""
    steps = 127 * 254 ** draw(st.integers(0, 2))
    tie = Fraction(2 * draw(st.integers(-steps, steps - 1)) + 1, 2 * steps)
    return draw(st.one_of(st.just(tie), parts()))


@pytest.mark.parametrize("elements", MIXED_SCALED, ids=names)
@given(part=scaled_parts(), amax=st.integers(1, 2**24))
def test_mixed_decomposition_by_amax(elements, part, amax):
    bound = bounds.mixed_decomposition(elements, amax, rule=ScaleRule.AMAX)
    error = remainder(part * amax, Fraction(amax), elements, ScaleRule.AMAX)
    target(float(error / bound))
    assert error <= bound


@pytest.mark.parametrize("terms", [1, 2, 3])
@given(part=scaled_parts(), amax=st.integers(1, 2**24))
def test_int8_decomposition(terms, part, amax):
    bound = bounds.int8_decomposition(amax, terms)
    block = spec.decompose_amax([part * amax, Fraction(amax)], (INT8_SYMMETRIC,) * terms)
    assert all(abs(spec.number(spec.decode(codes[0], INT8))) <= 127 for codes in block.codes)
    error = abs(block.remainders[0])
    target(float(error / bound))
    assert error <= bound


def worst_part(elements, rule):
    """Build the worst |x| of range 1 from the last term back: a tie on top of a top element."""
    top = [
        Fraction(e.max_finite) if rule is ScaleRule.AMAX else Fraction(2) ** e.emax
        for e in elements
    ]
    x = None
    for element, one in zip(reversed(elements), reversed(top), strict=True):
        gap = max(
            b - a for a, b in zip(values(element), values(element)[1:], strict=False) if b <= one
        )
        lower = max(a for a in values(element) if a <= one - gap)
        share = gap / 2 if x is None else gap / 2 * x
        x = (lower + share) / one
    return x


def values(element):
    return sorted(Fraction(v) for v in element.values if math.isfinite(v) and v >= 0)


@pytest.mark.parametrize("elements", COVERED, ids=names)
@pytest.mark.parametrize("exponent", [-90, 0, 100])
def test_covering_decomposition_is_attained(elements, exponent):
    alpha = Fraction(2) ** exponent
    x = worst_part(elements, ScaleRule.COVERING) * alpha
    bound = bounds.mixed_decomposition(elements, alpha)
    assert x < alpha
    assert remainder(x, alpha, elements) == bound


@pytest.mark.parametrize("elements", SCALED, ids=names)
def test_scaled_decomposition_is_attained(elements):
    amax = Fraction(3)
    x = worst_part(elements, ScaleRule.AMAX) * amax
    bound = bounds.mixed_decomposition(elements, amax, rule=ScaleRule.AMAX)
    assert remainder(x, amax, elements, ScaleRule.AMAX) == bound


@pytest.mark.parametrize("elements", [(E2M1,), (E2M1,) * 2, (E4M3,)], ids=names)
@pytest.mark.parametrize("binade", range(11))
def test_every_binade_is_attained(elements, binade):
    """By enumeration: the worst x is a multiple of 1/512 of the binade, or a power of two."""
    reach = Fraction(1, 2**binade)
    ties = [reach * Fraction(k, 512) for k in range(257, 513)] + [
        Fraction(1, 2**j) for j in range(binade, 20)
    ]
    worst = max(remainder(x, Fraction(1), elements) for x in ties)
    assert worst == bounds.mixed_decomposition(elements, 1, binade=binade)


def test_underflow_term_is_attained():
    x, block = Fraction(1, 2**129), Fraction(1, 2**127)
    assert bounds.mxfp4_decomposition(block, 2) == remainder(x, block, (E2M1,) * 2, RULES[1]) == x


def test_the_papers_constants():
    assert bounds.int8_decomposition(1, 2) == Fraction(1, 64516)
    assert [bounds.mxfp4_decomposition(2, n) for n in (1, 2, 3)] == [
        Fraction(2, 8**n) for n in (1, 2, 3)
    ]
    assert [bounds.mxfp8_decomposition(1, n) for n in (1, 2)] == [
        Fraction(1, 32),
        Fraction(1, 1024),
    ]
    assert [bounds.mxfp8_decomposition(1, 1, b) for b in (3, 13, 14)] == [
        Fraction(1, 2**8), Fraction(1, 2**18), Fraction(1, 2**18),
    ]  # fmt: skip


def test_the_defaults_are_the_papers_schemes():
    assert bounds.int8_decomposition() == Fraction(1, 64516)
    assert bounds.mixed_decomposition([E2M1]) == Fraction(1, 8)
    assert bounds.int8_decomposition_float32() == bounds.int8_decomposition_float32(1, 2)
    assert bounds.mxfp4_decomposition() == Fraction(1, 64)
    assert bounds.mxfp8_decomposition() == Fraction(1, 32)
    assert bounds.int32_overflow() == 133_144
    assert bounds.mxfp4_scale_rules(ScaleRule.COVERING).alpha == Fraction(1, 64)
    assert bounds.mxfp4_scale_rules(ScaleRule.RCEIL).alpha == Fraction(1, 32)
    no_rescaling = bounds.attention(1, [0], bounds.EXACT, exp_error=0.5, rescalings=0)
    assert bounds.attention(1, exp_error=0.5) == no_rescaling


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (bounds.mixed_decomposition, ([E2M1], 1, ScaleRule.COVERING)),
        (bounds.mxfp4_scale_rules, (ScaleRule.CEIL, 2, True)),
        (bounds.gemm, ([0], bounds.EXACT, 0)),
        (bounds.attention, (0, [0], bounds.EXACT, 0)),
        (bounds.rms_error, ([E2M1], ScaleRule.COVERING)),
    ],
)
def test_options_are_named(function, arguments):
    function(*arguments[:-1])
    with pytest.raises(TypeError, match="positional"):
        function(*arguments)


@pytest.mark.parametrize(
    "bound",
    [
        bounds.element_rounding(E2M1),
        bounds.mxfp4_scale_rules(ScaleRule.CEIL),
        bounds.EXACT,
        bounds.gemm([0]),
        bounds.gemm_probabilistic([0], bounds.EXACT, 1, 1),
        bounds.attention(0),
        bounds.rms_error([E2M1]),
    ],
    ids=lambda bound: type(bound).__name__,
)
def test_bounds_are_values(bound):
    field = dataclasses.fields(bound)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(bound, field, 0)


def test_where_two_pass_mxfp4_beats_mxfp8():
    better = [
        bounds.mxfp8_decomposition(1, 1, b) / bounds.mxfp4_decomposition(1, 2, b) for b in range(5)
    ]
    assert better == [2, 2, 1, Fraction(1, 2), Fraction(1, 4)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bounds.mixed_decomposition([], 1), "elements must name at least one format"),
        (lambda: bounds.mixed_decomposition([E2M1], 3), "amax must be a power of two"),
        (lambda: bounds.mixed_decomposition([E2M1], 0), "amax must be positive and finite, got 0"),
        (lambda: bounds.mxfp4_decomposition(math.inf), "amax must be positive and finite, got inf"),
        (lambda: bounds.mxfp4_decomposition(1, 0), "terms must be at least 1, got 0"),
        (lambda: bounds.int8_decomposition(1, 0), "terms must be at least 1, got 0"),
        (lambda: bounds.int8_decomposition_float32(1, 4), "terms must be 1, 2 or 3 in .*, got 4"),
        (lambda: bounds.mxfp8_decomposition(1, 1, -1), "binade must be at least 0, got -1"),
        (lambda: bounds.mixed_decomposition([E2M1], 1, rule=ScaleRule.FLOOR), "COVERING or AMAX"),
        (lambda: bounds.mxfp4_scale_rules(ScaleRule.AMAX), "rule must give power-of-two scales"),
        (lambda: bounds.mxfp4_scale_rules(ScaleRule.CEIL, 0), "terms must be at least 1, got 0"),
        (lambda: bounds.gamma(-1), "roundings must be at least 0"),
        (lambda: bounds.gamma(2**24), "in \\[0, 1\\), got 16777216"),
        (lambda: bounds.gamma(-1, 0), "roundings must be at least 0"),
        (lambda: bounds.gamma(1, -0.5), "in \\[0, 1\\), got 1 \\* -0.5"),
        (lambda: bounds.Accumulation(2**25), "roundings \\* unit_roundoff"),
        (lambda: bounds.sequential(0), "n must be at least 1, got 0"),
        (lambda: bounds.blocked(3, 0), "block_size must be at least 1, got 0"),
        (lambda: bounds.matrix_unit(3, 0, 25), "group must be at least 1, got 0"),
        (lambda: bounds.int32(0), "terms must be at least 1, got 0"),
        (lambda: bounds.int32_overflow(0, 1), "max_a must be at least 1, got 0"),
        (lambda: bounds.int32_overflow(1, 0), "max_b must be at least 1, got 0"),
        (lambda: bounds.gemm([]), "residuals must be one or more numbers >= 0"),
        (lambda: bounds.gemm([1, -1]), "residuals must be one or more numbers >= 0"),
        (lambda: bounds.gemm_probabilistic([1], bounds.EXACT, 8, 0), "confidence must be positive"),
        (lambda: bounds.gemm_probabilistic([1], bounds.EXACT, 0, 1), "addends must be at least 1"),
        (
            lambda: bounds.gemm_probabilistic([1], bounds.matrix_unit(8, 8, 25), 8, 1),
            "accumulation must round to nearest",
        ),
        (lambda: bounds.attention(-1), "score_error must be >= 0"),
        (lambda: bounds.attention(0, exp_error=1), "exp_error in \\[0, 1\\)"),
        (lambda: bounds.attention(0, exp_error=-0.5), "exp_error in \\[0, 1\\)"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# INT8 in binary32


def float32_error(x, amax, terms):
    block = spec.decompose_amax([x, amax], (INT8_SYMMETRIC,) * terms, Arithmetic.FLOAT32)
    assert all(abs(spec.number(spec.decode(c[0], INT8))) <= 127 for c in block.codes)
    return abs(block.remainders[0])


@st.composite
def float32_pairs(draw):
    """(x, amax) in binary32, x next to where a digit of any pass changes."""
    amax = Fraction(draw(st.integers(2**23, 2**24 - 1)), 2**23)
    s = fl(amax / 127)
    x = s * (draw(st.integers(-127, 127)) + draw(st.sampled_from([Fraction(0), Fraction(1, 2)])))
    x = fl(x) + s * Fraction(2 * draw(st.integers(-127, 127)) + 1, 2 * 254)
    x = fl(x) + draw(st.integers(-2, 2)) * Fraction(2) ** (spec.floor_log2(abs(x) + TINY) - 23)
    return max(-amax, min(amax, fl(x))), amax


@pytest.mark.parametrize("terms", [1, 2, 3])
@given(pair=float32_pairs(), exponent=st.integers(-90, 126))
def test_int8_decomposition_float32(terms, pair, exponent):
    x, amax = (value * Fraction(2) ** exponent for value in pair)
    bound = bounds.int8_decomposition_float32(amax, terms)
    error = float32_error(x, amax, terms)
    target(float(error / bound))
    assert error <= bound


@pytest.mark.parametrize(
    ("x", "amax", "terms", "growth"),
    [
        ("0x1.dep-1", "0x1.dep+0", 1, "1.0000038"),
        ("0x1.68p+0", "0x1.ep+0", 2, "1.0013480"),
        ("0x1.04p+0", "0x1.0ep+0", 3, "1.8513063"),
        ("0x1.fe3386p-1", "0x1.00046ep+0", 2, "1.0037907"),
        ("0x1.00c356p+0", "0x1.02ce1p+0", 3, "1.9644581"),
    ],
)
def test_int8_float32_witnesses(x, amax, terms, growth):
    """Found by exhaustion over BF16 and by search in binary32: the ideal bound is exceeded."""
    x, amax = Fraction(float.fromhex(x)), Fraction(float.fromhex(amax))
    error = float32_error(x, amax, terms)
    assert f"{float(error / bounds.int8_decomposition(amax, terms)):.8f}"[:9] == growth
    assert Fraction(93, 100) < error / bounds.int8_decomposition_float32(amax, terms) <= 1


def float32_errors(x, amax, terms):
    """The algorithm in NumPy; float64 holds the sum of three terms exactly."""
    r, s, total = x, amax / np.float32(127), np.zeros(x.shape)
    for _ in range(terms):
        q = np.rint(r / s)
        total += s.astype(float) * q.astype(float)
        r, s = r - s * q, s / np.float32(254)
    return np.abs(x - total)


def test_int8_float32_on_all_bf16_pairs():
    """All significands of amax, all x down to 2**-30 amax: by scale invariance, all BF16 pairs."""
    significands = 1 + np.arange(128) / 128
    x, amax = np.meshgrid(
        np.float32(np.outer(significands, 2.0 ** -np.arange(31)).ravel()), np.float32(significands)
    )
    inside = x <= amax
    error = float32_errors(x[inside], amax[inside], 2) / amax[inside]
    assert error.max() <= bounds.int8_decomposition_float32(1, 2)
    assert np.count_nonzero(error > 1 / 64516) == 10
    worst = error.argmax()
    assert (x[inside][worst], amax[inside][worst]) == (1.40625, 1.875)


def test_int8_float32_constants():
    """The formula written out, and the growths that the proof names."""
    last, u = 1 + Fraction(1, 2**17), U
    assert [bounds.int8_decomposition_float32(1, n) for n in (1, 2, 3)] == [
        (1 + u) * last / 254,
        (1 + u) ** 2 * (last / 64516 + u),
        (1 + u) ** 3 * (last / 16387064 + u + u / 254),
    ]
    for n, growth in ((1, 130), (2, 64647), (3, 16451714)):
        bound = bounds.int8_decomposition_float32(1, n) * 254**n
        assert 1 + (growth - 1) * u < bound <= 1 + growth * u


@pytest.mark.parametrize("terms", [1, 2, 3])
def test_int8_float32_refuses_subnormal_scales(terms):
    least = 127 * Fraction(254) ** (terms - 1) / 2**126 * (1 + U) ** terms
    assert bounds.int8_decomposition_float32(least, terms) > 0
    with pytest.raises(ValueError, match="amax must keep every scale normal"):
        bounds.int8_decomposition_float32(least * (1 - TINY), terms)


def test_int8_float32_is_false_for_subnormal_scales():
    """The second scale, 2**-149 * 2 / 254, rounds to 0: one pass is all there is."""
    x, amax = Fraction(3, 2**149), Fraction(1, 2**141)
    assert float32_error(x, amax, 2) > 250 * bounds.int8_decomposition(amax, 2)


def test_int8_float32_refuses_the_top():
    largest = Fraction(BINARY32.max_finite)
    below = largest - Fraction(2) ** 104
    assert float32_error(below, below, 2) <= bounds.int8_decomposition_float32(below)
    with pytest.raises(ValueError, match="amax must be at most"):
        bounds.int8_decomposition_float32(largest)
    assert spec.fl32(fl(largest / 127) * 127) is spec.Special.INFINITY


# Scale rules


def mxfp4_errors(block, rule, terms, *, own_amax):
    """Remainders after each scale is a part of the last, or found anew in the remainder."""
    left, exponent = list(block), None
    for _ in range(terms):
        amax = max(map(abs, left))
        if amax == 0:
            break
        if own_amax or exponent is None:
            exponent = spec.shared_exponent(amax, E2M1, rule)
        scale = Fraction(2) ** exponent
        left = [x - scale * round_to(x / scale, E2M1) for x in left]
        exponent -= 3
    return [abs(x) for x in left]


def assert_scale_rule(block, rule, terms, own_amax):
    bound = bounds.mxfp4_scale_rules(rule, terms, own_amax=own_amax)
    amax = max(map(abs, block))
    alpha = Fraction(2) ** spec.ceil_log2(amax)
    error = max(mxfp4_errors(block, rule, terms, own_amax=own_amax))
    target(float(error / (bound.amax * amax)))
    assert error <= bound.alpha * alpha
    assert error <= bound.amax * amax
    if not bound.attained:
        assert error < bound.alpha * alpha


@pytest.mark.parametrize("own_amax", [False, True], ids=["eighths", "own"])
@pytest.mark.parametrize("terms", [1, 2, 3])
@pytest.mark.parametrize("rule", RULES, ids=by_name)
@given(block=st.lists(parts(1024), min_size=1, max_size=4), scale=st.integers(1, 2**12))
def test_mxfp4_scale_rules(rule, terms, own_amax, block, scale):
    if any(block):
        assert_scale_rule([x * scale for x in block], rule, terms, own_amax)


@pytest.mark.parametrize("own_amax", [False, True], ids=["eighths", "own"])
@pytest.mark.parametrize("terms", [1, 2, 3])
@pytest.mark.parametrize("rule", RULES, ids=by_name)
def test_scale_rules_are_tight(rule, terms, own_amax):
    bound = bounds.mxfp4_scale_rules(rule, terms, own_amax=own_amax)
    back = 0 if bound.attained else TINY
    for constant, (x, amax), of_alpha in (
        (bound.alpha, bound.witness_alpha, True),
        (bound.amax, bound.witness_amax, False),
    ):
        block = [x - back, amax - back]
        size = Fraction(2) ** spec.ceil_log2(max(block)) if of_alpha else max(block)
        error = mxfp4_errors(block, rule, terms, own_amax=own_amax)[0]
        assert constant * size * (1 - 2**12 * back) <= error <= constant * size
        there = mxfp4_errors([x, amax], rule, terms, own_amax=own_amax)[0]
        assert (there >= constant * size) == bound.attained


@pytest.mark.parametrize("rule", RULES, ids=by_name)
def test_scale_rules_by_enumeration(rule):
    """The error is piecewise linear in x and amax: look at every tie and on both sides of it."""
    points = sorted(Fraction(k, 16) + d for k in range(1, 128) for d in (-TINY, 0, TINY))
    first = [(x, spec.shared_exponent(x, E2M1, rule) == 0) for x in [*points, 8 - TINY]]
    largest, ratio = Fraction(0), Fraction(0)
    for x, is_amax in first:
        largest = max(largest, remainder_of_eighths(x))
        if is_amax:
            ratio = max(ratio, largest / x)
    bound = bounds.mxfp4_scale_rules(rule, 2).amax
    assert bound * (1 - Fraction(1, 2**24)) <= ratio <= bound


def test_the_papers_witness():
    """``x = 37/64 alpha``, in units of the first scale, ``alpha / 4``."""
    bound = bounds.mxfp4_scale_rules(ScaleRule.COVERING, 2)
    assert bound.witness_alpha == (Fraction(37, 16), 4)
    assert bound.witness_amax == (Fraction(37, 16), Fraction(37, 16))


def remainder_of_eighths(x):
    """What terms with the scales 1 and 1/8 leave."""
    left = x - round_to(x, E2M1)
    return abs(left - round_to(8 * left, E2M1) / 8)


def test_no_two_terms_come_closer_than_1_to_37():
    """So 1/64 and 1/37 are optimal: any scales, greedy or joint rounding."""
    digits = [m * Fraction(2) ** e for m in (1, 3) for e in range(-40, 40)]
    sums = [a + sign * b for a in digits for b in [0, *digits] for sign in (1, -1)]
    assert min(abs(37 - s) for s in sums) == 1
    assert bounds.mxfp4_scale_rules(ScaleRule.CEIL).amax == Fraction(1, 37)


# Sums


def sum_sequential(xs):
    total = xs[0]
    for x in xs[1:]:
        total = fl(total + x)
    return total


def sum_blocked(xs, block_size):
    return sum_sequential(
        [sum_sequential(xs[i : i + block_size]) for i in range(0, len(xs), block_size)]
    )


def sum_pairwise(xs):
    while len(xs) > 1:
        pairs = [fl(a + b) for a, b in zip(xs[::2], xs[1::2], strict=False)]
        xs = pairs + xs[2 * len(pairs) :]
    return xs[0]


def truncate(x, exponent, bits):
    step = Fraction(2) ** (exponent - bits)
    return math.trunc(x / step) * step


def sum_matrix_unit(xs, group, bits):
    total = Fraction(0)
    for i in range(0, len(xs), group):
        addends = [total, *xs[i : i + group]]
        largest = max(map(abs, addends))
        if largest:
            exact = sum(truncate(x, spec.floor_log2(largest), bits) for x in addends)
            total = truncate(exact, spec.floor_log2(abs(exact)), 23) if exact else Fraction(0)
    return total


SUMS = {
    "sequential": (sum_sequential, bounds.sequential),
    "blocked": (lambda xs: sum_blocked(xs, 4), lambda n: bounds.blocked(n, 4)),
    "pairwise": (sum_pairwise, bounds.pairwise_sum),
    "matrix_unit": (
        lambda xs: sum_matrix_unit(xs, 4, 25), lambda n: bounds.matrix_unit(n, 4, 25)
    ),
    "fp8_unit": (lambda xs: sum_matrix_unit(xs, 8, 13), lambda n: bounds.matrix_unit(n, 8, 13)),
}  # fmt: skip
MANTISSAS = st.one_of(st.integers(-(2**24), 2**24), st.sampled_from([1, -1, 3, 2**23, 2**24 - 1]))


@pytest.mark.parametrize("name", SUMS)
@given(xs=st.lists(st.tuples(MANTISSAS, st.integers(-30, 2)), min_size=1, max_size=40))
def test_sums(name, xs):
    xs = [m * Fraction(2) ** e for m, e in xs]
    compute, accumulation = SUMS[name]
    size = sum(map(abs, xs))
    bound = accumulation(len(xs)).gamma * size
    error = abs(compute(xs) - sum(xs))
    assert error <= bound
    if bound:
        target(float(error / bound))


@pytest.mark.parametrize("n", [2, 4, 8, 64])
@pytest.mark.parametrize("name", ["sequential", "blocked", "pairwise"])
def test_sums_are_nearly_attained(name, n):
    """1 absorbs half a unit at each of its roundings, and every addition but those is exact."""
    compute, accumulation = SUMS[name]
    lost = {
        "sequential": range(1, n),
        "blocked": [*range(1, min(4, n)), *range(4, n, 4)],
        "pairwise": [2**k for k in range(n.bit_length() - 1)],
    }[name]
    xs = [Fraction(1), *(U if i in lost else Fraction(0) for i in range(1, n))]
    error = sum(xs) - compute(xs)
    assert error == accumulation(n).roundings * U
    assert error / accumulation(n).gamma / sum(xs) > 1 - 2 * n * U


@pytest.mark.parametrize(("group", "bits"), [(4, 25), (16, 25), (8, 13), (32, 13)])
def test_matrix_unit_is_nearly_attained(group, bits):
    """Every product is just too small to survive the alignment to 1."""
    xs = [Fraction(1)] + [Fraction(2**24 - 1, 2 ** (24 + bits))] * (4 * group - 1)
    error = sum(xs) - sum_matrix_unit(xs, group, bits)
    ratio = error / bounds.matrix_unit(len(xs), group, bits).gamma / sum(xs)
    assert Fraction(1, 2) * (1 if bits == 13 else Fraction(3, 4)) < ratio < 1


def test_depths():
    assert [bounds.pairwise_sum(n).roundings for n in (1, 2, 3, 4, 5, 1024)] == [0, 1, 2, 2, 3, 10]
    assert [bounds.blocked(n, 32).roundings for n in (1, 32, 33, 4096)] == [0, 31, 32, 158]
    assert bounds.int32(2) == bounds.Accumulation(4)
    assert bounds.matrix_unit(100, 16, 25) == bounds.Accumulation(
        7, Fraction(17, 2**25) + Fraction(1, 2**23), nearest=False
    )
    assert bounds.gamma(3, Fraction(1, 10)) == Fraction(3, 7)
    assert bounds.EXACT.gamma == 0


@given(a=st.integers(1, 2**15), b=st.integers(1, 2**15))
def test_int32_overflow(a, b):
    """K products of the largest digits fit, and one more does not."""
    k = bounds.int32_overflow(a, b)
    target(k * a * b / (2**31 - 1))
    assert k * a * b <= 2**31 - 1 < (k + 1) * a * b


def test_int32_overflow_of_the_digits_in_use():
    for a, b, k in (
        (127, 127, 133_144),
        (127, 8, 2_113_665),
        (128, 128, 131_071),
        (12, 12, 14_913_080),
    ):
        assert bounds.int32_overflow(a, b) == k


# GEMM

SCHEMES = {
    "MXFP4": (spec.decompose_covering, (E2M1,) * 2, bounds.mxfp4_decomposition),
    "MXFP8": (spec.decompose_covering, (E4M3,), bounds.mxfp8_decomposition),
    "INT8": (spec.decompose_amax, (INT8_SYMMETRIC,) * 2, bounds.int8_decomposition),
}


def terms_of(block, elements):
    return [
        [scale * spec.number(spec.decode(code, element)) for code in codes]
        for scale, codes, element in zip(block.scales, block.codes, elements, strict=True)
    ]


def residuals_of(name):
    _, elements, bound = SCHEMES[name]
    return [bound(1, n + 1) for n in range(len(elements))]


def range_of(row, name):
    amax = max(map(abs, row))
    return amax if name == "INT8" else Fraction(2) ** spec.ceil_log2(amax)


@st.composite
def products(draw):
    """A row with any number of outliers, and a column of INT8 or INT4 codes with any signs."""
    n = draw(st.integers(1, 12))
    row = draw(st.lists(parts(), min_size=n, max_size=n))
    sizes = draw(st.lists(st.sampled_from([0, 0, 0, 4, 8]), min_size=n, max_size=n))
    column = draw(st.lists(st.integers(-127, 127), min_size=n, max_size=n))
    return [x / 2**e for x, e in zip(row, sizes, strict=True)], [Fraction(w) for w in column]


@pytest.mark.parametrize("order", ["exact", *SUMS])
@pytest.mark.parametrize("name", SCHEMES)
@given(product=products())
@example(
    product=(
        [Fraction(37, 64), Fraction(-37, 64), Fraction(1)],
        [Fraction(7), Fraction(-7), Fraction(0)],
    )
)
def test_gemm(name, order, product):
    row, column = product
    if not any(row):
        return
    decompose, elements, _ = SCHEMES[name]
    addends = [
        term * w
        for terms in terms_of(decompose(row, elements), elements)
        for term, w in zip(terms, column, strict=True)
    ]
    compute, accumulation = (sum, lambda n: bounds.EXACT) if order == "exact" else SUMS[order]
    bound = bounds.gemm(residuals_of(name), accumulation(len(addends))).at(
        sum(abs(x * w) for x, w in zip(row, column, strict=True)),
        range_of(row, name) * sum(map(abs, column)),
    )
    error = abs(compute(addends) - sum(x * w for x, w in zip(row, column, strict=True)))
    if bound:
        target(float(error / bound))
    assert error <= bound


@given(product=products(), s_w=st.integers(2**23, 2**24 - 1))
def test_gemm_int32(product, s_w):
    """Exact integer sums, then every operation rounded, and scales that are rounded quotients."""
    row, column = [fl(x) for x in product[0]], product[1]
    if not any(row):
        return
    block = spec.decompose_amax(row, (INT8_SYMMETRIC,) * 2, Arithmetic.FLOAT32)
    weight = Fraction(s_w, 2**23)
    total = Fraction(0)
    for codes, scale in zip(block.codes, block.scales, strict=True):
        digits = [spec.number(spec.decode(code, INT8)) for code in codes]
        exact = sum(q * w for q, w in zip(digits, column, strict=True))
        total = fl(total + fl(fl(fl(exact) * scale) * weight))
    amax = max(map(abs, row))
    if amax < Fraction(1, 2**60):
        return
    residuals = [bounds.int8_decomposition_float32(1, n) for n in (1, 2)]
    sums = [
        sum(abs(x * w) for x, w in zip(row, column, strict=True)) * weight,
        amax * sum(map(abs, column)) * weight,
    ]
    error = abs(total - sum(x * w for x, w in zip(row, column, strict=True)) * weight)
    assert error <= bounds.gemm(residuals, bounds.int32(2)).at(*sums)


@pytest.mark.parametrize("name", SCHEMES)
def test_gemm_is_attained(name):
    """All remainders the worst ones, of the sign of the weight."""
    rule = ScaleRule.AMAX if name == "INT8" else ScaleRule.COVERING
    decompose, elements, _ = SCHEMES[name]
    residuals = residuals_of(name)
    x = worst_part(elements, rule)
    row, column = [x, -x, x, Fraction(1)], [Fraction(3), Fraction(-5), Fraction(7), Fraction(0)]
    left = decompose(row, elements).remainders
    error = abs(sum(r * w for r, w in zip(left, column, strict=True)))
    assert error == bounds.gemm(residuals).at(15 * x, 15) == 15 * residuals[-1]


def test_gemm_underflow():
    bound = bounds.gemm([0], bounds.sequential(2), underflows=6)
    least = Fraction(BINARY32.eta)
    assert bound.at(0, 0) == bound.underflow == 3 * least * (1 + bounds.gamma(1))
    assert least / 2 - fl(least / 2) == least / 2


def test_gemm_formula():
    """Rounded are the terms, up to |A| and twice each remainder but the last."""
    u = Fraction(1, 2**5)
    bound = bounds.gemm([Fraction(1, 8), Fraction(1, 64)], bounds.Accumulation(3, u))
    assert bound.product == Fraction(3, 29)
    assert bound.amax == Fraction(1, 64) + Fraction(3, 29) * Fraction(17, 64)


# Probability


@given(seed=st.integers(0, 2**32 - 1), last=st.sampled_from([Fraction(0), Fraction(1, 64)]))
def test_gemm_probabilistic(seed, last):
    """Binary32 sums of random products, remainders of random sign: 8 deviations are enough."""
    rng, n, lam = np.random.default_rng(seed), 64, 8.0
    weights = np.float32(rng.choice([-1, 1], n))
    remainders = rng.choice([-1, 1], n) * float(last)
    products_ = np.float32(rng.uniform(-1, 1, n)) * weights
    computed = float(np.add.accumulate(products_, dtype=np.float32)[-1]) + remainders @ weights
    bound = bounds.gemm_probabilistic([last], bounds.sequential(n), n, lam)
    promised = bound.at(float(np.abs(products_).sum()), n, math.sqrt(n))
    error = abs(computed - math.fsum(map(float, products_)))
    target(error / promised)
    assert error <= promised


@given(bits=st.integers(4, 12), part=parts())
@example(bits=4, part=Fraction(-1))
def test_gemm_probabilistic_logarithm(bits, part):
    """The step from a product of roundings to their sum, enclosed: ``e**2 / (2 (1 - u))``."""
    u = Fraction(1, 2**bits)
    e = part * u
    wide = iv.mpf(e.numerator) / iv.mpf(e.denominator)
    error = abs(iv.log(1 + wide) - wide)
    assert error.a <= float(e**2 / (2 * (1 - u)))
    if part == -1:
        assert error.a > float(e**2 / (2 * (1 + u))), "a smaller step is refused"


def test_gemm_probabilistic_sequential():
    """Sequential binary32 sums of random products, against exact ones."""
    rng, n, lam = np.random.default_rng(3), 1024, 2.5
    products_ = np.float32(rng.uniform(-1, 1, (400, n)))
    computed = np.add.accumulate(products_, axis=1, dtype=np.float32)[:, -1]
    exact = np.array([math.fsum(map(float, row)) for row in products_])
    bound = bounds.gemm_probabilistic([0], bounds.sequential(n), n, lam)
    ratio = np.abs(computed - exact) / (bound.product * np.abs(products_).sum(axis=1))
    assert ratio.max() <= 1
    assert bound.product < bounds.sequential(n).gamma / 10
    assert bounds.gemm_probabilistic([0], bounds.sequential(n), n, 6.0).probability > 0.999


def test_gemm_probabilistic_remainders():
    """Hoeffding's inequality, for remainders uniform in their range: the worst case is rare."""
    rng, n, lam = np.random.default_rng(4), 256, 3.0
    bound = bounds.gemm_probabilistic([Fraction(1, 64)], bounds.EXACT, n, lam)
    sums = np.abs(rng.choice([-1, 1], (2000, n)).sum(axis=1)) / 64
    missed = np.mean(sums > bound.at(0, n, math.sqrt(n)))
    assert missed <= 2 * math.exp(-(lam**2) / 2)
    assert np.max(sums) > 0.8 * bound.amax_two_norm * math.sqrt(n)


@pytest.mark.parametrize("u", [2.0**-24, 2.0**-5])
def test_gemm_probabilistic_formula(u):
    d, lam = 31, 4.0
    accumulation = bounds.Accumulation(d, Fraction(u))
    bound = bounds.gemm_probabilistic([Fraction(1, 8), Fraction(1, 64)], accumulation, 100, lam)
    growth = math.exp(lam * math.sqrt(d) * u + d * u * u / (1 - u)) - 1
    assert bound.product == pytest.approx(growth, rel=1e-9)
    assert bound.amax == pytest.approx(growth * 17 / 64, rel=1e-9)
    assert bound.amax_two_norm == pytest.approx(4 / 64, rel=1e-12)
    assert bound.probability == pytest.approx(1 - 202 * math.exp(-8 * (1 - u) ** 2), rel=1e-9)
    assert bounds.gemm_probabilistic([1], bounds.EXACT, 9, 0.1).probability == 0
    assert bounds.ProbabilisticGemmBound(2, 3, 5, 1).at(10, 100, 1000) == 5320


# Attention


def exponential(x):
    with localcontext() as context:
        context.prec = 40
        return Fraction((Decimal(x.numerator) / Decimal(x.denominator)).exp())


def softmax(scores):
    weights = [exponential(s - max(scores)) for s in scores]
    return [w / sum(weights) for w in weights]


@st.composite
def attention_rows(draw):
    n = draw(st.integers(1, 6))
    scores = draw(st.lists(st.integers(-64, 64), min_size=n, max_size=n))
    moves = draw(st.lists(st.sampled_from([-1, 1, 1, 0]), min_size=n, max_size=n))
    values_ = draw(st.lists(st.integers(-127, 127), min_size=n, max_size=n))
    return [Fraction(s, 8) for s in scores], moves, [Fraction(v) for v in values_]


@pytest.mark.parametrize("rounded", [False, True], ids=["exact", "binary32"])
@given(
    row=attention_rows(),
    error=st.sampled_from([Fraction(0), Fraction(1, 1000), Fraction(1, 10), Fraction(1)]),
)
@example(
    row=([Fraction(0), Fraction(-12)], [-1, 1], [Fraction(0), Fraction(1)]), error=Fraction(1, 10)
)
def test_attention(rounded, row, error):
    scores, moves, v = row
    exact = softmax(scores)
    moved = [s + m * error for s, m in zip(scores, moves, strict=True)]
    weights = [fl(exponential(s - max(moved))) for s in moved]
    terms = terms_of(spec.decompose_covering(weights, (E2M1,) * 2), (E2M1,) * 2)
    addends = [p * x for term in terms for p, x in zip(term, v, strict=True)]
    if rounded:
        accumulation = bounds.sequential(len(addends))
        output = fl(sum_sequential(addends) / sum_sequential(weights))
    else:
        accumulation, output = bounds.EXACT, sum(addends) / sum(weights)
    aim = sum(p * x for p, x in zip(exact, v, strict=True))
    sums = [
        float(sum(p * abs(x - aim) for p, x in zip(exact, v, strict=True))),
        float(max(v) - min(v)),
        float(sum(abs(p * x) for p, x in zip(exact, v, strict=True))),
        float(max(exact) * sum(map(abs, v))),
    ]
    bound = bounds.attention(
        float(error), [Fraction(1, 5), Fraction(1, 37)], accumulation, exp_error=2.0**-24
    )
    deviation = abs(output - aim)
    if bound.at(*sums):
        target(float(deviation) / bound.at(*sums))
    assert deviation <= bound.at(*sums)


@pytest.mark.parametrize("error", [Fraction(1, 1000), Fraction(1, 10), Fraction(1)])
def test_softmax_perturbation_is_attained(error):
    """Weights in the ratio 1 : exp(e), the score of the first going up, of the second down."""
    before, after = softmax([Fraction(0), error])[0], softmax([error, Fraction(0)])[0]
    ratio = float(after - before) / bounds.attention(float(error)).spread
    assert ratio == pytest.approx(1, rel=1e-12)
    assert ratio <= 1


@pytest.mark.parametrize("error", [0.01, 0.3, 2.0])
def test_float_bounds_are_rounded_up_by_a_few_ulps(error):
    grown = exponential(Fraction(error))
    excess = Fraction(bounds.attention(error).spread) * (grown + 1) / (grown - 1) - 1
    assert 12 < excess * 2**52 < 20


def test_softmax_perturbation_of_few_keys():
    """Where one key has nearly all the weight, the deviation decides: twice the light weight."""
    before = softmax([Fraction(0), Fraction(-12)])[1]
    after = softmax([Fraction(-1, 100), Fraction(-12) + Fraction(1, 100)])[1]
    bound = bounds.attention(0.01).at(float(2 * before * (1 - before)), 1)
    assert 0.98 < float(after - before) / bound <= 1


def test_attention_weights_are_attained():
    """The weights 1 and 37/64, each in a block of its own: the second is left as 36/64 or 38/64."""
    weights, v = [Fraction(1), Fraction(37, 64)], [Fraction(0), Fraction(5)]
    left = [remainder(w, w, (E2M1,) * 2) for w in weights]
    error = sum(r * x for r, x in zip(left, v, strict=True)) / sum(weights)
    largest = weights[1] / sum(weights)
    bound = bounds.attention(0, [Fraction(1, 5), Fraction(1, 37)])
    assert bound.at(0, 0, 0, float(largest * v[1])) == pytest.approx(float(error), rel=1e-12)
    assert bound.at(0, 0, 0, float(largest * v[1])) >= float(error)
    assert (bound.weighted, bound.at(1, 1, 1, 0, 2)) == (0, 2)


def test_attention_coefficients():
    accumulation = bounds.sequential(11)
    bound = bounds.attention(0.5, [Fraction(1, 8)], accumulation, exp_error=0.25, rescalings=3)
    change = math.e / 0.75**8
    divided = 1 + float(bounds.gamma(11))
    shift = math.sqrt(change)
    assert bound.deviation == pytest.approx(shift * (shift - 1), rel=1e-9)
    assert bound.spread == pytest.approx((shift - 1) / (shift + 1), rel=1e-9)
    assert bound.weighted == pytest.approx(change * float(bounds.gamma(21)), rel=1e-9)
    part = (1 + float(bounds.gamma(10))) / 8
    assert bound.block == pytest.approx(change * part * divided, rel=1e-9)


def test_attention_sums_add_up():
    bound = bounds.AttentionBound(2, 3, 5, 7, 11)
    assert [bound.at(1, 1), bound.at(2, 1), bound.at(1, 1, 1, 10, 100)] == [2, 3, 1177]


# Averages


def test_rms_error_closed_forms():
    """MXFP8: ``1 - 21858095488 / (31556720475 log 2)``. Two-pass MXFP4, uniform: 7/196608."""
    with localcontext() as context:
        context.prec = 40
        e4m3 = (1 - Decimal(21858095488) / Decimal(31556720475) / Decimal(2).ln()).sqrt()
    for binade in range(14):
        assert bounds.rms_error([E4M3], binade=binade).relative == float(e4m3)
    assert bounds.rms_error([E2M1] * 2).uniform == math.sqrt(7 / 196608)
    assert bounds.rms_error([E2M1]).relative == pytest.approx(
        math.sqrt(1 - 24 / (35 * math.log(2))), rel=1e-13
    )


def top_binade(elements):
    """Integrate ``(x - v)**2 / x**3`` over (1/2, 1], less log 2, over the rationals."""

    def primitive(v, x):
        return 2 * v / x - v**2 / (2 * x**2)

    cells = averages._cells(
        elements, averages._scales(elements, ScaleRule.COVERING), Fraction(1, 2), Fraction(1)
    )
    return sum(primitive(v, b) - primitive(v, a) for v, a, b in cells)


def closed_form(precision):
    """Evaluate S_p of proofs/rms-error, one pass of a format with this precision."""
    n, half = 2 ** (precision - 1), Fraction(1, 2)
    inner = sum((v * half - v**3) / (v * v - half**2) ** 2 for v in range(n + 1, 2 * n))
    low = 2 * n / (n + half) - n**2 / (2 * (n + half) ** 2)
    high = 4 * n / (2 * n - half) - 2 * n**2 / (2 * n - half) ** 2
    return inner + low - high


def test_rms_error_over_the_rationals():
    assert top_binade([E2M1]) == closed_form(2) == Fraction(-24, 35)
    assert top_binade([E4M3]) == closed_form(4) == Fraction(-21858095488, 31556720475)


@pytest.mark.parametrize(
    ("elements", "low", "high"), [((E2M1,) * 2, 6.5975, 6.5985), ((E4M3,), 5.2375, 5.2385)]
)
def test_the_papers_effective_bits_in_intervals(elements, low, high):
    """Every rounding enclosed: the 6.598 and the 5.238 are right to the last digit."""
    total = top_binade(elements)
    mean = 1 + iv.mpf(total.numerator) / iv.mpf(total.denominator) / iv.log(2)
    found = -iv.log(mean) / (2 * iv.log(2))
    assert low < found.a
    assert found.b < high


def test_the_papers_effective_bits():
    """One definition on one input gives the 6.6, the 5.24 and the 16."""
    two_pass = [bounds.rms_error([E2M1] * 2, binade=b).bits for b in range(4)]
    assert [f"{bits:.3f}" for bits in two_pass] == ["6.598", "6.236", "5.238", "4.245"]
    assert f"{bounds.rms_error([E4M3]).bits:.3f}" == "5.238"
    int8 = bounds.rms_error([INT8_SYMMETRIC] * 2, rule=ScaleRule.AMAX)
    assert f"{int8.bits:.3f}" == "16.213"
    assert int8.uniform_bits == pytest.approx(math.log2(64516), rel=1e-12)


@pytest.mark.parametrize("elements", [(E2M1,) * 2, (E4M3, E2M1), *SCALED[1:4]], ids=names)
@given(part=parts(), width=st.integers(4, 12))
def test_rms_error(elements, part, width):
    """The cells it integrates over are adjacent, and the specification rounds each to its value."""
    rule = ScaleRule.AMAX if elements in SCALED else ScaleRule.COVERING
    high = abs(part)
    low = high * (1 - Fraction(1, 2**width))
    cells = averages._cells(elements, averages._scales(elements, rule), low, high)
    for v, a, b in islice(cells, 6):
        assert low == a <= b <= high
        middle, low = (a + b) / 2, b
        assert remainder(middle, Fraction(1), elements, rule) == abs(middle - v)
    assert low == high or next(cells, None)


@pytest.mark.parametrize("binade", [0, 1, 3, 9])
@pytest.mark.parametrize("elements", [(E2M1,) * 2, (E5M2,), (E2M1,), (E4M3, E2M1)], ids=names)
def test_rms_error_of_samples(elements, binade):
    """The mean over 599 points, log-uniform or uniform, of the specification's errors."""
    centres = (np.arange(599) + 0.5) / 599
    logs = [Fraction(2.0 ** -(binade + t)) for t in centres]
    error = bounds.rms_error(elements, binade=binade)
    relative = [remainder(x, Fraction(1), elements) / x for x in logs]
    uniform = [remainder(Fraction(x), Fraction(1), elements) for x in centres]
    for xs, expected in ((relative, error.relative), (uniform, error.uniform)):
        assert math.sqrt(np.mean([float(x) ** 2 for x in xs])) == pytest.approx(expected, rel=0.05)


def test_rms_error_of_full_int8():
    """The missing code of the symmetric format is not a value; the full format has it."""
    assert bounds.rms_error([INT8_SYMMETRIC], rule=ScaleRule.AMAX) == bounds.rms_error(
        [INT8], rule=ScaleRule.AMAX
    )
