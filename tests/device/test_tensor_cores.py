"""The way to the tensor cores: what is missing is said, and arrays get there as they are."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from msdnum.device import tensor_cores
from msdnum.device.comparison import computes_integers
from msdnum.device.dot_families import Dots
from msdnum.device.instructions import TENSOR_CORES
from msdnum.device.tensor_cores import CannotRunError, TensorCores, compiled
from tests.support.tensor_cores import GPU


@pytest.fixture(autouse=True)
def nothing_is_kept():
    compiled.cache_clear()
    yield
    compiled.cache_clear()


def test_a_machine_without_a_compiler_is_told_what_it_needs(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(CannotRunError, match="needs nvcc"):
        compiled()


def test_what_the_compiler_refuses_is_said(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/nvcc")
    failed = subprocess.CompletedProcess([], 1, "", "error: no such target")
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: failed)
    with pytest.raises(CannotRunError, match="must compile for Hopper: error: no such target"):
        compiled()


class Library:
    """A library whose device is as it is told."""

    def __init__(self, wrong=None, capability=90):
        def msdnum_device(name, size, driver, found):
            name.value, driver._obj.value, found._obj.value = b"a GPU", 13000, capability
            return wrong

        self.msdnum_device, self.msdnum_multiply = msdnum_device, lambda *args: None


def opened(monkeypatch, library):
    monkeypatch.setattr(ctypes, "CDLL", lambda path: library)
    monkeypatch.setattr(tensor_cores, "_compiler", lambda: "a compiler")
    return TensorCores(Path("there"))


def test_no_gpu_and_another_gpu_are_told_apart(monkeypatch):
    with pytest.raises(CannotRunError, match="needs a GPU of NVIDIA: no device"):
        opened(monkeypatch, Library(wrong=b"no device"))
    with pytest.raises(CannotRunError, match=r"needs a Hopper GPU.*a GPU has 8\.0"):
        opened(monkeypatch, Library(capability=80))
    found = opened(monkeypatch, Library()).gpu
    assert (found.name, found.capability, found.driver) == ("a GPU", 90, 13000)


def array_at(address, shape, dtype):
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_char * size).from_address(address.value), dtype).reshape(shape)


def cores(multiply):
    found = object.__new__(TensorCores)
    found.gpu, found._multiply = GPU, multiply
    return found


def test_rows_are_filled_to_whole_tiles_and_cut_again():
    seen = {}

    def multiply(name, a, b, c, d, m, n, size, from_nothing):
        seen.update(name=name, shape=(m, n, size), nothing=from_nothing)
        x, y = array_at(a, (m, size // 2), np.float16), array_at(b, (n, size // 2), np.float16)
        assert not x[3:].any()
        assert not y[2:].any()
        start, out = (array_at(v, (m, n), np.float32) for v in (c, d))
        out[...] = start + x.astype(np.float32) @ y.T.astype(np.float32)

    a, b = np.float16([[1] * 16, [2] * 16, [3] * 16]), np.float16([[1] * 16, [5] * 16])
    c = np.float32([[1, 2], [3, 4], [5, 6]])
    found = cores(multiply).multiply("an instruction", Dots(a, b, c), from_nothing=True)
    np.testing.assert_array_equal(found, c + 16 * np.float32([[1, 5], [2, 10], [3, 15]]))
    assert seen == {"name": b"an instruction", "shape": (64, 8, 32), "nothing": 1}


def test_what_goes_wrong_there_is_an_error_that_names_it():
    one = Dots(np.ones((1, 16), np.float16), np.ones((1, 16), np.float16), np.zeros((1, 1)))
    with pytest.raises(RuntimeError, match="mma on NVIDIA of the tests: out of memory"):
        cores(lambda *args: b"out of memory").multiply("mma", one)
    with pytest.raises(ValueError, match=r"must have shapes \(m, k\), \(n, k\) and \(m, n\)"):
        cores(lambda *args: None).multiply("mma", Dots(one.a, one.b[:, :8], one.c))


@pytest.mark.skipif(not Path("/dev/nvidia0").exists(), reason="needs a Hopper GPU")
def test_every_instruction_computes_small_integers():
    real = TensorCores(compiled())
    assert all(computes_integers(of, real.multiply) for of in TENSOR_CORES.values())
