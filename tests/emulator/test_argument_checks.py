"""Arguments that must be integers."""

import numpy as np
import pytest

from msdnum.emulator import argument_checks


@pytest.mark.parametrize("value", [None, 0, -3, np.int64(2), np.uint8(2)])
def test_integers(value):
    argument_checks.check_integer("axis", value)


@pytest.mark.parametrize("value", [True, 1.0, np.float32(1), "1", np.True_])
def test_no_integers(value):
    with pytest.raises(TypeError, match="axis must be an integer or None, got"):
        argument_checks.check_integer("axis", value)
