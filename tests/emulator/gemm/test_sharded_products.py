"""The bits of a product do not depend on how its operands lie on eight devices."""

import os
import subprocess
import sys

import pytest

from msdnum.formats.accumulators import ACCUMULATORS
from tests.support.sharded_products import LAYOUTS, M, N

QUICK = ("INT32_REFUSE", "SEQUENTIAL")


def check(names):
    command = [sys.executable, "-m", "tests.support.sharded_products", *names]
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert found.stdout.splitlines() == [
        f"{name}, {layout}, 8 devices: 0 of {M * N} differ" for name in names for layout in LAYOUTS
    ]


@pytest.mark.slow
def test_sharding_changes_no_bit():
    check(QUICK)


@pytest.mark.long
def test_sharding_changes_no_bit_of_any_accumulator():
    # An exact sum of floats needs values: it is not traced, and so not sharded.
    check([name for name in ACCUMULATORS if name != "EXACT"])
