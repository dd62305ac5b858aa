"""Recorded results of matrix units, and which of them the models of the units reproduce.

A recorded result is one inner product of one instruction, ``d = c + sum of a[k] b[k]``, with the
bits that a GPU gave. Two layouts are read. The public one, of north-numerical-computing/
MATLAB-tensor-core (doi 10.1145/3830409), has a folder ``<GPU>/<format>`` with text files, a row an
inner product: a and b as binary32 numbers in hexadecimal, c and d as 32 binary digits. The packed
one has the same in ``*.npz``, without loss.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import (
    ADA_FP8,
    AMPERE,
    AMPERE_TF32,
    BLACKWELL,
    BLACKWELL_MMA_FP8,
    BLACKWELL_TF32,
    HOPPER,
    HOPPER_FP8,
    HOPPER_MMA_FP8,
    HOPPER_TF32,
    VOLTA,
    AnyAccumulator,
)
from msdnum.formats.elements import BINARY32, FP16, FloatFormat

__all__ = ["Recording", "Reproduction", "digests", "judged", "recordings", "summary"]

Uints = NDArray[Any]
TYPES: Mapping[str, Any] = {
    "fp16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "tf32": np.float32,
    "E4M3": ml_dtypes.float8_e4m3fn,
    "E5M2": ml_dtypes.float8_e5m2,
}
_AMPERE = {"fp16": AMPERE, "bf16": AMPERE, "tf32": AMPERE_TF32}
_ADA = {**_AMPERE, "E4M3": ADA_FP8, "E5M2": ADA_FP8}
_HOPPER = {
    "fp16": HOPPER, "bf16": HOPPER, "tf32": HOPPER_TF32, "E4M3": HOPPER_FP8, "E5M2": HOPPER_FP8,
}  # fmt: skip
UNITS: Mapping[str, Mapping[str, AnyAccumulator]] = {
    "V100": {"fp16": VOLTA},
    "A100": _AMPERE,
    "A2": _AMPERE,
    "Ada": _ADA,
    "L40S": _ADA,
    "H100": _HOPPER,
    "H200": _HOPPER,
    "B200": {
        "fp16": BLACKWELL, "bf16": BLACKWELL, "tf32": BLACKWELL_TF32,
        "E4M3": BLACKWELL_MMA_FP8, "E5M2": BLACKWELL_MMA_FP8,
    },
}  # fmt: skip
"""Which model a GPU's results in a format are held against."""
FP16_UNITS = {"H100": HOPPER_MMA_FP8, "H200": HOPPER_MMA_FP8}
"""Where another instruction gave the results in FP16: ``mma.sync``, not ``wgmma``."""
WGMMA = ("H100", "H200")
"""GPUs whose FP8 results in binary32 are of WGMMA started from zero: their c was not used."""
LENGTHS = {"V100": 4, "A100": 8, "A2": 8, "Ada": 8, "L40S": 8}
"""Products of an instruction of 16-bit elements, where the packed arrays have more."""
BLOCK = 32


@dataclass(frozen=True, eq=False)
class Recording:
    """The results that one GPU gave in one format.

    Parameters
    ----------
    gpu, format : str
        As the folders are named.
    output : FloatFormat
        BINARY32 or FP16: of c and d.
    a, b : ndarray
        Elements of both sides, (rows, k).
    c, d : ndarray of float32 or float16
        What an inner product started from and what it gave, (rows,).

    Raises
    ------
    ValueError
        If the shapes do not belong together, or nobody knows the unit.
    """

    gpu: str
    format: str
    output: FloatFormat
    a: NDArray[Any]
    b: NDArray[Any]
    c: NDArray[Any]
    d: NDArray[Any]

    def __post_init__(self) -> None:
        """Refuse what is no list of inner products."""
        rows = self.a.shape[:1]
        if self.a.shape != self.b.shape or {self.c.shape, self.d.shape} != {rows} or not rows[0]:
            raise ValueError(
                f"{self.gpu} {self.format} must have one c and one d a row, got shapes "
                f"{self.a.shape}, {self.b.shape}, {self.c.shape} and {self.d.shape}"
            )
        if self.format not in UNITS.get(self.gpu, {}):
            raise ValueError(f"{self.gpu} {self.format} must be one of a known unit: see UNITS")

    @property
    def unit(self) -> AnyAccumulator:
        """The model that the results are held against."""
        if self.output == FP16 and self.format in ("E4M3", "E5M2"):
            return FP16_UNITS.get(self.gpu, UNITS[self.gpu][self.format])
        return UNITS[self.gpu][self.format]

    @property
    def start(self) -> NDArray[Any]:
        """What the instruction started from."""
        wgmma = self.gpu in WGMMA and self.format in ("E4M3", "E5M2") and self.output == BINARY32
        return np.zeros_like(self.c) if wgmma else self.c


@dataclass(frozen=True)
class Reproduction:
    """How many results of a recording are reproduced, and the first that is not."""

    gpu: str
    format: str
    output: str
    unit: str
    results: int
    reproduced: int
    first: int | None


