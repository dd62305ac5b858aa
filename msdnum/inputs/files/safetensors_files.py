"""Safetensors files: their headers checked, their tensors mapped, not copied."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import mul
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from msdnum.inputs.files.kinds import READ, kind_of

__all__ = ["DTYPES", "StoredTensor", "open_safetensors"]

DTYPES: dict[str, tuple[Any, int]] = {
    "BOOL": (np.bool_, 8),
    "F4": (np.uint8, 4),
    "F6_E2M3": (np.uint8, 6),
    "F6_E3M2": (np.uint8, 6),
    "U8": (np.uint8, 8),
    "I8": (np.int8, 8),
    "F8_E4M3": (ml_dtypes.float8_e4m3fn, 8),
    "F8_E5M2": (ml_dtypes.float8_e5m2, 8),
    "F8_E8M0": (ml_dtypes.float8_e8m0fnu, 8),
    "F8_E4M3FNUZ": (ml_dtypes.float8_e4m3fnuz, 8),
    "F8_E5M2FNUZ": (ml_dtypes.float8_e5m2fnuz, 8),
    "U16": ("<u2", 16),
    "I16": ("<i2", 16),
    "F16": ("<f2", 16),
    "BF16": (ml_dtypes.bfloat16, 16),
    "U32": ("<u4", 32),
    "I32": ("<i4", 32),
    "F32": ("<f4", 32),
    "U64": ("<u8", 64),
    "I64": ("<i8", 64),
    "F64": ("<f8", 64),
    "C64": ("<c8", 64),
}
"""For each type of safetensors the NumPy type of its array, and the bits of an element."""

LONGEST_HEADER = 100_000_000
"""As in the reference implementation."""


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as it is in its file: nothing is converted, and nothing read before it is used.

    Parameters
    ----------
    name : str
        Its name in the file.
    dtype : str
        Its type as safetensors names it, a key of ``DTYPES``.
    shape : tuple of int
        Its shape, in elements.
    array : ndarray
        The tensor, read-only, memory-mapped. Types below a byte (F4, F6) are packed bytes, whose
        last axis is shorter: ``msdnum.unpack`` makes codes of them.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    array: NDArray[Any]


def open_safetensors(path: str | Path) -> dict[str, StoredTensor]:
    """Map the tensors of a safetensors file.

    Parameters
    ----------
    path : str or Path
        Of the safetensors file.

    Returns
    -------
    dict of str to StoredTensor
        By name, in the order of the file.

    Raises
    ------
    ValueError
        If the file does not exist or cannot be read, is another kind of file, which is named, or
        its header is damaged.

    Notes
    -----
    Source: the format as the README of safetensors describes it: 8 bytes of the length of the
    header, little-endian; the header in JSON; the data, without holes.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"tensor file must exist, got {str(path)!r}")
    try:
        header, start = _header(path)
        data = _mapped(path, start)
        spans = {name: _span(name, about) for name, about in header.items()}
        _check_spans(spans, data.size)
        return {name: _tensor(name, header[name], data, span) for name, span in spans.items()}
    except OSError as error:
        raise ValueError(f"tensor file {str(path)!r} cannot be read: {error}") from None
    except _DamagedError as error:
        raise ValueError(f"tensor file {str(path)!r} is not a safetensors file: {error}") from None


class _DamagedError(Exception):
    """What is wrong with a file."""


def _header(path: Path) -> tuple[Mapping[str, Any], int]:
    """Return what is said of each tensor, and where the data begin."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(max(READ, 8))
        length = int.from_bytes(start[:8], "little")
        if size < 8 or length > min(size - 8, LONGEST_HEADER):
            known = kind_of(start)
            raise _DamagedError(
                f"it is {known}" if known else f"{size} bytes hold no header of {length}"
            )
        file.seek(8)
        text = file.read(length)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _DamagedError(f"its header is no JSON: {error}") from None
    if not isinstance(header, dict):
        raise _DamagedError(f"its header is no JSON object, but {type(header).__name__}")
    header.pop("__metadata__", None)
    return header, 8 + length


def _mapped(path: Path, start: int) -> NDArray[np.uint8]:
    if path.stat().st_size == start:
        return np.zeros(0, np.uint8)
    return np.memmap(path, np.uint8, "r", start)


def _span(name: str, about: Any) -> tuple[int, int]:
    """Return where a tensor's bytes are, if they are as many as its type and shape need."""
    try:
        dtype, shape, (begin, end) = about["dtype"], about["shape"], about["data_offsets"]
        numbers = [*shape, begin, end]
    except (TypeError, KeyError, ValueError):
        raise _DamagedError(f"{name!r} has no dtype, shape and data_offsets") from None
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise _DamagedError(f"{name!r} has the unknown type {dtype!r}")
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise _DamagedError(f"{name!r} has a shape or offsets that are no natural numbers")
    bits = DTYPES[dtype][1] * reduce(mul, shape, 1)
    if bits != 8 * (end - begin):
        raise _DamagedError(f"{name!r} of {dtype} {shape} has {end - begin} bytes")
    return begin, end


def _check_spans(spans: Mapping[str, tuple[int, int]], size: int) -> None:
    """Raise unless the tensors follow each other without holes, to the end."""
    place = 0
    for name, (begin, end) in sorted(spans.items(), key=lambda item: item[1]):
        if begin != place:
            raise _DamagedError(f"{name!r} begins at byte {begin} of the data, not at {place}")
        place = end
    if place != size:
        raise _DamagedError(f"its tensors have {place} bytes, its data {size}")


def _tensor(
    name: str, about: Mapping[str, Any], data: NDArray[np.uint8], span: tuple[int, int]
) -> StoredTensor:
    dtype, shape = about["dtype"], tuple(about["shape"])
    kind, bits = DTYPES[dtype]
    array = data[slice(*span)].view(kind)
    if bits < 8:
        if not shape or shape[-1] * bits % 8:
            raise _DamagedError(f"{name!r} of {dtype} {list(shape)} has rows of no whole bytes")
        return StoredTensor(name, dtype, shape, array.reshape(*shape[:-1], shape[-1] * bits // 8))
    return StoredTensor(name, dtype, shape, array.reshape(shape))
