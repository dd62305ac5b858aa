"""Near names for wrong ones."""

import pytest

from msdnum import _names
from msdnum.conformance import runner


def test_near_names():
    with pytest.raises(ValueError, match="got ml_dtype; did you mean 'ml_dtypes'"):
        runner.load("ml_dtype")
    assert _names.near("Quantise", ["encode", "quantize"]) == "quantize"
    assert _names.near("c1", ["C1", "C2"]) == "C1"
    assert _names.near("xyz", ["C1"]) is None
    assert _names.did_you_mean("xyz", []) == ""
