"""Helpers of the tests of decompositions."""

from fractions import Fraction

import numpy as np

import msdnum
from msdnum import Arithmetic, ScaleRule
from msdnum.formats.elements import E2M1, E3M2, E4M3, INT4, INT8_SYMMETRIC
from msdnum.formats.elements import MXINT8_ELEMENT as FIXED
from msdnum.formats.schemes import MXFP4_X2
from tests.support.corpus import hostile_blocks

MIXED = [
    msdnum.covering_scheme("MXFP8+MXFP4", E4M3, E2M1),
    msdnum.covering_scheme("MXFP4+MXFP6", E2M1, E3M2),
    msdnum.covering_scheme("MXINT8+MXFP4", FIXED, E2M1),
    msdnum.amax_scheme("INT8+INT4", INT8_SYMMETRIC, INT4),
    msdnum.amax_scheme("INT4x3", INT4, INT4, INT4, arithmetic=Arithmetic.FLOAT32, block_size=8),
    *(
        msdnum.covering_scheme(f"MXFP4_X2-{rule.name}", E2M1, E2M1, rule=rule)
        for rule in (ScaleRule.FLOOR, ScaleRule.RCEIL, ScaleRule.EVEN)
    ),
]


CORPUS = hostile_blocks(200)


by_name = {"ids": lambda scheme: scheme.name}


def assert_sums_up(x, result):
    """Check ``denominator * (x - sum of terms) == remainder`` over the rationals."""
    finite = np.isfinite(result.scaled_remainder)
    terms = [(term, term.scales().repeat(x.size), term.format.element) for term in result.terms]
    for i in np.flatnonzero(finite):
        total = Fraction(0)
        for term, _, element in terms:
            block = i // term.format.block_size
            scale = Fraction(term.format.scale.value(int(term.scale_codes[block]))) / term.divisor
            total += scale * Fraction(element.value(int(term.codes[i])))
        assert result.denominator * (Fraction(float(x[i])) - total) == Fraction(
            float(result.scaled_remainder[i])
        )


POWERS = MXFP4_X2.formats


FLOOR = MIXED[5].formats
