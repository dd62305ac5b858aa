"""Fields of formats and schemes have their types."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from msdnum import BLOCK_FORMATS, SCHEMES, FloatFormat, IntegerFormat
from msdnum.formats.elements import E2M1, INT8, NonNumbers
from msdnum.formats.modes import Arithmetic
from msdnum.formats.schemes import Scheme, amax_scheme, covering_scheme


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((2.0, 1), "exponent_bits must be an int, got 2.0 for 'X'"),
        ((2, np.int64(1)), r"fraction_bits must be an int, got np.int64\(1\) for 'X'"),
        ((2, 1, 1.5), "bias must be an int, got 1.5 for 'X'"),
        ((2, 1, True), "bias must be an int, got True for 'X'"),
        ((2, 1, 1, "IEEE"), "specials must be NonNumbers, got 'IEEE' for 'X'"),
        ((2, 1, 1, NonNumbers.NONE, 1), "signed must be bool, got 1 for 'X'"),
        ((2, 1, 1, NonNumbers.NONE, True, 0), "subnormals must be bool, got 0 for 'X'"),
        (
            (2, 1, 1, NonNumbers.NONE, True, True, False, None),
            "source must be str, got None for 'X'",
        ),
    ],
)
def test_fields_of_a_float_format_have_their_types(arguments, message):
    with pytest.raises(TypeError, match=message):
        FloatFormat("X", *arguments)


def test_fields_of_other_formats_have_their_types():
    with pytest.raises(TypeError, match=r"bits must be an int, got 8\.0 for 'X'"):
        IntegerFormat("X", 8.0, -128)
    with pytest.raises(TypeError, match="name must be str, got 8 for 8"):
        IntegerFormat(8, 8, -128)
    mxfp4 = BLOCK_FORMATS["MXFP4"]
    with pytest.raises(TypeError, match=r"block_size must be an int, got 32\.0 for 'MXFP4'"):
        replace(mxfp4, block_size=32.0)
    with pytest.raises(TypeError, match=r"element must be .* or TableFormat, got 'E2M1'"):
        replace(mxfp4, element="E2M1")
    with pytest.raises(TypeError, match="scale must be FloatFormat, got IntegerFormat"):
        replace(mxfp4, scale=INT8)
    with pytest.raises(TypeError, match="rule must be ScaleRule, got 'CEIL'"):
        replace(mxfp4, rule="CEIL")


def test_fields_of_a_scheme_have_their_types():
    mxfp4 = SCHEMES["MXFP4_X2"]
    with pytest.raises(TypeError, match=r"ratios must be tuple, got Fraction\(8, 1\) for 's'"):
        Scheme("s", mxfp4.formats, Fraction(8), Arithmetic.EXACT)
    with pytest.raises(TypeError, match="ratios must be Fraction or int, got 8"):
        replace(mxfp4, ratios=(8.0,))
    with pytest.raises(TypeError, match="formats must be BlockFormat, got FloatFormat"):
        replace(mxfp4, formats=(E2M1, E2M1))
    with pytest.raises(TypeError, match="elements must be IntegerFormat, got FloatFormat"):
        amax_scheme("x", E2M1, E2M1)
    with pytest.raises(TypeError, match=r"elements must be .* or TableFormat, got 'E2M1'"):
        covering_scheme("x", "E2M1")
