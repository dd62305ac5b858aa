"""Scale arithmetic in fractions: a block worked out by hand, and the ends of the range."""

from fractions import Fraction

from msdnum import spec
from msdnum.formats import INT8_ROW, LIBRARY_ARITHMETIC, Operation, ScaleArithmetic, Step
from msdnum.spec import Special


def test_a_block_by_hand():
    """Triton, up: 7/4 over 6 is between 1/4 and 1/2, so the scale is 1/2 and 7/4 becomes 3.5."""
    trace = spec.trace_block([Fraction(7, 4), Fraction(-1)], LIBRARY_ARITHMETIC["triton up E2M1"])
    assert (trace.scale_code, trace.codes) == (126, (6, 12))
    assert "scale = E8_ZERO(ideal, RTP) = " in trace.lines[1]
    assert trace.lines[-1] == "x[1]: code 0xc, -2"


def division(a, b):
    steps = (Step("scale", Operation.DIVIDE, (a, b)),)
    found = ScaleArithmetic("division", INT8_ROW, (), steps, steps[:1])
    return spec.trace_block([Fraction(1)], found).lines[0].rsplit(" = ")[-1]


def test_division_is_that_of_ieee_754():
    infinity, nan = float("inf"), float("nan")
    assert division(1.0, 0.0) == "+Inf" or division(1.0, 0.0) == Special.INFINITY.value
    assert division(-1.0, 0.0) == Special.NEGATIVE_INFINITY.value
    assert division(0.0, 0.0) == division(infinity, infinity) == division(nan, 1.0) == "NaN"
    assert division(-1.0, infinity) == "-0"
    assert division(1.0, -4.0) == "-1/4"
    assert division(2.0**127, 2.0**-10) == Special.INFINITY.value


def test_the_smaller_and_the_larger():
    def of(operation, a, b):
        steps = (Step("scale", operation, (a, b)),)
        found = ScaleArithmetic("mine", INT8_ROW, (), steps, steps)
        return spec.trace_block([Fraction(1)], found).lines[0].rsplit(" = ")[-1]

    infinity = float("inf")
    assert of(Operation.MINIMUM, 2.0, 3.0) == of(Operation.MINIMUM, infinity, 2.0) == "2"
    assert of(Operation.MAXIMUM, 2.0, 3.0) == of(Operation.MAXIMUM, 3.0, 2.0) == "3"
    assert of(Operation.MAXIMUM, infinity, 3.0) == of(Operation.MAXIMUM, 3.0, infinity)
    assert of(Operation.IF_ZERO, -0.0, 3.0) == of(Operation.IF_ZERO, 3.0, 2.0) == "3"
