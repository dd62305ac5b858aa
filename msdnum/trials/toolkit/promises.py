"""Promises of every theorem on decompositions, underflow terms included."""

from collections.abc import Iterator
from fractions import Fraction
from functools import partial

from msdnum import bounds
from msdnum.evidence.promises import (
    EVERY_AMAX,
    MXFP4_NORMAL,
    PROMISED_RULES,
    SECOND_SCALE,
    Bound,
    Promise,
)
from msdnum.formats.elements import E2M1, E4M3, INT4, INT8_SYMMETRIC
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import (
    INT8_X1,
    INT8_X1_FLOAT32,
    INT8_X2,
    INT8_X2_FLOAT32,
    INT8_X3,
    INT8_X3_FLOAT32,
    MXFP4_X1,
    MXFP4_X2,
    MXFP4_X3,
    MXFP8_X1,
    amax_scheme,
    covering_scheme,
)

__all__ = ["ALPHA_64", "MXFP4_64", "MXFP8_32", "M_64516", "promises"]

M_64516 = Bound("M/64516", "M", lambda m: m / 64516)


ALPHA_64 = Bound("alpha/64", "alpha", lambda alpha: alpha / 64)


MXFP4_64 = Bound("alpha/64 or 2^-129", "alpha", bounds.mxfp4_decomposition)


MXFP8_32 = Bound("alpha/32 or 2^-137", "alpha", bounds.mxfp8_decomposition)


def promises() -> Iterator[Promise]:
    """Yield every decomposition theorem as it is stated, underflow terms included."""
    yield from _int8()
    yield from _covering()
    for rule in PROMISED_RULES:
        for own_amax in SECOND_SCALE:
            yield from _scale_rule(rule, own_amax)


def _int8() -> Iterator[Promise]:
    for n, scheme in enumerate((INT8_X1, INT8_X2, INT8_X3), 1):
        bound = Bound(f"M/{254**n}", "M", partial(bounds.int8_decomposition, terms=n))
        yield Promise(f"INT8 x{n}, exact", scheme, bound, "int8-decomposition", EVERY_AMAX)
    for n, scheme in enumerate((INT8_X1_FLOAT32, INT8_X2_FLOAT32, INT8_X3_FLOAT32), 1):
        growth = float(bounds.int8_decomposition_float32(1, n) * 254**n)
        of = partial(bounds.int8_decomposition_float32, terms=n)
        bound = Bound(f"{growth:.5f} M/{254**n}", "M", of)
        # 254 is below 2**8: with each term the smallest amax grows by 8 binades.
        amaxes = range(0x0400 * n, 0x7F80)
        theorem = "int8-decomposition-float32"
        yield Promise(f"INT8 x{n}, float32", scheme, bound, theorem, amaxes)
    of = partial(bounds.mixed_decomposition, [INT8_SYMMETRIC, INT4], rule=ScaleRule.AMAX)
    bound = Bound("M/3556", "M", of)
    scheme = amax_scheme("INT8_INT4", INT8_SYMMETRIC, INT4)
    yield Promise("INT8 + INT4, exact", scheme, bound, "mixed-decomposition", EVERY_AMAX)


def _covering() -> Iterator[Promise]:
    for n, scheme in enumerate((MXFP4_X1, MXFP4_X2, MXFP4_X3), 1):
        of = partial(bounds.mxfp4_decomposition, terms=n)
        bound = Bound(f"alpha/{8**n} or 2^-129", "alpha", of)
        yield Promise(f"MXFP4 x{n}, CEIL", scheme, bound, "mxfp4-decomposition", EVERY_AMAX)
    yield Promise("MXFP8 x1, CEIL", MXFP8_X1, MXFP8_32, "mxfp8-decomposition", EVERY_AMAX)
    bound = Bound("alpha/256 or 2^-129", "alpha", partial(bounds.mixed_decomposition, [E4M3, E2M1]))
    scheme = covering_scheme("MXFP8_MXFP4", E4M3, E2M1)
    yield Promise("MXFP8 + MXFP4, CEIL", scheme, bound, "mixed-decomposition", EVERY_AMAX)


def _scale_rule(rule: ScaleRule, own_amax: bool) -> Iterator[Promise]:
    scheme = MXFP4_X2.with_rule(rule, own_amax=own_amax)
    best = bounds.mxfp4_scale_rules(rule, own_amax=own_amax)
    for unit, constant in (("alpha", best.alpha), ("amax", best.amax)):
        bound = Bound(f"{constant} {unit}", unit, partial(_times, constant))
        convention = f"MXFP4 x2, {rule.name}, {SECOND_SCALE[own_amax]}, of {unit}"
        yield Promise(convention, scheme, bound, "mxfp4-scale-rules", MXFP4_NORMAL)


def _times(constant: Fraction, x: Fraction) -> Fraction:
    return constant * x
