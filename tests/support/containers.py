"""Helpers of the tests of containers."""

import jax.numpy as jnp
import numpy as np

# ------------------------------------------------------------------------------------------------
# JAX's trees
# ------------------------------------------------------------------------------------------------

X = jnp.asarray(np.random.default_rng(4).standard_normal((4, 2, 32)).astype(np.float32))
