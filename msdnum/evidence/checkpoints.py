"""Tensors of checkpoints as numbers: floats, or codes with the scales that lie beside them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.layouts.gpt_oss import from_blocks_and_scales
from msdnum.emulator.layouts.nvfp4 import from_compressed_tensors_divided, from_modelopt
from msdnum.emulator.packing import unpack
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.blocks import MXFP4, BlockFormat
from msdnum.formats.elements import (
    BINARY32,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    E8M0,
    INT8,
    ElementFormat,
    FloatFormat,
)
from msdnum.formats.modes import ScaleRule
from msdnum.inputs.files.safetensors_files import StoredTensor
from msdnum.inputs.files.sources import find_tensor, parted, read_tensor
from msdnum.inputs.tensors import FLOATS, check_tensor

__all__ = ["Weight", "load_weight", "quantized_pair"]

ELEMENTS: dict[str, ElementFormat] = {
    "F8_E4M3": E4M3, "F8_E5M2": E5M2, "I8": INT8, "F4": E2M1, "F6_E2M3": E2M3, "F6_E3M2": E3M2,
    "U8": E2M1,
}  # fmt: skip
"""What the elements of each type are; bytes without a format hold two of E2M1."""

SCALES: dict[str, FloatFormat] = {
    "F8_E8M0": E8M0, "U8": E8M0, "F32": BINARY32, "BF16": BINARY32, "F16": BINARY32,
}  # fmt: skip
"""What the scales of each type are; bytes without a format are E8M0."""

SQUARE = 128
"""Rows and columns that share a scale in checkpoints such as DeepSeek's."""


@dataclass(frozen=True)
class Weight:
    """A tensor's numbers, and how they were read.

    Parameters
    ----------
    numbers : ndarray of float32
        Finite, with an axis and elements.
    read_as : str
        Its format and the tensors that its scales were; empty for a tensor of floats.
    """

    numbers: NDArray[np.float32]
    read_as: str = ""


def load_weight(source: str, scales: str | None = None) -> Weight:
    """Read a tensor of numbers, or of codes with their scales.

    Scales that are not named are found by the names that gpt-oss, ModelOpt, compressed-tensors and
    DeepSeek give them, in the same file or index.

    Parameters
    ----------
    source : str
        ``FILE:NAME``.
    scales : str, optional
        ``FILE:NAME`` of the scales: factors, in blocks along the last axis.

    Raises
    ------
    TypeError, ValueError
        If a file or tensor cannot be read, codes have no scales, the two do not belong together, or
        the numbers are not finite.
    """
    stored = read_tensor(source)
    if scales is not None:
        beside = read_tensor(scales)
        return _weight(stored, quantized_pair(stored, beside), [beside.name])
    if stored.dtype in FLOATS:
        return Weight(check_tensor(stored.array.astype(np.float32), stored.name))
    for convention in CONVENTIONS:
        others = convention.beside(parted(source)[0], stored.name)
        if others is not None:
            found = convention.read(stored, *others)
            return _weight(stored, found, [other.name for other in others])
    raise ValueError(
        f"tensor {stored.name!r} must be F32, F16 or BF16, got {stored.dtype}"
        f"{'; if it holds codes, name its scales, too' if stored.dtype in ELEMENTS else ''}"
    )


def _weight(stored: StoredTensor, found: QuantizedArray, names: list[str]) -> Weight:
    numbers = check_tensor(np.asarray(found.dequantize()), stored.name)
    return Weight(numbers, f"{found.format.name} with {', '.join(names)}")


