"""Huawei's CANN kernels, as their sources have them."""

from msdnum.emulator.cann.attention import (
    ATTENTION_KERNELS,
    AttentionKernel,
    CannCache,
    kernel_attend,
)
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
    "ATTENTION_KERNELS", "KERNELS", "VARIANTS", "AttentionKernel", "CannCache", "Digits",
    "Division", "Floats", "Fusion", "GroupOrder", "Kernel", "KernelSwitches", "Split", "Switches",
    "Variant", "Weight", "Weights", "kernel_attend", "kernel_matmul", "nibble_matmul",
]  # fmt: skip
