"""What an accumulator computes is a tree of theorem gemm, with the counts that bounds take.

The specification runs step by step; beside it the tree of ``decomposed_dot`` grows. Every rounding
of the tree has the error that the closed statements allow it, whatever the operands: that is
checked at each node. What the whole tree counts is held against ``sum_roundings`` and
``sum_underflow``.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from msdnum import spec
from msdnum.bounds.sums import gamma
from msdnum.evidence.product_roundings import sum_roundings, sum_underflow
from msdnum.formats.accumulators import (
    ALL_ACCUMULATORS,
    Blocks,
    Cdna3Unit,
    Exact,
    FusedUnit,
    GroupedUnit,
    Int32,
    MatrixUnit,
    Pairwise,
    PairwiseUnit,
    Sequential,
)
from msdnum.formats.elements import BF16, BINARY32, E2M1, E4M3
from msdnum.formats.modes import Overflow
from msdnum.testing import random_units

U, H = Fraction(1, 2**24), Fraction(1, 2**150)
NORMAL = Fraction(1, 2**126)


@dataclass(frozen=True)
class Tree:
    """A node: what it computes, and all that the statements say of it."""

    value: Fraction
    exact: Fraction
    counted: Fraction
    since: Fraction  # magnitudes since the last roundings
    growth: Fraction = Fraction(1)
    absolute: Fraction = Fraction(0)


def plus(*ts):
    """Add exactly."""
    value, exact, counted, since = (
        sum((getattr(t, name) for t in ts), Fraction(0))
        for name in ("value", "exact", "counted", "since")
    )
    return Tree(
        value, exact, counted, since, max(t.growth for t in ts), sum(t.absolute for t in ts)
    )


def rounded(t, z, v, h):
    """Round once: by no more than ``v`` of the magnitudes since the last time, and ``h``."""
    assert abs(z - t.value) <= v * t.since + h
    return Tree(z, t.exact, t.counted, abs(z), (1 + v) * t.growth, t.absolute + h)


def binary32(x):
    """Round to nearest, ties to even."""
    if not x:
        return x
    quantum = Fraction(2) ** (max(spec.floor_log2(abs(x)), -126) - 23)
    result = round(x / quantum) * quantum
    if abs(result) > BINARY32.max_finite:
        raise ValueError("beyond binary32")
    return result


def flushed(x):
    """Round, with zero for what is subnormal."""
    x = binary32(x)
    return x if abs(x) >= NORMAL else Fraction(0)


def in_pairs(ts, add):
    """Add neighbours, then their sums."""
    while len(ts) > 1:
        ts = [x if y is None else add(x, y) for x, y in zip_longest(ts[::2], ts[1::2])]
    return ts[0]


def add(left, right):
    """Add two numbers of binary32."""
    both = plus(left, right)
    return rounded(both, binary32(both.value), U, Fraction(0))


def add_flushed(left, right):
    """Add them in a unit that flushes."""
    both = plus(left, right)
    return rounded(both, flushed(both.value), U, NORMAL)


def step_error(unit):
    """Return ``v`` and ``h`` of ``gemm_unit_step``, ``gemm_cdna3_step`` or a fused unit."""
    match unit:
        case Exact() | FusedUnit():
            return U, H
        case MatrixUnit():
            bits = unit.result_bits if unit.output == BINARY32 else unit.output.precision
            v = Fraction(unit.group + 1, 2**unit.fraction_bits) + Fraction(1, 2**bits)
            return v, v * Fraction(unit.output.min_normal)
        case GroupedUnit():
            addends = unit.group // unit.exact + 1
            v = Fraction(addends, 2**unit.fraction_bits) + Fraction(1, 2**23)
            return v, v * NORMAL
        case Cdna3Unit():
            low = Fraction(1, 2**unit.sum_bits)
            aligned = Fraction(unit.group + unit.parts + 1, 2**unit.fraction_bits)
            v = (1 + aligned + low / 2) * (1 + low) * (1 + U) - 1
            return v, v * NORMAL + H


def products(a, b, fmts, aligned):
    """Return the exact products, each with what it counts with."""

    def low(x, fmt):
        return x.scale * Fraction(fmt.min_normal) if aligned else Fraction(0)

    exact = [x.value * y.value for x, y in zip(a, b, strict=True)]
    counts = [
        (abs(x.value) + low(x, fmts[0])) * (abs(y.value) + low(y, fmts[1]))
        for x, y in zip(a, b, strict=True)
    ]
    return [Tree(p, p, m, m) for p, m in zip(exact, counts, strict=True)]


def grown(unit, a, b, fmts, c=None):
    """Return the tree of a whole sum, and check what the specification computes at every step."""
    c = c or Tree(*[Fraction(0)] * 4)
    aligned = isinstance(unit, MatrixUnit | GroupedUnit | Cdna3Unit)
    inputs = products(a, b, fmts, aligned)
    once = [rounded(t, binary32(t.value), Fraction(0), H) for t in inputs]
    match unit:
        case Sequential():
            for t in once:
                c = add(c, t) if c.counted else t
        case Pairwise():
            c = in_pairs(once, add)
        case PairwiseUnit():
            for start in range(0, len(a), unit.group):
                part = inputs[start : start + unit.group]
                part = [rounded(t, flushed(t.value), Fraction(0), NORMAL) for t in part]
                c = add_flushed(c, in_pairs(part, add_flushed))
        case Blocks():
            for start in range(0, len(a), unit.size):
                part, total = range(start, min(start + unit.size, len(a))), None
                for r in range(unit.rounds):
                    ks = [k for k in part if (k - start) // 2 % unit.rounds == r]
                    if ks:
                        total = grown(
                            unit.inner, [a[k] for k in ks], [b[k] for k in ks], fmts, total
                        )
                c = add(c, total) if c.counted else total
        case _:
            v, h = step_error(unit)
            size = len(a) if isinstance(unit, Exact) else unit.group
            starts = range(0, len(a), size)
            seen = spec.partial_sums(a, b, unit, c.value)
            for start, z in zip(starts, seen, strict=True):
                c = rounded(plus(c, *inputs[start : start + size]), z, v, h)
    return c


def operands(rng, k, fmts, low, high):
    """Return k factors on either side: scaled elements, or BF16, of exponents low to high."""
    sides = []
    for fmt in fmts:
        exponents = rng.integers(low, high + 1, k)
        if fmt is BF16:
            parts = rng.integers(128, 256, k) * rng.choice([-1, 1], k)
            exact = [Fraction(int(m), 128) for m in parts]
            scaled = [m * Fraction(2) ** int(e) for m, e in zip(exact, exponents, strict=True)]
            codes = [spec.round_to(x, BF16, overflow=Overflow.SATURATE) for x in scaled]
            sides.append([spec.factor(spec.number(code), BF16) for code in codes])
        else:
            values = rng.choice([v for v in fmt.values if np.isfinite(v)], k)
            scales = [Fraction(2) ** int(exponents[i // 32]) for i in range(k)]
            both = zip(map(Fraction, values.tolist()), scales, strict=True)
            sides.append([spec.factor(value, fmt, scale) for value, scale in both])
    return sides


def check(unit, fmts, rng, k, low, high):
    """Grow a tree and hold what it counts against what bounds take."""
    a, b = operands(rng, k, fmts, low, high)
    if isinstance(unit, PairwiseUnit):
        kept = [not (x.subnormal or y.subnormal) for x, y in zip(a, b, strict=True)]
        a, b = ([x for x, keep in zip(side, kept, strict=True) if keep] for side in (a, b))
        if not a:
            raise ValueError("nothing is left")
    t = grown(unit, a, b, fmts)
    assert t.value == spec.inner_product(a, b, unit)
    assert t.exact == sum(x.value * y.value for x, y in zip(a, b, strict=True))
    found, n = sum_roundings(unit, len(a)), len(a)
    assert t.growth <= (1 + found.unit_roundoff) ** found.roundings
    assert t.absolute <= sum_underflow(unit, n)
    growth = gamma(found.roundings, found.unit_roundoff)
    assert abs(t.value - t.exact) <= growth * t.counted + t.absolute * (1 + growth)
    return found, t


def formats_of(unit):
    """Return formats of elements that a unit is for: those of blocks where it groups them."""
    inner = unit.inner if isinstance(unit, Blocks) else unit
    if isinstance(inner, GroupedUnit):
        return E2M1, E2M1
    taken = inner.takes[0] if getattr(inner, "takes", ()) else BF16
    return (E4M3, E4M3) if taken.bits == 8 else (BF16, BF16)


FLOATS = {name: unit for name, unit in ALL_ACCUMULATORS.items() if not isinstance(unit, Int32)}


@pytest.mark.parametrize("name", FLOATS)
def test_a_preset_is_the_tree_that_is_counted(name):
    unit, rng = FLOATS[name], np.random.default_rng(5)
    high = 3 if getattr(unit, "output", BINARY32) != BINARY32 else 60
    for low in (-70, -63, -10):
        check(unit, formats_of(unit), rng, int(rng.integers(1, 40)), low, min(high, -low - 5))


@given(unit=random_units(), seed=st.integers(0, 2**32 - 1), low=st.sampled_from([-72, -64, 0, 58]))
def test_units_that_nobody_has_built(unit, seed, low):
    """At either end of the range: products that are subnormal, and near overflow."""
    rng, fmts = np.random.default_rng(seed), formats_of(unit)
    try:
        check(unit, fmts, rng, int(rng.integers(1, 12)), low, low + 4)
    except ValueError:
        reject()  # Something is infinite, or nothing is left of subnormal inputs.


def test_the_counts_of_pairwise_units_are_reached():
    """One product of many meets as many roundings as the bound counts: no tree has fewer."""
    for group in (1, 2, 4, 8):
        unit = PairwiseUnit("PAIRWISE", group)
        found, t = check(unit, (BF16, BF16), np.random.default_rng(1), 4 * group, -3, 3)
        assert t.growth == (1 + U) ** found.roundings