def quantized_pair(weight: StoredTensor, scales: StoredTensor) -> QuantizedArray:
    """Return the quantized array of codes and scales.

    Parameters
    ----------
    weight : StoredTensor
        Codes, shape (..., n); of the type U8, two E2M1 codes in a byte.
    scales : StoredTensor
        Factors: one for the whole tensor, or shape (..., blocks) for equal blocks along the last
        axis, or one for each 128 x 128 of a matrix. Of the type U8, codes of E8M0.

    Raises
    ------
    TypeError, ValueError
        If the types are none that hold codes and scales, or the shapes do not belong together.
    """
    element = _format_of(weight, ELEMENTS, "weight")
    if scales.dtype == "F8_E4M3":
        raise ValueError(
            f"scales {scales.name!r} of E4M3 need the scale of the whole tensor, too: it is found "
            f"where the three are named as ModelOpt or compressed-tensors name them"
        )
    scale = _format_of(scales, SCALES, "scales")
    codes = unpack(weight.array, element) if element.bits < 8 else weight.array
    numbers = scales.array if scale == E8M0 else scales.array.astype(np.float32).view(np.uint32)
    rule = ScaleRule.FLOOR if scale == E8M0 else ScaleRule.AMAX
    name = f"{element.name} with {scale.name} scales"
    fmt = BlockFormat(name, element, scale, None, rule)
    if numbers.size == 1:
        return QuantizedArray(codes, numbers.reshape(()), None, fmt, None)
    rows, size = _blocks(codes.shape, numbers)
    return QuantizedArray(codes, numbers, None, replace(fmt, block_size=size, rows=rows), -1)


def _format_of(stored: StoredTensor, known: dict[str, Any], what: str) -> Any:
    if stored.dtype not in known:
        raise ValueError(
            f"{what} {stored.name!r} must be of the type {', '.join(known)}, got {stored.dtype}"
        )
    return known[stored.dtype]


def _blocks(shape: tuple[int, ...], scales: NDArray[Any]) -> tuple[int, int]:
    """Return the rows of a block and its size along the last axis."""
    squares = tuple(-(-n // SQUARE) for n in shape)
    if scales.shape == squares and len(shape) == 2 and shape[0] > 1:
        return SQUARE, SQUARE
    count = scales.shape[-1] if scales.ndim == len(shape) else 0
    if scales.shape[:-1] != shape[:-1] or not count or shape[-1] % count:
        raise ValueError(
            f"scales must be one, or of shape {(*shape[:-1], 'blocks')} with equal blocks, or "
            f"{squares}, one for each {SQUARE} x {SQUARE}, got {scales.shape} for {shape} elements"
        )
    return 1, shape[-1] // count


@dataclass(frozen=True)
class Convention:
    """Names that a library gives to codes and their scales.

    Parameters
    ----------
    weight : str
        The end of the name of the codes.
    others : tuple of str
        What is there in its place in the names of the scales.
    read : callable
        From the stored tensors to a quantized array.
    """

    weight: str
    others: tuple[str, ...]
    read: Callable[..., QuantizedArray]

    def beside(self, path: str, name: str) -> tuple[StoredTensor, ...] | None:
        """Return the scales of the tensor ``name``, if they are there under these names."""
        if not name.endswith(self.weight):
            return None
        stem = name.removesuffix(self.weight)
        found = [find_tensor(path, stem + other) for other in self.others]
        there = tuple(other for other in found if other is not None)
        return there if len(there) == len(found) else None


def _arrays(read: Callable[..., QuantizedArray], *more: Any) -> Callable[..., QuantizedArray]:
    return lambda *stored: read(*(np.asarray(tensor.array) for tensor in stored), *more)


CONVENTIONS = (
    Convention("_blocks", ("_scales",), _arrays(from_blocks_and_scales, MXFP4)),
    Convention(
        "weight_packed",
        ("weight_scale", "weight_global_scale"),
        _arrays(from_compressed_tensors_divided),
    ),
    Convention("", ("_scale", "_scale_2"), _arrays(from_modelopt)),
    Convention("weight_packed", ("weight_scale",), quantized_pair),
    Convention("", ("_scale_inv",), quantized_pair),
    Convention("", ("_scale",), quantized_pair),
)
"""gpt-oss, compressed-tensors (NVFP4), ModelOpt (NVFP4), compressed-tensors (MXFP4), DeepSeek, and
what several have in common; the first that fits is taken."""
