"""Tensor cores that are none: what a model says, so that the comparison itself is tested."""

import numpy as np

from msdnum.device.instructions import TENSOR_CORES
from msdnum.device.tensor_cores import Gpu
from msdnum.device.unit_models import modelled

FEW = (
    "mma.m16n8k16.f32.f16.f16", "wgmma.m64n8k32.f16.e4m3.e5m2", "mma.m8n8k4.f64.f64.f64",
    "mma.m16n8k32.satfinite.s32.s8.s8",
)  # fmt: skip
GPU = Gpu("NVIDIA of the tests", 90, 13000, "none")


class Imitation:
    """What `TensorCores` is, of the models alone."""

    gpu = GPU

    def __init__(self, change=lambda name, d: d):
        self.change = change

    def multiply(self, name, given, *, from_nothing=False):
        if name == "fma.rn.f64":
            return modelled(TENSOR_CORES["mma.m8n8k4.f64.f64.f64"], given)
        return self.change(name, modelled(TENSOR_CORES[name], given))


def last_bit_of_the_first(name, d):
    """Return results of which the first has another last bit."""
    patterns = np.ascontiguousarray(d).view(f"u{d.itemsize}").copy()
    patterns[0, 0] ^= 1
    return patterns.view(d.dtype)
