"""The door to numba: when its kernels are used, and that they are not where they are not for."""

from dataclasses import replace
from importlib.util import find_spec

import jax.numpy as jnp
import numpy as np
import pytest

import msdnum
from msdnum import use_numba
from msdnum.emulator import blocks, compiled_rows
from msdnum.formats.blocks import MXFP4, MXFP8_E4M3, NVFP4
from msdnum.formats.elements import FP16, MXINT8_ELEMENT
from msdnum.formats.modes import Rounding

NEEDS_NUMBA = pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")
SMALL, LARGE = np.ones((1, 64), np.float32), np.ones((512, 256), np.float32)


@pytest.fixture
def kernels_used(monkeypatch, kernels_beside):
    """Return how many kernels a quantization has called."""
    calls, run = [], compiled_rows._on_all_cores
    monkeypatch.setattr(
        compiled_rows, "_on_all_cores", lambda *given: calls.append(given) or run(*given)
    )
    # Not both ways, as all tests of this room do.
    monkeypatch.setattr(blocks, "_quantize", blocks._quantize.__wrapped__)

    def count(x, fmt=MXFP4, **options):
        calls.clear()
        msdnum.quantize(x, fmt, **options)
        return len(calls)

    return count


@NEEDS_NUMBA
def test_large_arrays_take_kernels_unasked_and_small_ones_when_asked(kernels_used):
    assert (kernels_used(SMALL), kernels_used(LARGE)) == (0, 1)
    with use_numba():
        assert (kernels_used(SMALL), kernels_used(LARGE)) == (1, 1)
        with use_numba(None):
            assert (kernels_used(SMALL), kernels_used(LARGE)) == (0, 1)
        assert kernels_used(SMALL) == 1
    with use_numba(False):
        assert (kernels_used(SMALL), kernels_used(LARGE)) == (0, 0)
    assert (kernels_used(SMALL), kernels_used(LARGE)) == (0, 1)


@NEEDS_NUMBA
@pytest.mark.parametrize(
    "options",
    [
        {"x": jnp.asarray(LARGE)},
        {"fmt": NVFP4},
        {"fmt": replace(MXFP4, name="fixed", element=MXINT8_ELEMENT)},
        {"rounding": Rounding.RTZ},
        {"rounding": Rounding.STOCHASTIC, "random": np.random.default_rng(0)},
        {"scales": np.float32(1)},
        {"x": LARGE.astype(np.float64)},
    ],
    ids=["JAX", "NVFP4", "fixed point", "toward zero", "stochastic", "given scales", "binary64"],
)
def test_what_kernels_are_not_for_takes_its_own_way(options, kernels_used):
    with use_numba():
        assert kernels_used(**{"x": LARGE, **options}) == 0


@NEEDS_NUMBA
def test_where_subnormal_numbers_are_flushed_no_kernel_is_used(kernels_used, monkeypatch):
    monkeypatch.setattr(compiled_rows, "flushes_subnormals", lambda: True)
    with use_numba():
        assert kernels_used(LARGE) == 0


@NEEDS_NUMBA
def test_codes_of_two_bytes(kernels_used):
    with use_numba():
        assert kernels_used(LARGE, replace(MXFP8_E4M3, name="wide", element=FP16)) == 1


def test_without_numba_it_is_an_error_to_ask_for_it(monkeypatch):
    monkeypatch.setattr(compiled_rows, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"needs msdnum\[numba\]: pip install"):
        use_numba().__enter__()
    with use_numba(False), use_numba(None):
        assert not compiled_rows.is_installed()
        compiled_rows.kernels.cache_clear()
        assert not compiled_rows.takes(LARGE)
    compiled_rows.kernels.cache_clear()


def test_a_numba_that_refuses_to_be_imported_is_said(monkeypatch):
    monkeypatch.setattr(compiled_rows, "find_spec", lambda name: object())
    monkeypatch.setitem(__import__("sys").modules, "msdnum.emulator.row_kernels", None)
    monkeypatch.delattr(msdnum.emulator, "row_kernels", raising=False)
    compiled_rows.kernels.cache_clear()
    with pytest.warns(UserWarning, match="numba is installed but not used"):
        assert not compiled_rows.takes(LARGE)
    compiled_rows.kernels.cache_clear()


def test_use_is_one_of_three():
    with pytest.raises(TypeError, match="use must be True, False or None, got 'no'"):
        use_numba("no").__enter__()
