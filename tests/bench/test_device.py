"""What is timed computes what it says; the command runs anywhere and says what it needs."""

import jax
import numpy as np
import pytest

from msdnum.bench import device
from msdnum.bench.device import BASELINE, METHODS, machine_of, measured, methods
from tests.support.device import SMALL


def test_methods_compute_the_same_product():
    x, codes, scale = device._operands(8, SMALL, 0)
    exact = np.asarray(x, np.float64) @ (np.asarray(codes, np.float64) * np.asarray(scale))
    size = np.abs(np.asarray(x, np.float64)) @ (np.abs(codes).astype(np.float64) * scale)
    calls = methods(8, SMALL, 0)
    assert tuple(calls) == METHODS
    for name, call in calls.items():
        if name == "FP8, one product":
            continue  # of unscaled activations by row
        # BF16 weights and results: two roundings to 8 bits, and float32 sums.
        assert (np.abs(np.asarray(call(), np.float64) - exact) <= size * 2**-7.9).all(), name


def test_two_products_of_terms_that_leave_what_claim_c1_allows():
    x, codes, _ = device._operands(8, SMALL, 0)
    first, second, row = (np.asarray(v) for v in jax.jit(device._terms)(x))
    left = np.asarray(x, np.float64) - row.astype(np.float64) * (first + second / 254)
    allowed = np.abs(np.asarray(x, np.float64)).max(1, keepdims=True) / 64516
    # XLA multiplies by 1/127, so a tie may go the other way: float32 roundings, as in theorem
    # int8-decomposition-float32.
    assert (np.abs(left) <= allowed * 1.01).all()
    found = np.asarray(device._dot(first, codes, np.int32))
    np.testing.assert_array_equal(found, first.astype(np.int64) @ np.asarray(codes, np.int64))


def test_every_row_has_time_ratio_and_model(monkeypatch):
    monkeypatch.setattr(device, "LAP", 0)
    monkeypatch.setattr(device, "MOST", 2)
    monkeypatch.setattr(device, "device_kind", lambda: "NVIDIA H100 80GB HBM3")
    rows = list(measured((SMALL,), (1, 2), 1))
    assert [row["method"] for row in rows] == [*METHODS] * 4
    assert [row["weight_sets"] for row in rows[:: len(METHODS)]] == [1, 2, 1, 2]
    assert all(row["seconds"] > 0 for row in rows)
    for row in rows:
        assert row["method"] != BASELINE or row["over_baseline"] == 1
        assert (row["model_over_baseline"] == "") == (row["method"] == METHODS[0])
    two = [r for r in rows if r["method"] == "INT8, two products"]
    assert two[0]["model_over_baseline"] == pytest.approx(2 / 5, abs=0.1)  # C6: 2Md over 5Md


@pytest.mark.parametrize("sets", [1, 2])
def test_products_in_turn_are_the_products_one_after_another(sets):
    calls = device.products_in_turn(4, SMALL, sets, 4)
    assert tuple(calls) == METHODS
    x, codes, scale = device._operands(4, SMALL, device.SEED)
    for name, call in calls.items():
        found = [np.asarray(y, np.float64) for y in call()]
        assert len(found) == 4
        for i, y in enumerate(found):
            turned = device._timed(x, jax.numpy.roll(codes, i % sets, 0), scale)
            function, given = turned[name]
            np.testing.assert_allclose(
                y, np.asarray(function(*given), np.float64), rtol=0.02, atol=1
            )
        assert (found[0] == found[sets]).all()
        assert sets == 1 or (found[0] != found[1]).any()


def test_every_product_is_computed_however_often_it_is_the_same():
    """XLA keeps one of equal sums, unless each waits for the one before."""
    operands = [device._operands(4, SMALL, 0)] * 3
    program = jax.jit(device._one_after_another(device._fused)).lower(operands)
    assert program.as_text().count("dot_general") == 3
    assert program.as_text().count("optimization_barrier") == 2


def test_weights_in_turn_are_more_than_a_cache_holds():
    for layer in device.LAYER_SHAPES:
        count = device._products(layer)
        assert 2 <= count <= 16
        assert count == 16 or count * layer.k * layer.n >= 2**28


def test_machines_by_the_name_of_the_device():
    assert machine_of("NVIDIA H200").name == "H200 SXM"
    assert machine_of("NVIDIA H100 80GB HBM3").name == "H100 SXM"
    assert machine_of("cpu") is None
