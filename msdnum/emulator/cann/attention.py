"""Attention as CANN's incremental kernels compute it over INT8 and INT4 caches, NumPy only.

For each query, with tiles of keys in order and every operation rounded once to binary32::

    q   = fl(query * scale per channel of the keys)    split by the amax of the row
    s   = fl(C(q, keys) * softmax scale)               -Inf where a key is not seen
    m'  = max(m, s)
    p   = exp(fl(s - m')),  a = exp(fl(m - m'))
    l   = fl(fl(l * a) + sum(p))                       sum(p) pairwise
    o   = fl(fl(o * a) + C(w, values))                 w = p, split as if its amax were 1, or
                                                       fl(p * scale per token), by its own amax
    fl(fl(fl(o / l) + offset) * scale)                 per channel of the values, then to FP16

C is what a kernel makes of the int32 products of digits. The offset of the keys is dropped: it
shifts all scores of a query alike. Sources are Huawei's public operator repositories; tile, order
of sums and exponential are not documented, and are those of ``emulator.attention`` here.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum._registry import Registry
from msdnum.emulator import argument_checks, backend
from msdnum.emulator.attention.exponential import STATED
from msdnum.emulator.attention.online_softmax import pairwise
from msdnum.emulator.cann.digits import (
    INT4_FIRST,
    INT4_RATIO,
    VARIANTS,
    Digits,
    Floats,
    divide,
    kept_by_fixpipe,
    later_scales,
    multiply_add,
)
from msdnum.emulator.cann.products import KernelSwitches, rounded_to_half, saturated_to
from msdnum.formats.elements import FP16, INT4, INT8, IntegerFormat
from msdnum.formats.modes import Rounding

__all__ = ["ATTENTION_KERNELS", "AttentionKernel", "CannCache", "kernel_attend"]

Array: TypeAlias = NDArray[Any]

INT8_FIRST, INT8_RATIO = np.float32(127), np.float32(254)
TILE = 512
LONGEST = 1 << 16
"""Keys of a tile, and channels, whose sums int32 holds whatever the digits."""


@dataclass(frozen=True, eq=False)
class CannCache:
    """Quantized keys or values: ``(code + offset) * scale``.

    Parameters
    ----------
    codes : ndarray of int8
        Shape (..., n, d).
    scales : ndarray of float32
        Per channel, (..., 1, d), or, of values, per token, (..., n, 1).
    offsets : ndarray of float32, optional
        Per channel, (..., 1, d).

    Raises
    ------
    TypeError
        If an array is not of its type.
    ValueError
        If the shapes do not belong together.
    """

    codes: NDArray[np.int8]
    scales: Floats
    offsets: Floats | None = None

    def __post_init__(self) -> None:
        """Refuse other types, and shapes that do not belong together."""
        _check_numpy(self.codes, "codes", ("int8",))
        _check_numpy(self.scales, "scales", ("float32",))
        if self.codes.ndim < 2:
            raise ValueError(f"codes must have shape (..., n, d), got {self.codes.shape}")
        *heads, n, d = self.codes.shape
        channels, tokens = (*heads, 1, d), (*heads, n, 1)
        if self.scales.shape not in (channels, tokens):
            raise ValueError(
                f"scales must have shape {channels} or {tokens}, got {self.scales.shape}"
            )
        if self.offsets is None:
            return
        _check_numpy(self.offsets, "offsets", ("float32",))
        if self.offsets.shape != channels:
            raise ValueError(f"offsets must have shape {channels}, got {self.offsets.shape}")

    @property
    def per_token(self) -> bool:
        """Whether each token has a scale of its own."""
        return bool(self.scales.shape[-1] == 1 != self.codes.shape[-1])


def _check_numpy(x: Any, name: str, dtypes: tuple[str, ...]) -> None:
    """Raise unless ``x`` is an array of NumPy, of one of these types, not empty."""
    backend.check_array(x, name, dtypes)
    if backend.is_jax(x):
        raise TypeError(f"{name} must be a NumPy array, got JAX: numpy.asarray makes one")


@dataclass(frozen=True)
class AttentionKernel:
    """One kernel.

    Parameters
    ----------
    name : str
        Of its split, in ``cann.digits.VARIANTS``.
    cache : IntegerFormat
        INT8 or INT4.
    first, ratio : float32
        What the first digit is scaled by, and every later one beside the one before it.
    dequantizes : bool
        Whether Fixpipe scales every product and rounds it to half, where they are added, too.
    """

    name: str
    cache: IntegerFormat
    first: np.float32 = INT8_FIRST
    ratio: np.float32 = INT8_RATIO
    dequantizes: bool = False


ATTENTION_KERNELS: Registry[AttentionKernel] = Registry.of(
    "ATTENTION_KERNELS",
    (
        AttentionKernel("attention_int8_x2", INT8),
        AttentionKernel("attention_int8_x3", INT8),
        AttentionKernel("attention_int4_x4", INT4, INT4_FIRST, INT4_RATIO),
        AttentionKernel("attention_dd", INT8, dequantizes=True),
    ),
)
"""Every kernel by name: two and three passes, four over INT4, and "DD"."""


def kernel_attend(
    queries: Array,
    keys: CannCache,
    values: CannCache,
    kernel: AttentionKernel,
    *,
    limits: NDArray[Any] | int | None = None,
    switches: KernelSwitches | None = None,
    tile: int = TILE,
) -> Floats:
    """Return attention as the kernel computes it, rounded to FP16.

    Parameters
    ----------
    queries : ndarray of float32, bfloat16 or float16
        Shape (..., m, d).
    keys, values : CannCache
        Shapes (..., n, d) and (..., n, e); keys have scales per channel. The leading dimensions are
        those of the queries, which may have a multiple of the last.
    kernel : AttentionKernel
        One of ``ATTENTION_KERNELS``.
    limits : int or ndarray of int, optional
        How many keys each query sees, by default all; it broadcasts to (..., m, 1).
    switches : KernelSwitches, optional
        What is not documented; the order of groups does not count.
    tile : int
        Keys in a tile.

    Returns
    -------
    ndarray of float32
        Values of FP16, shape (..., m, e).

    Raises
    ------
    TypeError
        If an argument is not of its type.
    ValueError
        If shapes do not match, codes or limits are out of range, or keys have a scale per token.

    Examples
    --------
    >>> from msdnum.emulator.cann import ATTENTION_KERNELS, CannCache, kernel_attend
    >>> one = np.ones((1, 2), np.float32)
    >>> keys = CannCache(np.int8([[1, 0], [0, 1]]), one)
    >>> values = CannCache(np.int8([[10, 3], [3, 10]]), one / 10)
    >>> queries = np.float32([[2, 0]])
    >>> kernel_attend(queries, keys, values, ATTENTION_KERNELS["attention_int8_x2"]).round(3)
    array([[0.863, 0.437]], dtype=float32)
    """
    switches = switches or KernelSwitches()
    argument_checks.check_mode("kernel", kernel, AttentionKernel)
    argument_checks.check_mode("switches", switches, KernelSwitches)
    _check_numpy(queries, "queries", ("float32", "bfloat16", "float16"))
    if queries.ndim < 2:
        raise ValueError(f"queries must have shape (..., m, d), got {queries.shape}")
    _check(queries, keys, values, kernel, tile)
    *heads, m, d = queries.shape
    n = keys.codes.shape[-2]
    rows = (*keys.codes.shape[:-2], m * int(np.prod(heads)) // int(np.prod(keys.codes.shape[:-2])))
    seen = _checked_limits(limits, n, (*heads, m, 1))
    with np.errstate(all="ignore"):
        found = _attended(
            queries.astype(np.float32).reshape(*rows, d), keys, values, kernel,
            seen.reshape(*rows, 1), switches, tile,
        )  # fmt: skip
    rounded = saturated_to(found, FP16, Rounding.RNE)
    return rounded.reshape(*heads, m, values.codes.shape[-1])


def _checked_limits(
    limits: NDArray[Any] | int | None, n: int, shape: tuple[int, ...]
) -> NDArray[Any]:
    """Return how many keys each query sees, of this shape."""
    seen = np.asarray(n if limits is None else limits)
    if seen.dtype.kind not in "iu":
        raise TypeError(f"limits must be integers, got {seen.dtype}")
    if seen.min() < 1 or seen.max() > n:
        raise ValueError(f"limits must be in 1..{n}, the tokens of the keys, got {limits}")
    try:
        return np.broadcast_to(seen, shape)
    except ValueError:
        raise ValueError(f"limits must broadcast to {shape}, got shape {seen.shape}") from None


def _check(
    queries: Array, keys: CannCache, values: CannCache, kernel: AttentionKernel, tile: int
) -> None:
    for name, cache in (("keys", keys), ("values", values)):
        argument_checks.check_mode(name, cache, CannCache)
        low, high = int(cache.codes.min()), int(cache.codes.max())
        if low < kernel.cache.min_integer or high > kernel.cache.max_integer:
            raise ValueError(f"{name} must have codes of {kernel.cache.name}, got {low} to {high}")
    if keys.per_token:
        raise ValueError("keys must have scales per channel, which queries are multiplied by")
    shared, (*heads, _, d) = keys.codes.shape[:-2], queries.shape
    grouped = len(heads) == len(shared) and tuple(heads[:-1]) == shared[:-1]
    if not grouped or (shared and heads[-1] % shared[-1]) or keys.codes.shape[-1] != d:
        raise ValueError(
            f"keys must have the heads of the queries, or a part of the last, and their width, got "
            f"{keys.codes.shape} for queries of {queries.shape}"
        )
    if values.codes.shape[:-1] != keys.codes.shape[:-1]:
        raise ValueError(
            f"values must have the heads and tokens of the keys, got {values.codes.shape}"
        )
    argument_checks.check_mode("tile", tile, int | np.integer)
    if not 1 <= tile <= LONGEST or d > LONGEST:
        raise ValueError(f"tile and width must be in 1..{LONGEST}, got {tile} and {d}")


def _attended(
    queries: Floats,
    keys: CannCache,
    values: CannCache,
    kernel: AttentionKernel,
    limits: NDArray[Any],
    switches: KernelSwitches,
    tile: int,
) -> Floats:
    n, e = values.codes.shape[-2:]
    factor = np.float32(1 / np.sqrt(queries.shape[-1]))
    folded = queries * keys.scales
    amax = np.abs(folded).max(axis=-1, keepdims=True)
    split = VARIANTS[kernel.name].decompose
    digits = split(folded, amax, switches.digits)
    maximum = np.full((*queries.shape[:-1], 1), -np.inf, np.float32)
    mass, total = np.zeros_like(maximum), np.zeros((*queries.shape[:-1], e), np.float32)
    for start in range(0, n, tile):
        part = slice(start, min(start + tile, n))
        transposed = np.swapaxes(keys.codes[..., part, :], -1, -2)
        scores = _recombined(digits, transposed, amax, kernel, switches) * factor
        seen = np.arange(part.start, part.stop) < limits
        scores = np.where(seen, scores, np.float32(-np.inf))
        largest = np.maximum(maximum, scores.max(axis=-1, keepdims=True))
        weights, decay = (STATED.function(x - largest) for x in (scores, maximum))
        mass = mass * decay + pairwise(weights)
        reach = np.ones_like(mass)
        if values.per_token:
            weights = weights * np.swapaxes(values.scales[..., part, :], -1, -2)
            reach = weights.max(axis=-1, keepdims=True)
        parts = split(weights, reach, switches.digits)
        found = _recombined(parts, values.codes[..., part, :], reach, kernel, switches)
        total, maximum = total * decay + found, largest
    mean = divide(total, mass, switches.digits.division)
    if values.offsets is not None:
        mean = mean + values.offsets
    return mean if values.per_token else mean * values.scales


def _recombined(
    digits: Digits,
    codes: NDArray[np.int8],
    amax: Floats,
    kernel: AttentionKernel,
    switches: KernelSwitches,
) -> Floats:
    """Return ``(C0 + sum of C_i * scale_i) / first * am``, or "DD" in half, times 1024."""
    # Exact: int32 holds these sums, and binary64 holds int32.
    wide = codes.astype(np.float64)
    sums = [(d.astype(np.float64) @ wide).astype(np.float32) for d in digits]
    if kernel.dequantizes:
        steps = (kept_by_fixpipe(np.float32(x)) for x in (1 / 1024, 1 / (1024 * 254)))
        first, second = (
            rounded_to_half((c * step).astype(np.float64), switches.half).astype(np.float64)
            for c, step in zip(sums, steps, strict=True)
        )
        total = rounded_to_half(first + second, switches.half) * np.float32(1024)
    else:
        total = sums[0]
        for c, scale in zip(sums[1:], later_scales(kernel.ratio, len(sums))[1:], strict=True):
            total = multiply_add(c, scale, total, switches.fusion)
    result: Floats = divide(total, kernel.first, switches.digits.division) * amax
    return result
