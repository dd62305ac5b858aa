"""One device, judged: its arithmetic under ``jit``, its tensor cores beside models, its times."""

from msdnum.device.agreement import Agreement, Computation, agreements, computations
from msdnum.device.comparison import (
    Compared,
    DotSet,
    canonical,
    compared,
    computes_integers,
    dot_sets,
)
from msdnum.device.dot_families import FAMILIES_OF_DOTS, Dots, draw_dots, integer_dots
from msdnum.device.instructions import TENSOR_CORES, FusedChain, Instruction
from msdnum.device.layouts import BINARY64, Layout, layout_of
from msdnum.device.tensor_cores import CannotRunError, Gpu, TensorCores, compiled, gpu
from msdnum.device.unit_models import Multiply, fused_chains, modelled

__all__ = [
    "BINARY64", "FAMILIES_OF_DOTS", "TENSOR_CORES", "Agreement", "CannotRunError", "Compared",
    "Computation", "DotSet", "Dots", "FusedChain", "Gpu", "Instruction", "Layout", "Multiply",
    "TensorCores", "agreements", "canonical", "compared", "compiled", "computations",
    "computes_integers", "dot_sets", "draw_dots", "fused_chains", "gpu", "integer_dots",
    "layout_of", "modelled",
]  # fmt: skip
