"""The same as ``spec``, for arrays of NumPy and JAX."""
