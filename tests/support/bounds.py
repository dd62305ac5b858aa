"""Helpers of the tests of bounds."""

import math
from fractions import Fraction

from hypothesis import strategies as st

from msdnum import bounds, spec
from msdnum.formats.elements import INT4, INT8_SYMMETRIC
from msdnum.formats.modes import Overflow, Rounding, ScaleRule

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


MIXED_SCALED = [(INT8_SYMMETRIC, INT4), (INT4, INT8_SYMMETRIC), (INT4,) * 3]


SCALED = [*((INT8_SYMMETRIC,) * n for n in (1, 2, 3)), *MIXED_SCALED]


def names(elements):
    return "+".join(element.name for element in elements)


def remainder(x, amax, elements, rule=ScaleRule.COVERING):
    """What is left of x in a block with this amax."""
    decompose = spec.decompose_amax if rule is ScaleRule.AMAX else spec.decompose_covering
    return abs(decompose([x, amax], elements).remainders[0])


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


def terms_of(block, elements):
    return [
        [scale * spec.number(spec.decode(code, element)) for code in codes]
        for scale, codes, element in zip(block.scales, block.codes, elements, strict=True)
    ]
