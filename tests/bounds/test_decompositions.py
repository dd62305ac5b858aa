"""Every bound against exact roundings: it holds, it is met, and a smaller one is not true.

The oracle is ``spec`` (Fractions) for numbers and blocks, and roundings written out here for sums.
"""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, target
from hypothesis import strategies as st

from msdnum import bounds, spec
from msdnum.evidence import strangers
from msdnum.formats.blocks import NVFP4
from msdnum.formats.elements import (
    BINARY32,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    INT4,
    INT8,
    INT8_SYMMETRIC,
    MXINT8_ELEMENT,
)
from msdnum.formats.modes import Arithmetic, ScaleRule
from tests.support.bounds import (
    MIXED_SCALED,
    RULES,
    SCALED,
    TINY,
    U,
    fl,
    names,
    parts,
    remainder,
    round_to,
    worst_part,
)

# Decompositions

MIXED = [
    (E5M2,), (E2M3, E3M2), (E4M3, E2M1), (E2M1, E4M3), (INT8,), (MXINT8_ELEMENT, E2M1),
    (INT8, INT4),
]  # fmt: skip


COVERED = [(E2M1,), (E2M1,) * 2, (E2M1,) * 3, (E4M3,), (E4M3,) * 2, *MIXED]


EXPONENTS = st.integers(-140, 127)


BINADES = st.integers(0, 10)


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


def test_where_two_pass_mxfp4_beats_mxfp8():
    better = [
        bounds.mxfp8_decomposition(1, 1, b) / bounds.mxfp4_decomposition(1, 2, b) for b in range(5)
    ]
    assert better == [2, 2, 1, Fraction(1, 2), Fraction(1, 4)]


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
