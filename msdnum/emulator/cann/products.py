"""Products as CANN's kernels compute them, variant by variant, bit for bit under named switches.

Sources are Huawei's public operator repositories.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, unique
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum._registry import Registry
from msdnum.emulator import argument_checks, backend, elements
from msdnum.emulator.cann.digits import (
    VARIANTS,
    Digits,
    Floats,
    Fusion,
    Switches,
    divide,
    multiply_add,
)
from msdnum.emulator.gemm.exact_sums import integer_dot
from msdnum.emulator.gemm.operands import OperandType
from msdnum.formats.accumulators import INT32_SATURATE
from msdnum.formats.elements import BF16, FP16, INT4, INT8, ElementFormat, IntegerFormat
from msdnum.formats.modes import Overflow, Rounding

__all__ = [
    "KERNELS", "GroupOrder", "Kernel", "KernelSwitches", "Weight", "kernel_matmul", "nibble_matmul",
]  # fmt: skip

Sums: TypeAlias = list[NDArray[np.int32]]


@unique
class GroupOrder(Enum):
    """In which order atomic additions of groups arrive; no document says."""

    ASCENDING = "the first group of k first"
    DESCENDING = "the last group first"


@dataclass(frozen=True)
class KernelSwitches:
    """What is not documented of a kernel.

    Parameters
    ----------
    digits : Switches
        Of the split.
    fusion : Fusion
        Of Axpy and MulAddDst on binary32 in the recombination.
    half : Rounding
        Of Fixpipe and half arithmetic, RNE, RNA or RTZ.
    order : GroupOrder
        Of atomic additions.

    Raises
    ------
    TypeError
        If a switch is not of its type.
    ValueError
        If ``half`` is another rounding.
    """

    digits: Switches = field(default_factory=Switches)
    fusion: Fusion = Fusion.SEPARATE
    half: Rounding = Rounding.RNE
    order: GroupOrder = GroupOrder.ASCENDING

    def __post_init__(self) -> None:
        """Refuse what is no switch."""
        argument_checks.check_mode("digits", self.digits, Switches)
        argument_checks.check_mode("fusion", self.fusion, Fusion)
        argument_checks.check_mode("half", self.half, Rounding)
        argument_checks.check_mode("order", self.order, GroupOrder)
        if self.half not in (Rounding.RNE, Rounding.RNA, Rounding.RTZ):
            raise ValueError(f"half must be RNE, RNA or RTZ, got {self.half.name}")


@dataclass(frozen=True, eq=False)
class Weight:
    """A quantized weight: ``(code + offset) * scale``.

    Parameters
    ----------
    codes : ndarray of int8
        Shape (k, n).
    scales : ndarray of float32
        Shape (groups, n); one group is per channel. k is a multiple of the groups.
    offsets : ndarray of float32, optional
        Of the shape of ``scales``.

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
        _check_matrix(self.codes, "codes", "int8")
        _check_matrix(self.scales, "scales", "float32")
        (k, n), (groups, columns) = self.codes.shape, self.scales.shape
        if columns != n or k % groups:
            raise ValueError(
                f"scales must have shape (groups, {n}), the groups dividing {k}, "
                f"got {self.scales.shape}"
            )
        if self.offsets is None:
            return
        _check_matrix(self.offsets, "offsets", "float32")
        if self.offsets.shape != self.scales.shape:
            raise ValueError(
                f"offsets must have shape {self.scales.shape}, got {self.offsets.shape}"
            )

    @property
    def group(self) -> int:
        """Elements of k that share a scale."""
        return int(self.codes.shape[0] // self.scales.shape[0])

    def dequantize(self) -> NDArray[np.float64]:
        """Return ``(code + offset) * scale`` in binary64: exact for integers below 2**28."""
        scales = np.repeat(self.scales.astype(np.float64), self.group, axis=0)
        if self.offsets is None:
            return self.codes * scales
        return (
            self.codes + np.repeat(self.offsets.astype(np.float64), self.group, axis=0)
        ) * scales


def _check_matrix(x: Any, name: str, *dtypes: str) -> None:
    backend.check_array(x, name, dtypes)
    if backend.is_jax(x):
        raise TypeError(f"{name} must be a NumPy array, got {type(x).__name__}")
    if x.ndim != 2:
        raise ValueError(f"{name} must have two dimensions, got shape {x.shape}")


Recombine: TypeAlias = Callable[[Floats, Digits, Floats, Weight, KernelSwitches], Floats]


@dataclass(frozen=True)
class Kernel:
    """One kernel.

    Parameters
    ----------
    name : str
        A name of ``cann.digits.VARIANTS``, or A8W4.
    weight : IntegerFormat
        INT8 or INT4.
    recombine : callable
        From x, digits, amax, the weight and switches to the result in binary32.
    output : ElementFormat
        Format of the result.
    rounding : Rounding
        To it: RNA is half away, RNE half even.
    per_group : bool
        Whether amax is taken over each group of k, not over the row.
    largest_group : int or None
        Largest group whose sums its arithmetic holds; None: any.
    takes_offsets : bool
        Whether the weight may have offsets.
    """

    name: str
    weight: IntegerFormat
    recombine: Recombine
    output: ElementFormat = FP16
    rounding: Rounding = Rounding.RNA
    per_group: bool = False
    largest_group: int | None = None
    takes_offsets: bool = True

    @property
    def has_groups(self) -> bool:
        """Whether the weight may have several groups."""
        return self.per_group or self.largest_group is not None


def kernel_matmul(
    x: Any, weight: Weight, kernel: Kernel, switches: KernelSwitches | None = None
) -> Floats:
    """Return ``x @ weight`` as the kernel computes it, rounded to its output format.

    Parameters
    ----------
    x : ndarray of float32, bfloat16 or float16
        Shape (m, k).
    weight : Weight
        Codes of the kernel's weight format; several groups only where the kernel has groups.
    kernel : Kernel
        One of ``KERNELS``.
    switches : KernelSwitches, optional
        What is not documented.

    Returns
    -------
    ndarray of float32
        Values of ``kernel.output``, shape (m, n).

    Raises
    ------
    TypeError
        If an argument is not of its type. float64 is refused: it would be rounded.
    ValueError
        If the shapes do not match, codes are out of range, or the weight has groups or offsets
        that the kernel does not take.
    """
    switches = switches or KernelSwitches()
    argument_checks.check_mode("kernel", kernel, Kernel)
    argument_checks.check_mode("switches", switches, KernelSwitches)
    _check_matrix(x, "x", "float32", "bfloat16", "float16")
    _check(x, weight, kernel.weight, kernel.name)
    _check_groups(weight, kernel)
    x = x.astype(np.float32)
    amax = _amax(x, weight.group if kernel.per_group else x.shape[1])
    columns = np.repeat(amax, x.shape[1] // amax.shape[1], axis=1)
    digits = _variant(kernel, x.shape[1]).decompose(x, columns, switches.digits)
    with np.errstate(all="ignore"):
        result = kernel.recombine(x, digits, amax, weight, switches)
    return saturated_to(result, kernel.output, kernel.rounding)


def _variant(kernel: Kernel, k: int) -> Any:
    short = kernel.name == "multicore" and k < 128
    return VARIANTS["multicore_short_k" if short else kernel.name]


def _check(x: Any, weight: Weight, fmt: IntegerFormat, name: str) -> None:
    argument_checks.check_mode("weight", weight, Weight)
    if x.shape[1] != weight.codes.shape[0]:
        raise ValueError(f"x must have shape (m, {weight.codes.shape[0]}), got {x.shape}")
    low, high = int(weight.codes.min()), int(weight.codes.max())
    if low < fmt.min_integer or high > fmt.max_integer:
        raise ValueError(f"weight must have codes of {fmt.name} for {name}, got {low} to {high}")


def _check_groups(weight: Weight, kernel: Kernel) -> None:
    if weight.offsets is not None and not kernel.takes_offsets:
        raise ValueError(f"weight must not have offsets for {kernel.name}")
    if weight.scales.shape[0] > 1 and not kernel.has_groups:
        raise ValueError(f"weight must have one scale per channel for {kernel.name}")
    if kernel.largest_group is not None and weight.group > kernel.largest_group:
        raise ValueError(
            f"weight must have groups of at most {kernel.largest_group} for {kernel.name}, "
            f"got {weight.group}"
        )


def _amax(x: Floats, size: int) -> Floats:
    """Return the largest magnitude of each row, (m, 1), or of each group of it, (m, groups)."""
    amax: Floats = np.abs(x.reshape(x.shape[0], -1, size)).max(axis=2)
    return amax


def saturated_to(x: Floats, fmt: ElementFormat, rounding: Rounding) -> Floats:
    """Return numbers rounded to a format, saturated, as float32."""
    x = x.astype(np.float32)
    codes = elements.encode(x, fmt, overflow=Overflow.SATURATE, rounding=rounding)
    rounded: Floats = elements.decode(codes, fmt)
    return rounded


def rounded_to_half(exact: NDArray[np.float64], rounding: Rounding) -> Floats:
    """Return binary64 numbers rounded once to half: in binary32 to odd before, for what decides."""
    if rounding is Rounding.RNE:  # NumPy rounds so, once, but does not saturate.
        with np.errstate(over="ignore", under="ignore"):
            return np.clip(exact.astype(np.float16), -65504, 65504).astype(np.float32)
    near = exact.astype(np.float32)
    error = exact - near
    toward = np.where(error > 0, np.float32(np.inf), np.float32(-np.inf))
    tie_breaker = (error != 0) & (near.view(np.int32) & 1 == 0)
    return saturated_to(np.where(tie_breaker, np.nextafter(near, toward), near), FP16, rounding)


def _kind(k: int) -> OperandType:
    return OperandType.of_integers("int8 digits", INT8, 128, k)


def _products(digits: Digits, codes: NDArray[np.int8]) -> Sums:
    """Return the int32 product of each digit with the codes."""
    kinds = _kind(codes.shape[0]), _kind(codes.shape[0])
    return [integer_dot(d, codes, kinds, INT32_SATURATE) for d in digits]


def _groups(digits: Digits, weight: Weight, order: GroupOrder) -> list[tuple[int, Sums]]:
    """Return the group number and its digit products, in the order of arrival."""
    count, size = weight.scales.shape[0], weight.group
    numbers = range(count) if order is GroupOrder.ASCENDING else reversed(range(count))
    parts = [(g, slice(g * size, (g + 1) * size)) for g in numbers]
    return [(g, _products([d[:, part] for d in digits], weight.codes[part])) for g, part in parts]


def _with_offset(c: Floats, x: Floats, weight: Weight, switches: KernelSwitches) -> Floats:
    """Return ``(c + rowsum * offset) * scale``."""
    if weight.offsets is not None:
        c = multiply_add(_row_sums(x), weight.offsets, c, switches.fusion)
    return c * weight.scales


def _row_sums(x: Floats) -> Floats:
    """Return the sums over k, in binary32 and in order, of shape (m, 1)."""
    total: Floats = np.zeros((x.shape[0], 1), np.float32)
    for k in range(x.shape[1]):
        total = total + x[:, k, None]
    return total


def _multicore(
    x: Floats, digits: Digits, amax: Floats, weight: Weight, switches: KernelSwitches
) -> Floats:
    """``(C1 / F1 + C2 / F2) * am + rowsum * offset``, ``* scale``."""
    first, second = (c.astype(np.float32) for c in _products(digits, weight.codes))
    division = switches.digits.division
    f1, f2 = np.float32(127.499), np.float32(2 * 127.499**2)
    terms = np.add(divide(first, f1, division), divide(second, f2, division))
    return _with_offset(terms * amax, x, weight, switches)


def _axpy_terms(sums: Sums, factors: list[np.float32], fusion: Fusion) -> Floats:
    """Return ``C1 * f1``, then each ``C * f`` added by Axpy, in binary32."""
    total: Floats = sums[0].astype(np.float32) * factors[0]
    for c, factor in zip(sums[1:], factors[1:], strict=True):
        total = multiply_add(c.astype(np.float32), factor, total, fusion)
    return total


def _grouped_axpy(
    factors: list[np.float32],
    x: Floats,
    digits: Digits,
    amax: Floats,
    weight: Weight,
    switches: KernelSwitches,
) -> Floats:
    """Per group: terms by Axpy, times scale, multiply-add by the group's am; then its offsets."""
    total: Floats = np.zeros((x.shape[0], weight.codes.shape[1]), np.float32)
    for g, sums in _groups(digits, weight, switches.order):
        terms = _axpy_terms(sums, factors, switches.fusion) * weight.scales[g]
        total = multiply_add(terms, amax[:, g, None], total, switches.fusion)
        if weight.offsets is not None:
            rowsum = _row_sums(x[:, g * weight.group : (g + 1) * weight.group])
            shift = weight.offsets[g] * weight.scales[g]
            total = multiply_add(rowsum, shift, total, switches.fusion)
    return total


def _half_terms(
    x: Floats, digits: Digits, amax: Floats, weight: Weight, switches: KernelSwitches
) -> Floats:
    """Per group: every C through Fixpipe to half, Axpy in half; groups by atomics in binary32."""
    factors = [np.float64(np.float16(1 / 14.98**i)) for i in (1, 2)]
    total: Floats = np.zeros((x.shape[0], weight.codes.shape[1]), np.float32)
    for g, sums in _groups(digits, weight, switches.order):
        wide = (c.astype(np.float64) for c in sums)
        terms, *later = (rounded_to_half(c, switches.half).astype(np.float64) for c in wide)
        for c, factor in zip(later, factors, strict=True):
            fused = switches.fusion is Fusion.FUSED
            product = c * factor if fused else rounded_to_half(c * factor, switches.half)
            terms = rounded_to_half(terms + product, switches.half).astype(np.float64)
        scale = amax[:, g, None] / np.float32(7.49)
        total = total + terms.astype(np.float32) * scale * weight.scales[g]
    return total


def _grouped_matmul(
    x: Floats, digits: Digits, amax: Floats, weight: Weight, switches: KernelSwitches
) -> Floats:
    """``(C1 + C2 * (1 / 254)) * (am / 127) + rowsum * offset``, ``* scale``."""
    terms = _axpy_terms(
        _products(digits, weight.codes),
        [np.float32(1), np.float32(1) / np.float32(254)],
        switches.fusion,
    )
    scale = divide(amax, np.float32(127), switches.digits.division)
    return _with_offset(terms * scale, x, weight, switches)


MAGIC = 0x4B200000
"""10485760 = 1.25 * 2**23 in binary32, where the ulp is 1: an int32 added to it is its value.

So it is down to 2**23, for sums of at least -2**21: ``127 * 128`` times a group of at most 129.
"""

LARGEST_MAGIC_GROUP = 2**21 // (127 * 128)


def _magic(
    x: Floats, digits: Digits, amax: Floats, weight: Weight, switches: KernelSwitches
) -> Floats:
    """C1 on top of ``MAGIC``, reread as float; plus half(1/254) C2; minus 10485760; groups added.

    The weights are INT4 times 16. What C2 adds is rounded to an integer: the ulp there is 1.
    """
    total: Floats = np.zeros((x.shape[0], weight.codes.shape[1]), np.float32)
    wide = Weight((weight.codes * 16).astype(np.int8), weight.scales, weight.offsets)
    factor = np.float32(np.float16(1 / 254))
    for g, (first, second) in _groups(digits, wide, switches.order):
        reread = (first + np.int32(MAGIC)).view(np.float32)
        both = multiply_add(second.astype(np.float32), factor, reread, switches.fusion)
        total = total + (both - np.float32(10485760)) * weight.scales[g]
    return total * (amax / np.float32(2032))


def _feed_forward(
    x: Floats, digits: Digits, amax: Floats, weight: Weight, switches: KernelSwitches
) -> Floats:
    """``(C1 / 128 + C2 / 16384) * am'``, ``* scale``; am' = 1.001 am."""
    factors = [np.float32(2.0**-7), np.float32(2.0**-14)]
    terms = _axpy_terms(_products(digits, weight.codes), factors, switches.fusion)
    return _with_offset(terms * (amax * np.float32(1.001)), x, weight, switches)


_INT8_FACTORS = [np.float32(1 / 127), np.float32(1 / (127 * 254))]
_INT4_FACTORS = [np.float32(1 / (7.49 * 14.98**i)) for i in range(3)]


KERNELS: Registry[Kernel] = Registry.of(
    "KERNELS",
    (
        Kernel("multicore", INT8, _multicore),
        Kernel("split_k_int8", INT8, partial(_grouped_axpy, _INT8_FACTORS), per_group=True),
        Kernel("split_k_int4_half", INT4, _half_terms, per_group=True, takes_offsets=False),
        Kernel(
            "experimental_a16w4", INT4, partial(_grouped_axpy, _INT4_FACTORS),
            rounding=Rounding.RNE, per_group=True,
        ),
        Kernel("grouped_a16w8", INT8, _grouped_matmul, BF16, Rounding.RNE),
        Kernel(
            "grouped_a16w4", INT4, _magic, rounding=Rounding.RNE,
            largest_group=LARGEST_MAGIC_GROUP, takes_offsets=False,
        ),
        Kernel("ffn", INT8, _feed_forward),
    ),
)  # fmt: skip
"""Every kernel that splits a float activation, by name. A8W4 is ``nibble_matmul``."""


def nibble_matmul(
    x: NDArray[np.int8],
    token_scales: Floats,
    weight: Weight,
    switches: KernelSwitches | None = None,
) -> Floats:
    """Return A8W4: INT8 activations split into nibbles, exactly, INT4 weights in groups.

    ``x = 16 floor(x / 16) + ((x & 15) - 8) + 8``; a group gives ``(16 H + L + 8 sum w) * scale``,
    added as half by atomics; times the token scale, rounded to BF16, half even.

    Parameters
    ----------
    x : ndarray of int8
        Shape (m, k).
    token_scales : ndarray of float32
        Shape (m, 1).
    weight : Weight
        INT4 codes, without offsets.
    switches : KernelSwitches, optional
        ``half`` and ``order`` count.

    Raises
    ------
    TypeError
        If an argument is not of its type.
    ValueError
        If the shapes do not match, codes are out of range, or the weight has offsets.
    """
    switches = switches or KernelSwitches()
    argument_checks.check_mode("switches", switches, KernelSwitches)
    _check_matrix(x, "x", "int8")
    _check_matrix(token_scales, "token_scales", "float32")
    _check(x, weight, INT4, "A8W4")
    if token_scales.shape != (x.shape[0], 1):
        raise ValueError(
            f"token_scales must have shape ({x.shape[0]}, 1), got {token_scales.shape}"
        )
    if weight.offsets is not None:
        raise ValueError("weight must not have offsets for A8W4")
    high, low = x >> 4, (x & 15) - np.int8(8)
    total: Floats = np.zeros((x.shape[0], weight.codes.shape[1]), np.float32)
    for g, (upper, lower) in _groups([high, low], weight, switches.order):
        part = slice(g * weight.group, (g + 1) * weight.group)
        eights = 8 * weight.codes[part].astype(np.int32).sum(axis=0)
        scaled = (16 * upper + lower + eights).astype(np.float32) * weight.scales[g]
        addend = saturated_to(scaled, FP16, switches.half).astype(np.float64)
        total = rounded_to_half(total + addend, switches.half)
    return saturated_to(total * token_scales, BF16, Rounding.RNE)
