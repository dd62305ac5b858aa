"""Tensors judged piece by piece: as they are judged whole, and in memory for a piece."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from msdnum import errors
from msdnum.evidence import approximation, judge_blocks, judge_tensor, large_tensors
from msdnum.trials.toolkit.tensors import TENSOR_PROMISES

NAMES = ("rms_relative", "relative_l2", "equivalent_uniform")
EACH = pytest.mark.parametrize("promise", TENSOR_PROMISES, ids=lambda p: p.scheme.name)


def tensors(shape, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_t(3, size=shape).astype(np.float32)
    return x * np.float32(2.0) ** rng.integers(-90, 90, size=(*shape[:-1], 1)).astype(np.float32)


def small_pieces(monkeypatch, elements):
    monkeypatch.setattr(large_tensors, "PIECE", elements)


@EACH
@pytest.mark.parametrize("shape", [(7, 96), (3, 5, 33), (40,), (1, 1)])
def test_pieces_find_what_the_whole_has(promise, shape, monkeypatch):
    small_pieces(monkeypatch, 64)
    x = tensors(shape, 3)
    found, whole = judge_tensor(x, promise), judge_blocks(x, promise)
    assert (found.ratio, found.witness) == (whole.ratio, whole.witness)
    assert found.verdict is whole.verdict
    assert found.evidence == whole.evidence
    y = approximation(x, promise.scheme)
    bits = ", ".join(f"{name} {errors.EFFECTIVE_BITS[name](x, y):.2f}" for name in NAMES)
    assert found.notes == (f"effective bits: {bits}",)


@EACH
def test_zeros_and_the_tiniest_numbers(promise, monkeypatch):
    small_pieces(monkeypatch, 64)
    for x in (np.zeros((5, 32), np.float32), np.full((5, 32), 2.0**-149, np.float32)):
        found, whole = judge_tensor(x, promise), judge_blocks(x, promise)
        assert (found.ratio, found.verdict) == (whole.ratio, whole.verdict)


def test_progress_counts_every_block(monkeypatch):
    small_pieces(monkeypatch, 64)
    told = []
    judge_tensor(tensors((9, 40), 1), TENSOR_PROMISES[1], told.append)
    assert sum(told) == 9 * 2
    assert len(told) == 9


@given(st.integers(1, 9), st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_any_shape_is_judged_as_a_whole(rows, length, seed):
    x = tensors((rows, length), seed)
    for promise in TENSOR_PROMISES:
        assert judge_tensor(x, promise).ratio == judge_blocks(x, promise).ratio


def test_memory_is_that_of_a_piece():
    x = np.ones((2048, 1024), np.float32)
    judge_tensor(x[:1], TENSOR_PROMISES[0])
    tracemalloc.start()
    judge_tensor(x, TENSOR_PROMISES[0])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 48 << 20
