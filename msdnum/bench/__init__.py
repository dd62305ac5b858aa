"""Times, on the CPU and on JAX's own device."""
