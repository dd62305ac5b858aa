"""Packed codes: two, four or one in whole bytes."""

from msdnum.emulator import argument_checks, backend
from msdnum.emulator.arrays import as_array
from msdnum.emulator.backend import Array
from msdnum.emulator.compilation import compiled_whole
from msdnum.emulator.jax_settings import under_own_settings
from msdnum.formats.elements import ElementFormat

__all__ = ["pack", "unpack"]


@under_own_settings
def pack(codes: Array, fmt: ElementFormat, *, axis: int = -1) -> Array:
    """Return the codes of a format of 4, 6 or 8 bits as bytes without gaps, lowest bits first.

    Two 4-bit codes make a byte, the first in the low nibble; four 6-bit codes make three bytes.

    Parameters
    ----------
    codes : Array of uint8
        At least one dimension.
    fmt : ElementFormat
        Format of the codes, which decides how many bits each takes.
    axis : int
        Along which codes share bytes.

    Returns
    -------
    Array of uint8
        The axis is ``fmt.bits / 8`` times as long.

    Raises
    ------
    ValueError
        If the axis is not there or does not fill whole bytes, or the format has another width.

    Examples
    --------
    >>> from msdnum import ELEMENT_FORMATS, pack
    >>> [hex(byte) for byte in pack(np.uint8([1, 2, 3, 15]), ELEMENT_FORMATS["E2M1"])]
    ['0x21', '0xf3']
    >>> pack(np.uint8([[1, 2], [3, 15]]), ELEMENT_FORMATS["E2M1"], axis=0)
    array([[ 49, 242]], dtype=uint8)
    """
    codes = argument_checks.checked_codes(codes, fmt)
    group, _ = _byte_group(fmt)
    _check_axis(codes, "codes", axis, group)
    return _pack(codes, fmt=fmt, axis=axis)


def _check_axis(x: Array, name: str, axis: int, group: int) -> None:
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"axis must be one of the {x.ndim} of {name}, got {axis}")
    if x.shape[axis] % group:
        raise ValueError(
            f"{name} must have an axis {axis} divisible by {group}, got shape {x.shape}"
        )


@compiled_whole
def _pack(codes: Array, *, fmt: ElementFormat, axis: int) -> Array:
    group, size = _byte_group(fmt)
    xp = backend.namespace(codes)
    codes = xp.moveaxis(codes, axis, -1)
    word = sum(codes[..., i::group].astype("int32") << (fmt.bits * i) for i in range(group))
    packed = xp.stack([word >> (8 * j) & 0xFF for j in range(size)], axis=-1)
    return xp.moveaxis(packed.astype("uint8").reshape(*codes.shape[:-1], -1), -1, axis)


@under_own_settings
def unpack(packed: Array, fmt: ElementFormat, *, axis: int = -1) -> Array:
    """Undo ``pack``.

    Parameters
    ----------
    packed : Array of uint8
        As ``pack`` returns it.
    fmt : ElementFormat
        The format of the codes.
    axis : int
        Along which codes share bytes.

    Returns
    -------
    Array of uint8
        Codes, one in each byte.

    Raises
    ------
    ValueError
        If the axis is not there or does not hold whole codes, or the format has another width.

    Examples
    --------
    >>> from msdnum import ELEMENT_FORMATS, unpack
    >>> unpack(np.uint8([0x21, 0xF3]), ELEMENT_FORMATS["E2M1"])
    array([ 1,  2,  3, 15], dtype=uint8)
    """
    packed = as_array(packed, "packed")
    backend.check_array(packed, "packed", ("uint8", "int8"))
    _, size = _byte_group(fmt)
    _check_axis(packed, "packed", axis, size)
    return _unpack(packed, fmt=fmt, axis=axis)


@compiled_whole
def _unpack(packed: Array, *, fmt: ElementFormat, axis: int) -> Array:
    group, size = _byte_group(fmt)
    xp = backend.namespace(packed)
    packed = xp.moveaxis(packed.view("uint8"), axis, -1)
    word = sum(packed[..., j::size].astype("int32") << (8 * j) for j in range(size))
    mask = (1 << fmt.bits) - 1
    codes = [word >> (fmt.bits * i) & mask for i in range(group)]
    stacked = xp.stack(codes, axis=-1).astype("uint8")
    return xp.moveaxis(stacked.reshape(*packed.shape[:-1], -1), -1, axis)


_BYTE_GROUPS = {4: (2, 1), 6: (4, 3), 8: (1, 1)}
"""For each width of codes, the smallest numbers of codes and bytes that take the same room."""


def _byte_group(fmt: ElementFormat) -> tuple[int, int]:
    argument_checks.check_mode("fmt", fmt, ElementFormat)
    if fmt.bits not in _BYTE_GROUPS:
        raise ValueError(f"fmt must have 4, 6 or 8 bits, got {fmt.name} of {fmt.bits}")
    return _BYTE_GROUPS[fmt.bits]
