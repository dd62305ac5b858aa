"""What is said of activations, on blocks made by hand."""

import math

import numpy as np
import pytest

from msdnum.trials.msd.decoder.outliers import block_statistics


def test_statistics_of_blocks_made_by_hand():
    x = np.ones((2, 64), np.float32)
    x[0, 0], x[1, 63] = 16, 0.25
    found = block_statistics(x)
    assert found["amax"] == 16
    crests = [16 / math.sqrt((256 + 63) / 64), 1 / math.sqrt((63 + 1 / 16) / 64)]
    assert found["crest_max"] == pytest.approx(crests[0])
    assert found["crest_median"] == pytest.approx(sum(crests) / 2)
    assert found["block_crest_max"] == pytest.approx(16 / math.sqrt((256 + 31) / 32))
    # Orders of the four blocks: 4, 0, 0 and 2.
    assert found["range_median"] == 1


def test_two_passes_of_mxfp4_lose_where_much_is_far_below_the_largest():
    """Under a scale of 64/6 or so the first term is zero, and the second has few steps."""
    near = np.linspace(1, 1.99, 32, dtype=np.float32)[None]
    far = near / 128
    far[0, 0] = 1
    assert block_statistics(near)["mxfp4_x2_loses"] == 0
    assert block_statistics(far)["mxfp4_x2_loses"] == 1
    both = block_statistics(np.concatenate([near, far]))
    assert both["mxfp4_x2_loses"] == 0.5
    assert block_statistics(far)["loss_ratio"] > 1 > block_statistics(near)["loss_ratio"]


def test_zeros_are_no_outliers():
    found = block_statistics(np.zeros((1, 32), np.float32) + np.eye(1, 32, dtype=np.float32))
    assert found["range_median"] == 0
    assert found["block_crest_max"] == pytest.approx(math.sqrt(32))


def test_bits_of_numbers_whose_remainders_are_known():
    """3.125 keeps 3.0 + 0.125 in two passes of MXFP4, and 3.25 in one of MXFP8."""
    x = np.full((1, 32), 3.125, np.float32)
    found = block_statistics(x)
    assert found["mxfp4_x2_rms_bits"] == found["mxfp4_x2_l2_bits"] == math.inf
    x[0, 0] = 3.0
    for bits, share in (("rms", 31 / 32), ("l2", 31 * 3.125**2 / (31 * 3.125**2 + 9))):
        right = -math.log2(0.125 / 3.125 * math.sqrt(share))
        assert found_bits(x)[f"mxfp8_x1_{bits}_bits"] == pytest.approx(right)


def found_bits(x):
    return {name: bits for name, bits in block_statistics(x).items() if name.endswith("_bits")}
