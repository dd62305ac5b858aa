"""Scales in tiles of 128 x 4: every place by the formula, one scale at a time."""

import ml_dtypes
import numpy as np
import pytest

from msdnum.emulator.layouts import from_scale_tiles, to_scale_tiles
from tests.support.agreement import on_all_backends

SHAPES = [(130, 5), (1, 1), (128, 4), (257, 9)]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_scale_is_in_its_place_and_the_rest_is_zero(shape):
    scales = np.random.default_rng(1).integers(1, 256, shape, dtype=np.uint8)
    down, across = -(-shape[0] // 128), -(-shape[1] // 4)
    expected = [0] * (down * across * 512)
    for r in range(shape[0]):
        for c in range(shape[1]):
            tile = r // 128 * across + c // 4
            expected[512 * tile + r % 32 * 16 + r % 128 // 32 * 4 + c % 4] = int(scales[r, c])
    found = on_all_backends(to_scale_tiles, scales)
    assert found.tolist() == expected
    back = on_all_backends(lambda x: from_scale_tiles(x, shape), found)
    assert back.tobytes() == scales.tobytes()
    assert from_scale_tiles(found.reshape(down * 128, -1), shape).tobytes() == scales.tobytes()


@pytest.mark.parametrize("dtype", [ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e8m0fnu])
def test_scales_keep_their_type(dtype):
    scales = np.arange(60, dtype=np.uint8).reshape(12, 5).view(dtype)
    tiles = to_scale_tiles(scales)
    assert tiles.dtype == dtype
    assert from_scale_tiles(tiles, (12, 5)).tobytes() == scales.tobytes()


def test_other_shapes_and_types_are_refused():
    with pytest.raises(ValueError, match=r"scales must have two dimensions, got shape \(4,\)"):
        to_scale_tiles(np.zeros(4, np.uint8))
    with pytest.raises(TypeError, match="scales must be of one byte each"):
        to_scale_tiles(np.zeros((4, 4), np.float32))
    for shape in ((129, 4), (1, 5), (0, 4)):
        with pytest.raises(ValueError, match=r"tiles must have .* bytes for"):
            from_scale_tiles(np.zeros(512, np.uint8), shape)
