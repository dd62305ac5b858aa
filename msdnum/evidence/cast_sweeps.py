"""Sweeps of casts: all 2**32 binary32 patterns through NumPy, jitted JAX and ``ml_dtypes``."""

from collections.abc import Callable
from functools import cache, partial
from importlib.metadata import version
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from msdnum import __version__
from msdnum.emulator import element_rounding, elements
from msdnum.emulator.backend import CACHED_ELEMENTS, Array
from msdnum.emulator.codes import ML_DTYPES, storage_dtype
from msdnum.evidence.sweeps import Outcome, Sweep
from msdnum.formats.elements import ELEMENT_FORMATS, FloatFormat
from msdnum.formats.modes import Overflow

__all__ = ["CASTS", "cast_sweep", "judge_cast"]


def judge_cast(fmt: FloatFormat, overflow: Overflow, inputs: NDArray[np.int64]) -> Outcome:
    """Cast binary32 patterns with NumPy, JAX jit and ``ml_dtypes`` and compare the codes.

    Between NumPy and JAX every bit counts. ``ml_dtypes`` makes any NaN of a NaN, of either sign;
    where the format has no NaN it defines nothing, and NaN is left out.
    """
    x = inputs.astype(np.uint32).view(np.float32)
    codes = _numpy_codes(x, fmt, overflow)
    peer = _ml_dtypes_codes(x, fmt)
    nan = np.isnan(x)
    differs = (peer != codes) & ~nan
    if fmt.nan_code is not None:
        differs |= nan & ~_is_nan(peer, fmt)
    mismatches = {
        "JAX jit and NumPy": np.asarray(_jitted(fmt, overflow)(x)) != codes,
        "ml_dtypes and NumPy": differs,
    }
    return Outcome(codes, mismatches, {"NaN and ml_dtypes": nan} if fmt.nan_code is None else {})


def _numpy_codes(x: NDArray[np.float32], fmt: FloatFormat, overflow: Overflow) -> NDArray[Any]:
    # encode would refuse NaN where the format has none; beneath it NaN is what it is under jit.
    pieces = np.split(x.view(np.int32), range(CACHED_ELEMENTS, x.size, CACHED_ELEMENTS))
    return np.concatenate([element_rounding.encode_scaled(p, 0, fmt, overflow) for p in pieces])


@cache
def _jitted(fmt: FloatFormat, overflow: Overflow) -> Callable[[Array], Array]:
    import jax

    return jax.jit(partial(elements.encode, fmt=fmt, overflow=overflow))


def _ml_dtypes_codes(x: NDArray[np.float32], fmt: FloatFormat) -> NDArray[Any]:
    storage = storage_dtype(fmt)
    target = elements.as_ml_dtype(np.zeros(1, storage), fmt).dtype
    with np.errstate(all="ignore"):
        return x.astype(target).view(storage)


def _is_nan(codes: NDArray[Any], fmt: FloatFormat) -> NDArray[np.bool_]:
    magnitude = codes & codes.dtype.type((1 << (fmt.bits - 1)) - 1)
    last_number = fmt.max_code if fmt.inf_code is None else fmt.inf_code
    return np.asarray(magnitude > last_number)


def cast_sweep(fmt: FloatFormat, *, size: int = 1 << 32) -> Sweep:
    """Return the sweep of all binary32 patterns to an element format, rounded RNE.

    Parameters
    ----------
    fmt : FloatFormat
        A format that ``ml_dtypes`` has too.
    size : int
        The first so many patterns only.
    """
    import jax

    has_nan = fmt.nan_code is not None
    overflow = Overflow.OVERFLOW if has_nan else Overflow.SATURATE
    packages = {name: version(name) for name in ("jax", "jaxlib", "ml_dtypes", "numpy")}
    return Sweep(
        f"cast-{fmt.name}",
        "binary32 patterns, an integer is its pattern",
        f"to {fmt.name}, RNE, {overflow.name}; the output is the code",
        size,
        partial(judge_cast, fmt, overflow),
        {"msdnum": __version__, **packages, "jax backend": jax.default_backend()},
        (
            "JAX jit and NumPy are compared bit by bit, NaN included",
            "ml_dtypes is compared bit by bit, but for NaN: "
            + (
                "there its code must be a NaN, of either sign and any payload"
                if has_nan
                else "the format has none and ml_dtypes defines nothing; msdnum.encode refuses it "
                "outside jit and gives +max_finite under jit, which the digest holds"
            ),
        ),
    )


CASTS = {
    fmt.name: fmt
    for fmt in ELEMENT_FORMATS.values()
    if isinstance(fmt, FloatFormat) and fmt.signed and hasattr(ml_dtypes, ML_DTYPES.get(fmt, ""))
}
"""The signed floating-point formats that are a type of ``ml_dtypes``: NumPy has its own."""
