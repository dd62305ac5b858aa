"""Scale arithmetic as data: what is refused."""

import pytest

from msdnum.formats import INT8_ROW, NVFP4, Operation, ScaleArithmetic, Step

SCALE = Step("scale", Operation.DIVIDE, ("amax", 127.0))
QUOTIENT = Step("quotient", Operation.DIVIDE, ("x", "scale"))


def test_steps_name_what_is_before_them():
    made = ScaleArithmetic("mine", INT8_ROW, (), (SCALE,), (QUOTIENT,))
    assert repr(made) == "ScaleArithmetic('mine', format=INT8_ROW)"
    assert made == ScaleArithmetic("mine", INT8_ROW, (), (SCALE,), (QUOTIENT,), source="me")
    with pytest.raises(ValueError, match="operands must be results of steps before, got 'x'"):
        ScaleArithmetic("mine", INT8_ROW, (), (QUOTIENT, SCALE), (QUOTIENT,))
    with pytest.raises(ValueError, match="steps must make 'scale' in 'mine'"):
        ScaleArithmetic("mine", INT8_ROW, (), (), (Step("q", Operation.DIVIDE, ("x", 1.0)),))
    with pytest.raises(ValueError, match="steps must make 'tensor_scale' in 'mine'"):
        ScaleArithmetic("mine", NVFP4, (), (SCALE,), (QUOTIENT,))
    with pytest.raises(ValueError, match="element must have a step in 'mine'"):
        ScaleArithmetic("mine", INT8_ROW, (), (SCALE,), ())


def test_operands_suit_the_operation():
    with pytest.raises(ValueError, match="operands must be one with a format for ROUND"):
        Step("s", Operation.ROUND, ("amax",))
    with pytest.raises(ValueError, match="else two without"):
        Step("s", Operation.DIVIDE, ("amax",))
    with pytest.raises(TypeError, match="operation"):
        Step("s", "divide", ("amax", 1.0))