def recordings(folder: Path) -> Iterator[Recording]:
    """Yield what lies in a folder, in either layout, by GPU and format.

    Raises
    ------
    ValueError
        If there is nothing, or a file is no list of numbers.
    """
    packed = sorted(folder.glob("*.npz"))
    texts = sorted(path.parent for path in folder.rglob("a_*_*.txt"))
    if not packed and not texts:
        raise ValueError(
            f"{folder} must hold recorded results: *.npz, or GPU/FORMAT/a_GPU_FORMAT.txt and the "
            f"b, c and d beside it"
        )
    for path in packed:
        with np.load(path) as arrays:
            yield from _packed(dict(arrays))
    for place in texts:
        yield from _texts(place)


def _packed(arrays: Mapping[str, Uints]) -> Iterator[Recording]:
    for gpu, formats in UNITS.items():
        for fmt in formats:
            if f"c_{gpu}_{fmt}" not in arrays:
                continue
            a, b = (_elements(arrays, side, gpu, fmt) for side in "ab")
            c, d = (arrays[f"{name}_{gpu}_{fmt}"].view(np.float32) for name in "cd")
            yield Recording(gpu, fmt, BINARY32, a, b, c, d)
            narrow = arrays.get(f"d16_{gpu}_{fmt}")
            if narrow is not None:
                c = c.astype(np.float16)
                yield Recording(gpu, fmt, FP16, a, b, c, narrow.view(np.float16))


def _elements(arrays: Mapping[str, Uints], side: str, gpu: str, fmt: str) -> NDArray[Any]:
    """Return the elements that an instruction takes of arrays that all GPUs share."""
    if fmt == "tf32":
        shared: NDArray[Any] = arrays[f"{side}_fp16"].view(np.float16)
        return shared[:, :4].astype(np.float32)
    length = 32 if fmt in ("E4M3", "E5M2") else LENGTHS.get(gpu, 16)
    elements: NDArray[Any] = arrays[f"{side}_{fmt}"].view(TYPES[fmt])
    return elements[:, :length]


def _texts(place: Path) -> Iterator[Recording]:
    gpu, fmt = place.parent.name, place.name
    a, b = (_numbers(place / f"{side}_{gpu}_{fmt}.txt", 16) for side in "ab")
    a, b = (x.astype(TYPES.get(fmt, np.float32)) for x in (a, b))
    c = _numbers(place / f"c_{gpu}_fp32.txt", 2)[:, 0]
    for output, suffix in ((BINARY32, "fp32"), (FP16, "fp16")):
        path = place / f"d_{gpu}_{suffix}.txt"
        if path.is_file():
            d = _numbers(path, 2)[:, 0]
            narrow = np.float16 if output == FP16 else np.float32
            yield Recording(gpu, fmt, output, a, b, c.astype(narrow), d.astype(narrow))


def _numbers(path: Path, base: int) -> NDArray[np.float32]:
    """Return the binary32 numbers whose patterns a file has, row by row."""
    try:
        lines = path.read_text(encoding="ascii").split("\n")
        rows = [[int(word, base) for word in line.split()] for line in lines if line.strip()]
        return np.array(rows, np.uint32).view(np.float32).reshape(len(rows), -1)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{path} must have patterns of 32 bits in base {base}: {error}") from None


def judged(recording: Recording) -> Reproduction:
    """Return how many results the model of the unit gives, bit for bit."""
    found = np.concatenate(
        [_dots(recording, slice(i, i + BLOCK)) for i in range(0, len(recording.d), BLOCK)]
    )
    width = f"u{found.dtype.itemsize}"
    differs = found.view(width) != recording.d.view(width)
    return Reproduction(
        recording.gpu,
        recording.format,
        recording.output.name,
        recording.unit.name,
        len(differs),
        int((~differs).sum()),
        int(differs.argmax()) if differs.any() else None,
    )


def _dots(recording: Recording, rows: slice) -> NDArray[Any]:
    """Return some of the results, the diagonal of a product: a matrix is faster than its parts."""
    a, b, start = recording.a[rows], recording.b[rows], recording.start[rows]
    c = np.zeros((len(a), len(a)), start.dtype)
    np.fill_diagonal(c, start)
    found = matmul(a, b.T, c=c, output=recording.output, accumulator=recording.unit)
    return np.array(np.diagonal(found))


def summary(rows: list[Reproduction]) -> list[str]:
    """Return the sums in words, of binary32 and of binary16."""
    lines = []
    for fmt, name in ((BINARY32, "binary32"), (FP16, "binary16")):
        of = [row for row in rows if row.output == fmt.name]
        if of:
            total, same = sum(row.results for row in of), sum(row.reproduced for row in of)
            lines.append(f"{same:,} of {total:,} {name} results reproduced")
    return lines


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that was read, by its place in the folder."""
    paths = [*folder.glob("*.npz"), *folder.rglob("[abcd]_*_*.txt")]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(paths)
    }
