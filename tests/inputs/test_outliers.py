"""One outlier of known size in each block."""

import numpy as np
import pytest

from msdnum.formats.elements import BF16, BINARY32
from msdnum.inputs.families import BLOCK
from msdnum.inputs.outliers import outlier


@pytest.mark.parametrize("fmt", [BF16, BINARY32], ids=lambda fmt: fmt.name)
@pytest.mark.parametrize("fixed", [True, False])
def test_outliers_have_the_size_that_is_said(fixed, fmt):
    x = outlier(10, fixed=fixed).generate((50, 70), rng=np.random.default_rng(0), fmt=fmt)
    sizes = np.abs(x[:, ::BLOCK])
    assert (sizes == 1024).all() == fixed
    assert 1024 <= sizes.min() <= sizes.max() < 2048
    assert {-1, 1} == set(np.sign(x[:, ::BLOCK]).ravel().tolist())
    others = np.delete(np.abs(x), np.s_[::BLOCK], axis=1)
    assert others.max() <= 1
    assert np.isclose((others.astype(np.float64) ** 2).mean(), 1 / 3, rtol=0.05)


def test_an_outlier_that_is_none_is_refused():
    for k in (-1, 127):
        with pytest.raises(ValueError, match=f"got {k}"):
            outlier(k, fixed=True)
