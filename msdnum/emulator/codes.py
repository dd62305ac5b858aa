"""Arrays of codes: the types they come in, seen as bit patterns in unsigned integers."""

from dataclasses import replace
from functools import cache

import numpy as np

from msdnum.emulator import backend
from msdnum.emulator.arrays import as_array, is_python
from msdnum.emulator.backend import Array
from msdnum.formats.elements import (
    BF16,
    BINARY32,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E4M3FNUZ,
    E5M2,
    E5M2FNUZ,
    E8M0,
    FP16,
    INT4,
    INT8,
    INT8_SYMMETRIC,
    ElementFormat,
    IntegerFormat,
)
from msdnum.formats.other_elements import E3M4, E4M3_IEEE, E4M3B11FNUZ, INT2, UINT2, UINT4, UINT8

__all__ = ["ML_DTYPES", "as_codes", "check_values", "same_bits", "storage_dtype"]

ML_DTYPES: dict[ElementFormat, str] = {
    INT4: "int4",
    INT8: "int8",
    INT8_SYMMETRIC: "int8",
    E2M1: "float4_e2m1fn",
    E2M3: "float6_e2m3fn",
    E3M2: "float6_e3m2fn",
    E4M3: "float8_e4m3fn",
    E5M2: "float8_e5m2",
    E4M3FNUZ: "float8_e4m3fnuz",
    E5M2FNUZ: "float8_e5m2fnuz",
    E4M3B11FNUZ: "float8_e4m3b11fnuz",
    E4M3_IEEE: "float8_e4m3",
    E3M4: "float8_e3m4",
    E8M0: "float8_e8m0fnu",
    BF16: "bfloat16",
    FP16: "float16",
    BINARY32: "float32",
    INT2: "int2",
    UINT2: "uint2",
    UINT4: "uint4",
    UINT8: "uint8",
}
"""The type of ``ml_dtypes`` or NumPy whose numbers are those of a format."""


def storage_dtype(fmt: ElementFormat) -> str:
    """Return the name of the smallest unsigned type that holds a code."""
    return f"uint{max(8, 1 << (fmt.bits - 1).bit_length())}"


@cache
def same_bits(fmt: ElementFormat) -> tuple[str, ...]:
    """Return the types whose bits are codes of ``fmt``, besides that of ``storage_dtype``.

    Signed bytes are among them, for some libraries have no others. Wider signed integers are not:
    they may be numbers.
    """
    numbers = [dtype for known, dtype in ML_DTYPES.items() if replace(known, name=fmt.name) == fmt]
    signed = isinstance(fmt, IntegerFormat) or fmt.bits == 8
    integers = [f"uint{fmt.bits}", *[f"int{fmt.bits}"] * signed]
    return tuple(dict.fromkeys([*integers, *numbers]))


def as_codes(x: Array, fmt: ElementFormat, name: str = "codes", remedy: str = "") -> Array:
    """Return codes of ``fmt`` as unsigned integers, of the type of ``storage_dtype``.

    Parameters
    ----------
    x : Array, list, tuple, int or torch.Tensor
        Of that type, or of one that holds the same bits: ``same_bits``. Python's integers.
    fmt : ElementFormat
        Format of the codes.
    name, remedy : str
        For messages: the argument, and what to do with another type.

    Raises
    ------
    TypeError
        If ``x`` is of a type that does not hold these bits.
    ValueError
        If ``x`` is empty.
    """
    stored = storage_dtype(fmt)
    if is_python(x):
        return _of_integers(as_array(x, name), fmt, name)
    x = as_array(x, name)
    found = str(x.dtype)
    if found == stored:
        return x
    if found not in same_bits(fmt):
        others = ", ".join(dtype for dtype in same_bits(fmt) if dtype != stored)
        raise TypeError(
            f"{name} must be {stored}, got {found}: bit patterns of {fmt.name}"
            f"{f', also as {others}' if others else ''}{remedy}"
        )
    return _patterns(x, fmt).view(stored)


def _of_integers(x: Array, fmt: ElementFormat, name: str) -> Array:
    """Return Python's integers, which have no width."""
    if x.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, bit patterns of {fmt.name}, got {x.dtype}")
    if x.min() < 0 or x.max() >= 1 << fmt.bits:
        raise ValueError(
            f"{name} must be in 0..{(1 << fmt.bits) - 1} for {fmt.name}, got {x.min()} to {x.max()}"
        )
    return x.astype(storage_dtype(fmt))


def _patterns(x: Array, fmt: ElementFormat) -> Array:
    """Return an array of the type of ``storage_dtype``, or of its signed counterpart."""
    xp, found, stored = backend.namespace(x), str(x.dtype), storage_dtype(fmt)
    if found.startswith("uint"):
        return x.astype(stored)
    if found.startswith("int"):
        # A conversion of integers is right where JAX's view of types below a byte is not.
        return x.astype(stored[1:]) & ((1 << fmt.bits) - 1 if fmt.bits < 8 else -1)
    if fmt.bits < 8 and backend.is_jax(x):
        from jax.lax import bitcast_convert_type

        return bitcast_convert_type(x, f"uint{fmt.bits}").astype(stored)
    return x.view(xp.dtype(stored))


def check_values(codes: Array, fmt: ElementFormat, name: str = "codes") -> None:
    """Raise if codes, as ``as_codes`` returns them, have bits above the width of the format.

    While JAX traces there is nothing to look at.
    """
    if fmt.bits in (8, 16, 32) or backend.is_traced(codes):
        return
    largest = backend.readable(codes).max()
    if backend.is_traced(largest):
        # A known array that a traced function has closed over.
        largest = np.asarray(codes).max()
    if int(largest) >= 1 << fmt.bits:
        packed = ": unpack several codes in a byte first" if fmt.bits in (4, 6) else ""
        raise ValueError(
            f"{name} must be below {1 << fmt.bits} for {fmt.name}, got {int(largest)}{packed}"
        )
