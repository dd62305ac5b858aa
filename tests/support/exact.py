"""Helpers of the tests of exact references."""

import numpy as np
from hypothesis import strategies as st

float32s = st.floats(width=32, allow_nan=False, allow_infinity=False)


float64s = st.floats(allow_nan=False, allow_infinity=False)


def bits(x: object, dtype: type = np.float64) -> bytes:
    return np.asarray(x, dtype).tobytes()
