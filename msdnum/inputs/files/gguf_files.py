"""GGUF files: their settings, and their tensors mapped as they are stored or as numbers.

The package gguf reads them; `msdnum.emulator.layouts` reads the blocks of some types again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msdnum.inputs.files.kinds import READ, kind_of

__all__ = ["GGUFFile", "GGUFTensor", "open_gguf"]


@dataclass(frozen=True, eq=False)
class GGUFTensor:
    """A tensor of a GGUF file.

    Parameters
    ----------
    name, type : str
        Its names in the file and of its type, such as Q4_1.
    shape : tuple of int
        Of its numbers, the axis that blocks lie along last, as NumPy has it: GGUF lists it first.
    stored : ndarray
        Mapped, not read: bytes of whole blocks, (..., bytes of a row), or numbers where the type is
        one of NumPy's.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    stored: NDArray[Any]

    def numbers(self) -> NDArray[np.float32]:
        """Return what is stored as float32, as the package gguf dequantizes it.

        Raises
        ------
        ValueError
            If the package knows no way to dequantize the type.
        """
        import gguf

        try:
            found = gguf.dequantize(self.stored, gguf.GGMLQuantizationType[self.type])
        except NotImplementedError:
            raise ValueError(
                f"tensor {self.name!r} must be of a type that the package gguf dequantizes, "
                f"got {self.type}"
            ) from None
        return np.asarray(found, np.float32).reshape(self.shape)


@dataclass(frozen=True, eq=False)
class GGUFFile:
    """What a GGUF file holds.

    Parameters
    ----------
    path : Path
        Where it is.
    tensors : mapping
        Each tensor by its name, in the order of the file.
    fields : mapping
        The fields of its settings by their keys, as the package gguf has them.
    """

    path: Path
    tensors: Mapping[str, GGUFTensor]
    fields: Mapping[str, Any]

    def setting(self, key: str) -> Any:
        """Return a setting: a number, a string, or a list of them.

        Raises
        ------
        ValueError
            If the file has none of this key.
        """
        if key not in self.fields:
            raise ValueError(f"GGUF file {str(self.path)!r} must have the setting {key!r}")
        return self.fields[key].contents()

    @cached_property
    def keys(self) -> list[str]:
        """Keys of all settings, in the order of the file."""
        return list(self.fields)


def open_gguf(path: str | Path) -> GGUFFile:
    """Open a GGUF file: its settings are read, its tensors mapped.

    Parameters
    ----------
    path : str or Path
        Place of the file.

    Returns
    -------
    GGUFFile

    Raises
    ------
    ModuleNotFoundError
        If the package gguf is not installed.
    ValueError
        If it cannot be read, is another kind of file or is damaged.

    Notes
    -----
    Source: llama.cpp, ``docs/gguf.md`` and the package ``gguf``.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(READ)
    except OSError as error:
        raise ValueError(f"GGUF file {str(path)!r} cannot be read: {error}") from None
    if not start.startswith(b"GGUF"):
        found = kind_of(start) or f"a file that begins with {start[:4]!r}"
        raise ValueError(f"GGUF file {str(path)!r} must begin with b'GGUF', got {found}")
    reader = _reader(path)
    tensors = (_tensor(each) for each in reader.tensors)
    return GGUFFile(path, {each.name: each for each in tensors}, reader.fields)


def _reader(path: Path) -> Any:
    import gguf

    try:
        return gguf.GGUFReader(path)
    except (ValueError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"GGUF file {str(path)!r} is damaged: {error}") from None


def _tensor(each: Any) -> GGUFTensor:
    shape = tuple(int(size) for size in reversed(each.shape.tolist()))
    return GGUFTensor(each.name, each.tensor_type.name, shape, each.data)
