"""Huawei's CANN kernels, as their sources have them."""

from msdnum.emulator.cann.digits import (
    VARIANTS,
    Digits,
    Division,
    Floats,
    Fusion,
    Split,
    Switches,
    Variant,
    Weights,
)
from msdnum.emulator.cann.products import (
    KERNELS,
    GroupOrder,
    Kernel,
    KernelSwitches,
    Weight,
    kernel_matmul,
    nibble_matmul,
)

__all__ = [
    "KERNELS", "VARIANTS", "Digits", "Division", "Floats", "Fusion", "GroupOrder", "Kernel",
    "KernelSwitches", "Split", "Switches", "Variant", "Weight", "Weights", "kernel_matmul",
    "nibble_matmul",
]  # fmt: skip
