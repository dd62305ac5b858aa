"""Scale arithmetic of libraries beside the libraries themselves, as far as installed, on a CPU.

    python benchmarks/library_scales.py

On 28 November 2026, seed 0: torchao 0.18.0, compressed-tensors 0.20.1, nvidia-modelopt 0.47.0 and
gguf 0.19.0, with torch 2.13.0. None of their codes and scales differs, signs of zeros aside. Scales
beyond FP16, which are Inf in GGUF and saturate in msdnum, are not among these tensors.
"""

from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

import numpy as np

from msdnum import Overflow, encode, unpack
from msdnum.emulator import quantize_as
from msdnum.formats import E2M1, LIBRARY_ARITHMETIC

ROUNDS, ROWS, WIDTH = 60, 32, 64

Codes = tuple[Any, Any]
"""Element codes and scale codes."""


def tensors() -> Iterator[Any]:
    """Yield tensors whose blocks span many binades, every other one of BF16 numbers, some zero."""
    rng = np.random.default_rng(0)
    for i in range(ROUNDS):
        spread = 2.0 ** rng.integers(-14, 3, size=(ROWS, 1)) * 2.0 ** rng.integers(-60, 10)
        x = (rng.normal(size=(ROWS, WIDTH)) * spread).astype(np.float32)
        if i % 2:
            x = (x.view(np.uint32) & 0xFFFF0000).view(np.float32)
        if i % 3 == 0:
            x[rng.integers(ROWS)] = 0
        yield x


def torchao(x: Any) -> Codes:
    """Return what torchao makes of a tensor."""
    import torch
    from torchao.prototype.mx_formats import nvfp4_tensor

    t = torch.tensor(x)
    whole = nvfp4_tensor.per_tensor_amax_to_scale(t.abs().max())
    scale, packed = nvfp4_tensor.nvfp4_quantize(t, 16, whole)
    return unpack(packed.numpy(), E2M1), scale.view(torch.uint8).numpy()


def compressed_tensors(x: Any) -> Codes:
    """Return what compressed-tensors makes of it."""
    import torch
    from compressed_tensors.quantization.lifecycle.forward import quantize
    from compressed_tensors.quantization.quant_scheme import NVFP4
    from compressed_tensors.quantization.utils import helpers

    t, how = torch.tensor(x), NVFP4["weights"]
    whole = helpers.generate_gparam(t.min(), t.max())
    blocks = t.reshape(ROWS, -1, 16)
    low, high = blocks.amin(-1), blocks.amax(-1)
    scale, zero = helpers.calculate_qparams(low, high, how, global_scale=whole)
    numbers = quantize(t, scale, zero, how, global_scale=whole).float().numpy()
    codes = encode(numbers, E2M1, overflow=Overflow.SATURATE)
    return codes, scale.to(torch.float8_e4m3fn).view(torch.uint8).numpy()


def modelopt(x: Any) -> Codes:
    """Return what Model-Optimizer makes of it."""
    import torch
    from modelopt.torch.quantization.qtensor.nvfp4_tensor import NVFP4QTensor

    made, scale, _ = NVFP4QTensor.quantize(torch.tensor(x), 16)
    return unpack(made._quantized_data.numpy(), E2M1), scale.view(torch.uint8).numpy()


def gguf(x: Any) -> Codes:
    """Return what the package gguf makes of it."""
    import gguf as package

    stored = package.quantize(x, package.GGMLQuantizationType.Q8_0).reshape(-1, 34)
    return stored[:, 2:], stored[:, :2].copy().view(np.uint16)


LIBRARIES: dict[str, tuple[str, Callable[[Any], Codes]]] = {
    "torchao": ("torchao", torchao),
    "compressed_tensors": ("compressed-tensors", compressed_tensors),
    "modelopt": ("nvidia-modelopt", modelopt),
    "gguf Q8_0": ("gguf", gguf),
}


def differing(name: str, function: Callable[[Any], Codes]) -> tuple[int, int]:
    """Return how many codes were compared, and how many differ."""
    count = wrong = 0
    arithmetic = LIBRARY_ARITHMETIC[name]
    element = arithmetic.format.element
    for x in tensors():
        codes, scales = function(x)
        mine = quantize_as(x, arithmetic)
        values = [np.array(element.values)[np.asarray(c).reshape(-1)] for c in (codes, mine.codes)]
        wrong += int((values[0] != values[1]).sum())
        wrong += int((np.asarray(scales).reshape(-1) != mine.scale_codes.reshape(-1)).sum())
        count += mine.codes.size + mine.scale_codes.size
    return count, wrong


def main() -> None:
    """Print a line for each library."""
    for name, (package, function) in LIBRARIES.items():
        try:
            version = metadata.version(package)
        except metadata.PackageNotFoundError:
            print(f"{package}: not installed")
            continue
        count, wrong = differing(name, function)
        print(f"{package} {version}: {wrong} of {count:,} codes differ")


if __name__ == "__main__":
    main()
