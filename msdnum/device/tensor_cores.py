"""The tensor cores themselves: arrays through one instruction, by a program that nvcc compiles."""

import ctypes
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msdnum.device.dot_families import Dots

__all__ = ["CannotRunError", "Gpu", "TensorCores", "compiled", "digest_of_source", "gpu"]

ROWS, COLUMNS, BYTES = 64, 8, 32
"""What m, n and the bytes of a row are multiples of, for every instruction."""
TARGET = "-gencode=arch=compute_90a,code=sm_90a"
CAPABILITY = 90


class CannotRunError(RuntimeError):
    """Something that a part needs is not on this machine; the message says what."""


@dataclass(frozen=True)
class Gpu:
    """A GPU: its name, compute capability and driver, as the CUDA runtime has them."""

    name: str
    capability: int
    driver: int
    compiler: str


def source() -> str:
    """Return the program in CUDA C++."""
    return files("msdnum.device").joinpath("tensor_cores.cu").read_text(encoding="utf-8")


@cache
def compiled(target: str = TARGET) -> Path:
    """Return the shared library, compiled into a temporary folder.

    Raises
    ------
    CannotRunError
        If there is no nvcc, or it refuses the program.
    """
    compiler = shutil.which("nvcc")
    if compiler is None:
        raise CannotRunError("needs nvcc of CUDA 12 or later on the PATH")
    folder = Path(tempfile.mkdtemp(prefix="msdnum-"))
    program, library = folder / "tensor_cores.cu", folder / "tensor_cores.so"
    program.write_text(source(), encoding="utf-8")
    command = [compiler, "-std=c++17", target, "-shared", "-Xcompiler", "-fPIC"]
    done = subprocess.run(
        [*command, "-o", str(library), str(program)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CannotRunError(f"nvcc must compile for Hopper: {done.stderr.strip()[-500:]}")
    return library


def _compiler() -> str:
    done = subprocess.run(["nvcc", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


def gpu(library: Path) -> Gpu:
    """Return the first GPU.

    Raises
    ------
    CannotRunError
        If there is none.
    """
    name, driver, capability = ctypes.create_string_buffer(256), ctypes.c_int(), ctypes.c_int()
    ask = ctypes.CDLL(str(library)).msdnum_device
    ask.restype = ctypes.c_char_p
    wrong = ask(name, len(name), ctypes.byref(driver), ctypes.byref(capability))
    if wrong:
        raise CannotRunError(f"needs a GPU of NVIDIA: {wrong.decode()}")
    return Gpu(name.value.decode(), capability.value, driver.value, _compiler())


class TensorCores:
    """Products by instructions of the first GPU.

    Parameters
    ----------
    library : Path
        What ``compiled`` gives.

    Raises
    ------
    CannotRunError
        If there is no GPU with these instructions.
    """

    def __init__(self, library: Path) -> None:
        """Find the GPU."""
        self.gpu = gpu(library)
        if self.gpu.capability != CAPABILITY:
            raise CannotRunError(
                f"needs a Hopper GPU, compute capability 9.0: {self.gpu.name} has "
                f"{self.gpu.capability / 10}"
            )
        self._multiply: Callable[..., bytes | None] = ctypes.CDLL(str(library)).msdnum_multiply
        setattr(self._multiply, "restype", ctypes.c_char_p)  # noqa: B010

    def multiply(self, name: str, given: Dots, *, from_nothing: bool = False) -> NDArray[Any]:
        """Return D (m, n): ``C + A B^T`` as instructions compute it, one after another along k.

        Parameters
        ----------
        name : str
            Of the instruction, one of ``TENSOR_CORES``, or ``fma.rn.f64``.
        given : Dots
            A (m, k), B (n, k) and C (m, n), in the types that the instruction takes; k in whole
            instructions.
        from_nothing : bool
            Whether the first instruction does without C; only wgmma can.

        Raises
        ------
        ValueError
            If the shapes do not belong together.
        RuntimeError
            If the GPU reports an error.
        """
        (m, k), n = given.a.shape, len(given.b)
        if given.b.shape[1] != k or given.c.shape != (m, n):
            raise ValueError(
                f"given must have shapes (m, k), (n, k) and (m, n), got {given.a.shape}, "
                f"{given.b.shape} and {given.c.shape}"
            )
        a, b = _filled(given.a, ROWS), _filled(given.b, COLUMNS)
        c = np.zeros((len(a), len(b)), given.c.dtype)
        c[:m, :n] = given.c
        d = np.empty_like(c)
        wrong = self._multiply(
            name.encode(), *(_address(x) for x in (a, b, c, d)), len(a), len(b),
            a.shape[1] * a.itemsize, int(from_nothing),
        )  # fmt: skip
        if wrong:
            raise RuntimeError(f"{name} on {self.gpu.name}: {wrong.decode()}")
        return d[:m, :n]


def _filled(x: NDArray[Any], multiple: int) -> NDArray[Any]:
    """Return the rows with zeros below them."""
    rows = -(-len(x) // multiple) * multiple
    filled = np.zeros((rows, x.shape[1]), x.dtype)
    filled[: len(x)] = x
    return filled


def _address(x: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(x.ctypes.data)


def digest_of_source() -> str:
    """Return the SHA-256 of the program."""
    return hashlib.sha256(source().encode()).hexdigest()
