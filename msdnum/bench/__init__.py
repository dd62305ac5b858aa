"""Times, on the CPU and on JAX's own device."""

from msdnum.bench.device import Layer, machine_of, measured
from msdnum.bench.quantization import SUITES, Suite, Timing, measure, table

__all__ = ["SUITES", "Layer", "Suite", "Timing", "machine_of", "measure", "measured", "table"]
