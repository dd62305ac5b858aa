"""Versions: those of what is there, and None for what is not."""

import platform

import numpy as np

import msdnum
from msdnum._versions import versions_of


def test_versions_are_those_of_what_is_installed():
    found = versions_of(["numpy", "no-such-distribution"])
    assert list(found) == ["msdnum", "numpy", "no-such-distribution"]
    assert found["msdnum"] == msdnum.__version__
    assert found["numpy"] == np.__version__
    assert versions_of(["python"])["python"] == platform.python_version()
    assert found["no-such-distribution"] is None
