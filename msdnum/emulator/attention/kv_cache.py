"""The KV cache: keys and values quantized so that a product can take their codes as they are.

Keys and values have the shape (..., tokens, width). A binary32 scale *per channel* is shared by all
tokens of a channel, one *per token* by all channels of a token; one for the whole tensor is that of
every channel. MX blocks, and groups with a scale each, lie along what a product sums over: the
channels of a key, the tokens of the values. Values may also have binary32 scales for groups of the
channels of a token: each group is then attended to apart, as values with a scale per token.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from msdnum._registry import Registry
from msdnum.emulator import backend, bit_patterns
from msdnum.emulator.backend import Array
from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.checks import check_layout, is_inside
from msdnum.emulator.gemm.tiles import cut
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.blocks import INT8_ROW, MXFP4, MXFP8_E4M3, BlockFormat
from msdnum.formats.elements import BINARY32

__all__ = [
    "KV_FORMATS", "Cache", "KeyValueFormat", "by_channel", "check_cache", "head_groups", "padded",
    "per_channel", "per_token", "scales_per_channel", "scales_per_token", "tokens", "without_scale",
]  # fmt: skip

Quantizer: TypeAlias = Callable[[Array], QuantizedArray]
Cache: TypeAlias = Any
"""Keys or values: a QuantizedArray, or an array of float32, bfloat16 or float16."""


def per_channel(fmt: BlockFormat) -> Quantizer:
    """Return the quantizer whose blocks lie along the tokens of each channel.

    Examples
    --------
    >>> from msdnum.emulator.attention import per_channel
    >>> from msdnum.formats import INT8_ROW
    >>> tokens = np.float32([[1, 100], [0.5, 50]])  # the second channel has outliers
    >>> per_channel(INT8_ROW)(tokens).scales()
    array([[0.00787402, 0.78740156]], dtype=float32)
    """
    return lambda x: quantize(x, fmt, axis=-2)


def per_token(fmt: BlockFormat) -> Quantizer:
    """Return the quantizer whose blocks lie along the channels of each token.

    Examples
    --------
    >>> from msdnum.emulator.attention import per_token
    >>> from msdnum.formats import INT8_ROW
    >>> per_token(INT8_ROW)(np.float32([[1, 127], [0.5, 63.5]])).scales()
    array([[1. ],
           [0.5]], dtype=float32)
    """
    return lambda x: quantize(x, fmt, axis=-1)


@dataclass(frozen=True)
class KeyValueFormat:
    """How a cache is quantized.

    Parameters
    ----------
    name : str
        Name in tables.
    keys, values : callable
        From float32, bfloat16 or float16 of shape (..., tokens, width) to a QuantizedArray. All
        tokens take part in a scale that they share: set those that do not count to zero.

    Examples
    --------
    >>> from msdnum import KV_FORMATS
    >>> KV_FORMATS["MXFP8"].keys(np.ones((64, 32), np.float32)).axis
    -1
    >>> KV_FORMATS["MXFP8"].values(np.ones((64, 32), np.float32)).axis
    -2
    """

    name: str
    keys: Quantizer
    values: Quantizer


KV_FORMATS: Registry[KeyValueFormat] = Registry.of(
    "KV_FORMATS",
    (
        KeyValueFormat("INT8", per_channel(INT8_ROW), per_channel(INT8_ROW)),
        KeyValueFormat("INT8_TOKEN", per_channel(INT8_ROW), per_token(INT8_ROW)),
        KeyValueFormat("MXFP8", per_token(MXFP8_E4M3), per_channel(MXFP8_E4M3)),
        KeyValueFormat("MXFP4", per_token(MXFP4), per_channel(MXFP4)),
    ),
)
"""Caches by name: INT8 has keys per channel, values per channel or per token."""


def without_scale(x: QuantizedArray, axis: int) -> QuantizedArray:
    """Return the codes as one block along ``axis``, -1 or -2, for each row, with the scale 1."""
    xp, shape = backend.namespace(x.codes), list(x.shape)
    size, shape[axis] = shape[axis], 1
    one = xp.full(shape, bit_patterns.BIAS << bit_patterns.FRACTION_BITS, np.uint32)
    fmt = replace(x.format, scale=BINARY32, block_size=size, tensor_scale=False)
    return replace(x, scale_codes=one, tensor_scale=None, format=fmt, axis=axis, divisor=1)


def padded(x: Cache, count: int) -> Cache:
    """Return ``x`` with zeros for tokens up to ``count``, a multiple of the block size."""
    if not isinstance(x, QuantizedArray):
        return _pad_tokens(x, count)
    codes, scale_codes, block = _pad_tokens(x.codes, count), x.scale_codes, _block(x)
    if x.axis == -1:
        scale_codes = _pad_tokens(scale_codes, count)
    elif _is_whole(x):
        block = count
    else:
        scale_codes = _pad_tokens(scale_codes, count // block)
    fmt = replace(x.format, block_size=block)
    return replace(x, codes=codes, scale_codes=scale_codes, format=fmt)


def _pad_tokens(x: Array, count: int) -> Array:
    widths = [(0, 0)] * (x.ndim - 2) + [(0, count - x.shape[-2]), (0, 0)]
    return backend.namespace(x).pad(x, widths)


def _block(x: QuantizedArray) -> int:
    assert x.format.block_size is not None
    return x.format.block_size


def _is_whole(x: QuantizedArray) -> bool:
    """Return whether all tokens share the scales of their channels."""
    return x.axis == -2 and _block(x) == x.shape[-2]


def tokens(x: Cache, start: Array | int, size: int) -> Cache:
    """Return ``size`` tokens from ``start`` on, which is a multiple of the block size."""
    if not isinstance(x, QuantizedArray):
        return cut(x, start, size, x.ndim - 2)
    axis, block = len(x.shape) - 2, _block(x)
    first, count = start, size
    if x.axis == -2:
        first, count = (0, 1) if _is_whole(x) else (start // block, -(-size // block))
        block = min(block, size)
    return replace(
        x,
        codes=cut(x.codes, start, size, axis),
        scale_codes=cut(x.scale_codes, first, count, axis),
        format=replace(x.format, block_size=block),
    )


def by_channel(x: Cache) -> Cache:
    """Return a cache with one scale for the tensor as one in which every channel has it."""
    if not isinstance(x, QuantizedArray) or x.axis is not None:
        return x
    xp, shape = backend.namespace(x.codes), (*x.shape[:-2], 1, x.shape[-1])
    scales = xp.broadcast_to(x.scale_codes, shape)
    fmt = replace(x.format, block_size=x.shape[-2])
    return replace(x, scale_codes=scales, format=fmt, axis=-2)


def head_groups(values: Cache) -> list[Cache]:
    """Return the groups of channels whose tokens have a scale each, or the values as they are."""
    x = values
    if not isinstance(x, QuantizedArray) or is_inside(x.format) or x.axis != -1:
        return [x]
    width, block = x.shape[-1], _block(x)
    return [
        replace(
            x,
            codes=x.codes[..., start : start + block],
            scale_codes=x.scale_codes[..., start // block : start // block + 1],
            format=replace(x.format, block_size=min(block, width - start)),
        )
        for start in range(0, width, block)
    ]


def scales_per_channel(x: Cache) -> Array | None:
    """Return the binary32 scale of each channel, (..., 1, width); None where there is none."""
    return x.scales() if _has_scale(x, -2) else None


def scales_per_token(x: Cache) -> Array | None:
    """Return the binary32 scale of each token, (..., tokens, 1); None where there is none."""
    return x.scales() if _has_scale(x, -1) else None


def _has_scale(x: Cache, axis: int) -> bool:
    if not isinstance(x, QuantizedArray) or is_inside(x.format) or x.axis != axis:
        return False
    return _block(x) == x.shape[axis]


def check_cache(x: Cache, name: str, axis: int, tile: int) -> None:
    """Raise unless ``x`` can be a factor of a product that sums over ``axis``, tile by tile."""
    if not isinstance(x, QuantizedArray):
        backend.check_floats(x, name)
        return
    check_layout(x, x.axis, name)
    block = _block(x)
    if not is_inside(x.format) and x.axis is not None and block == x.shape[x.axis]:
        return
    if not is_inside(x.format) and x.axis != axis:
        raise ValueError(
            f"{name} must have {x.format.scale.name} scales per channel, per token or per group "
            f"along axis {axis}, got blocks of {block} along axis {x.axis} of shape {x.shape}"
        )
    if x.axis != axis:
        raise ValueError(
            f"{name} must have its {x.format.name} blocks along axis {axis}, got axis {x.axis}"
        )
    if axis == -2 and block != x.shape[-2] and tile % block:
        raise ValueError(f"tile must be a multiple of the {block} tokens of a block, got {tile}")
