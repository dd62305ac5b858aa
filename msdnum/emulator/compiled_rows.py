"""The door to what numba compiles: rows of blocks on NumPy's arrays, the same bits in less time.

With the extra ``numba`` installed, arrays of ``WORTH`` numbers and more are quantized and
decomposed by ``row_kernels``, on all cores; ``use_numba`` changes that. What the kernels are not
for takes the way that it takes without them: other formats, scales and roundings, and a processor
that flushes subnormal numbers. Numbers of codes take it, too: there a table is as fast.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from msdnum._cores import cores
from msdnum.emulator import backend
from msdnum.emulator.adder_rounding import suits_adder
from msdnum.emulator.backend import Array
from msdnum.emulator.codes import storage_dtype
from msdnum.emulator.machine_modes import flushes_subnormals
from msdnum.emulator.shared_scales import significand_threshold
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import E8M0, FloatFormat, IntegerFormat
from msdnum.formats.modes import Rounding
from msdnum.formats.schemes import OWN_AMAX, Scheme

__all__ = [
    "integer_terms", "is_installed", "power_terms", "suits_power_terms", "takes", "use_numba",
]  # fmt: skip

WORTH = 1 << 17
"""Numbers from which kernels are used unasked: for fewer, importing numba would not pay."""
CHUNK = 1 << 20
"""Numbers that a thread takes at a time."""

_chosen: ContextVar[bool | None] = ContextVar("use_numba", default=None)


@contextmanager
def use_numba(use: bool | None = True) -> Iterator[None]:
    """Let numba's kernels be used in a ``with`` block, or not; no bit depends on it.

    Parameters
    ----------
    use : bool or None
        False: never. True: for NumPy arrays of every size. None, as outside: from 131072 numbers
        on, if numba is installed.

    Raises
    ------
    ModuleNotFoundError
        If ``use`` is True and numba is not installed.

    Notes
    -----
    The first call of each kind compiles its kernel, which takes some 5 s of processor time; numba
    keeps it on disk for later processes. Kernels use all cores. Other threads than that of the
    ``with`` block are not affected.

    Examples
    --------
    >>> from msdnum import BLOCK_FORMATS, quantize, use_numba
    >>> x = np.ones((512, 512), np.float32)
    >>> with use_numba(False):
    ...     alone = quantize(x, BLOCK_FORMATS["MXFP4"])
    >>> bool((alone.codes == quantize(x, BLOCK_FORMATS["MXFP4"]).codes).all())
    True
    """
    if use not in (None, False, True):
        raise TypeError(f"use must be True, False or None, got {use!r}")
    if use and not is_installed():
        raise ModuleNotFoundError(
            "numba is missing: use_numba(True) needs msdnum[numba]: pip install 'msdnum[numba]'",
            name="numba",
        )
    token = _chosen.set(use)
    try:
        yield
    finally:
        _chosen.reset(token)


def is_installed() -> bool:
    """Return whether numba is there."""
    return find_spec("numba") is not None


@cache
def kernels() -> Any:
    """Return the module of kernels, or None if numba is missing or refuses to be imported."""
    if not is_installed():
        return None
    try:
        from msdnum.emulator import row_kernels
    except ImportError as error:
        warnings.warn(f"numba is installed but not used: {error}", stacklevel=2)
        return None
    return row_kernels


def takes(rows: Array) -> bool:
    """Return whether kernels are for these rows, whatever is to be done with them."""
    use = _chosen.get()
    if backend.is_jax(rows) or use is False or (use is None and rows.size < WORTH):
        return False
    return not flushes_subnormals() and kernels() is not None


def suits_power_terms(rows: Array, formats: tuple[BlockFormat, ...], rounding: Rounding) -> bool:
    """Return whether ``power_terms`` is for terms of these formats."""
    elements = {fmt.element for fmt in formats}
    return (
        all(fmt.scale == E8M0 for fmt in formats)
        and all(isinstance(e, FloatFormat) and suits_adder(rows, e, rounding) for e in elements)
        and len({storage_dtype(e) for e in elements}) == 1
        and takes(rows)
    )


def power_terms(
    rows: Array, formats: tuple[BlockFormat, ...], drops: tuple[int, ...] | None, *, rest: bool
) -> tuple[Array, ...]:
    """Return the codes of each term, the codes of its E8M0 scales, and what is left if wanted.

    Parameters
    ----------
    rows : Array of int32
        Binary32 patterns, one row for each block.
    formats : tuple of BlockFormat
        Of each term; one is a quantization.
    drops : tuple of int or None
        The log2 of the ratios of scales; None: each follows from what is left.
    rest : bool
        Whether what is left, as float32 of the shape of ``rows``, is wanted.
    """
    own = int(kernels().OWN)
    after = (own,) * len(formats) if drops is None else (own, *drops)
    elements = [_numbers_of(f, drop) for f, drop in zip(formats, after, strict=True)]
    largest = np.array([fmt.element.max_finite for fmt in formats], np.float32)
    dtype = storage_dtype(formats[0].element)
    codes = np.empty((len(formats), *rows.shape), dtype)
    scale_codes = np.empty((len(formats), len(rows), 1), np.uint8)
    left = np.empty(rows.shape if rest else (0, rows.shape[1]), np.int32)
    arguments = np.array(elements, np.int32), largest, codes, scale_codes[..., 0], left
    _on_all_cores(kernels().decompose_by_powers, rows, *arguments)
    return (*codes, *scale_codes, *[left.view(np.float32)] * rest)


def _numbers_of(fmt: BlockFormat, drop: int) -> tuple[int, ...]:
    """Return what ``row_kernels.ELEMENT`` names."""
    element = fmt.element
    assert isinstance(element, FloatFormat)
    threshold, sign = significand_threshold(element, fmt.rule), 1 << (element.bits - 1)
    m, emin, emax = element.fraction_bits, element.emin, element.emax
    return m, emin, emax, element.max_code, sign, threshold, drop


def integer_terms(rows: Array, scheme: Scheme) -> tuple[Array, ...]:
    """Return the codes of each term and the patterns of its binary32 scales.

    Parameters
    ----------
    rows : Array of int32
        Binary32 patterns, one row for each block.
    scheme : Scheme
        Of FLOAT32 arithmetic.
    """
    elements = [e for e in scheme.elements if isinstance(e, IntegerFormat)]
    integers = [(e.min_integer, e.max_integer, (1 << e.bits) - 1) for e in elements]
    own = (0,) * scheme.terms
    ratios = np.array(own if scheme.ratios is OWN_AMAX else (0, *scheme.ratios), np.float32)
    codes = np.empty((scheme.terms, *rows.shape), np.uint8)
    scale_codes = np.empty((scheme.terms, len(rows), 1), np.uint32)
    arguments = np.array(integers, np.int32), ratios, codes, scale_codes[..., 0]
    _on_all_cores(kernels().decompose_by_division, rows, *arguments)
    return (*codes, *scale_codes)


def _on_all_cores(kernel: Callable[..., None], rows: Array, *arguments: Array) -> None:
    """Let a kernel treat all rows, a part of them in each thread."""
    rows = np.ascontiguousarray(rows)
    size = max(1, CHUNK // rows.shape[1])
    starts = range(0, len(rows), size)
    backend.in_threads(partial(_run, kernel, (rows, *arguments), size), starts, cores())


def _run(kernel: Callable[..., None], arguments: tuple[Array, ...], size: int, start: int) -> None:
    kernel(*arguments, start, min(start + size, len(arguments[0])))
