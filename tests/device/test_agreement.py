"""The emulators under jit, held against NumPy: everything is in it, and a difference is seen."""

import jax
import numpy as np
import pytest

from msdnum.device.agreement import Computation, agreed, agreements, computations
from msdnum.emulator import backend
from msdnum.evidence.fingerprint import Part, parts
from msdnum.formats.accumulators import ALL_ACCUMULATORS, INSTRUCTIONS
from msdnum.formats.elements import ELEMENT_FORMATS

ALL = list(computations())


def names(kind):
    return [c.part.name for c in ALL if c.kind == kind]


def test_every_accumulator_format_and_part_of_the_fingerprint_is_in_it():
    products = "\n".join(names("products"))
    for unit in (*ALL_ACCUMULATORS.values(), *INSTRUCTIONS.values()):
        assert f", {unit.name}" in products, unit.name
    for fmt in ELEMENT_FORMATS:
        assert f"round to {fmt}" in names("formats")
    assert {part.name for part in parts()} <= {c.part.name for c in ALL}
    assert {c.kind for c in ALL} == {"formats", "blocks", "decomposition", "products", "attention"}


@pytest.mark.parametrize("kind", ["formats", "blocks", "decomposition", "products"])
def test_some_of_each_agree_here(kind):
    some = [c for c in ALL if c.kind == kind][-2:-1]
    for found in agreements(some, 1):
        assert found.error == ""
        assert found.equal == found.numbers > 0


def broken(compute):
    return Computation("formats", Part("broken", compute, (np.float32([1, np.nan, 3]),)))


def test_another_bit_and_another_type_differ_and_nan_is_nan():
    found = agreed(broken(lambda x: (x + np.float32(backend.is_jax(x)),)))
    assert (found.numbers, found.equal) == (3, 1)
    found = agreed(broken(lambda x: (x.astype(np.float16) if backend.is_jax(x) else x,)))
    assert (found.numbers, found.equal) == (3, 0)


def test_one_nan_is_as_good_as_another():
    def compute(x):
        other = np.uint32(0x7FFFFFFF if backend.is_jax(x) else 0x7FC00000)
        if backend.is_jax(x):
            return (jax.lax.bitcast_convert_type(jax.numpy.full(2, other), np.float32),)
        return (np.full(2, other).view(np.float32),)

    found = agreed(broken(compute))
    assert (found.equal, found.numbers) == (2, 2)


def test_what_a_device_refuses_is_no_agreement():
    def refused(x):
        if backend.is_jax(x):
            raise NotImplementedError("no such type")
        return (x,)

    found = agreed(broken(refused))
    assert (found.equal, found.numbers) == (0, 3)
    assert found.error == "NotImplementedError: no such type"
    assert jax.config.jax_enable_x64 is False
