"""Helpers of the tests of arrays."""

import jax.numpy as jnp
import numpy as np
import pytest

from msdnum import Overflow, ScaleRule
from msdnum.formats.blocks import BLOCK_FORMATS, BlockFormat
from msdnum.formats.elements import FP16, INT8_SYMMETRIC

SAT, OVER = Overflow.SATURATE, Overflow.OVERFLOW


Q8_0 = BlockFormat("Q8_0", INT8_SYMMETRIC, FP16, 32, ScaleRule.AMAX)


BACKENDS = pytest.mark.parametrize("array", [np.asarray, jnp.asarray], ids=["numpy", "jax"])


VARIANTS = [*BLOCK_FORMATS.values(), Q8_0]


# ------------------------------------------------------------------------------------------------
# Swapped bytes, lists, scalars
# ------------------------------------------------------------------------------------------------

X = np.random.default_rng(4).standard_normal((3, 64)).astype(np.float32)
