"""The stated property of every input family."""

import numpy as np
import pytest

from msdnum.formats.elements import BF16, BINARY32, E2M1, E4M3, FP16, INT8_SYMMETRIC
from msdnum.inputs.families import BLOCK, FAMILIES, binade, family

SHAPE = (6, 75)
FORMATS = pytest.mark.parametrize("fmt", [BF16, BINARY32], ids=lambda fmt: fmt.name)


def draw(name, fmt=BF16, shape=SHAPE, seed=0):
    return FAMILIES[name].generate(shape, rng=np.random.default_rng(seed), fmt=fmt)


def blocks(x):
    return [x[..., start : start + BLOCK] for start in range(0, x.shape[-1], BLOCK)]


@FORMATS
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("shape", [(1,), (2,), (33,), (3, 64), (2, 3, 5)])
def test_every_family_gives_finite_values_of_the_format(name, fmt, shape):
    x = draw(name, fmt, shape)
    assert x.shape == shape
    assert x.dtype == np.float32
    assert np.isfinite(x).all()
    assert fmt is BINARY32 or not (x.view(np.uint32) & 0xFFFF).any()


@pytest.mark.parametrize("name", FAMILIES)
def test_the_generator_decides(name):
    bits = [draw(name, seed=seed).tobytes() for seed in (1, 1, 2)]
    assert bits[0] == bits[1]
    assert bits[0] != bits[2]


def test_float32_families_use_all_of_float32():
    assert (draw("normal", BINARY32).view(np.uint32) & 0xFFFF).any()


@pytest.mark.parametrize(
    ("name", "variance"), [("uniform", 1 / 3), ("normal", 1), ("laplace", 2), ("student_t", 3)]
)
def test_variance(name, variance):
    x = draw(name, shape=(1_000_000,)).astype(np.float64)
    assert abs(x.mean()) < 0.01
    assert x.var() == pytest.approx(variance, rel=0.15)


def test_uniform_fills_its_interval():
    x = draw("uniform", shape=(100_000,))
    assert x.max() == 1
    assert x.min() == -1


@FORMATS
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("log_uniform", 0, 0), ("log_uniform_40", -20, 19), ("near_overflow", 127, 127)],
)
def test_exponents(name, low, high, fmt):
    x = draw(name, fmt, shape=(100_000,))
    exponents = np.frexp(x)[1] - 1
    assert (exponents.min(), exponents.max()) == (low, high)
    assert (x > 0).any()
    assert (x < 0).any()


@FORMATS
def test_log_uniform_is_log_uniform(fmt):
    logs = np.log2(np.abs(draw("log_uniform", fmt, shape=(100_000,))).astype(np.float64))
    assert np.quantile(logs, [0.25, 0.5, 0.75]) == pytest.approx([0.25, 0.5, 0.75], abs=0.02)


@pytest.mark.parametrize("name", ["outlier_per_block", "outlier_per_row"])
def test_one_outlier(name):
    x = draw(name)
    for part in blocks(x) if name == "outlier_per_block" else [x]:
        large = np.abs(part) >= 1024
        assert (large.sum(axis=-1) == 1).all()
        assert (np.abs(part) < 2048).all()
        assert (np.abs(part[~large]) <= 1).all()


def test_signs_alternate():
    x = draw("alternating")
    assert (x[:, ::2] > 0).all()
    assert (x[:, 1::2] < 0).all()


def test_rows_are_all_equal():
    x = draw("all_equal")
    assert (x == x[:, :1]).all()
    assert len(np.unique(x)) == len(x)


def test_zeros_have_both_signs():
    x = draw("zeros")
    assert not x.any()
    assert len(np.unique(np.signbit(x))) == 2


@FORMATS
def test_subnormals(fmt):
    x = np.abs(draw("subnormals", fmt, shape=(10_000,))).astype(np.float64) / fmt.eta
    assert (x == np.round(x)).all()
    assert x.min() >= 1
    assert 0.99 * 2**fmt.fraction_bits < x.max() < 2**fmt.fraction_bits


@FORMATS
@pytest.mark.parametrize(
    ("name", "step"), [("amax_power", 0), ("amax_below_power", -1), ("amax_above_power", 1)]
)
def test_amax_near_a_power_of_two(name, step, fmt):
    unit = 1 << (23 - fmt.fraction_bits)
    for part in blocks(draw(name, fmt)):
        amax = np.abs(part).max(axis=-1)
        assert (part[:, 0] == amax).all()
        assert ((amax.view(np.int32) - step * unit) & 0x7FFFFF == 0).all()


@pytest.mark.parametrize(
    ("name", "element", "anchor"),
    [
        ("midpoints_E2M1", E2M1, 4),
        ("midpoints_E4M3", E4M3, 256),
        ("midpoints_INT8", INT8_SYMMETRIC, 127),
    ],
)
def test_midpoints_lie_halfway(name, element, anchor):
    values = np.array(sorted({value for value in element.values if abs(value) <= anchor}))
    for part in blocks(draw(name)):
        assert (part[:, 0] == anchor).all()
        x = part[:, 1:].astype(np.float64).ravel()
        above = np.searchsorted(values, x)
        assert (values[above] - x == x - values[above - 1]).all()
        assert (values[above] > x).all()


@FORMATS
@pytest.mark.parametrize("size", [2, 3, 64, 75])
def test_ill_conditioned_rows_nearly_cancel(size, fmt):
    x = draw("ill_conditioned", fmt, shape=(50, size)).astype(np.float64)
    assert (x.sum(axis=-1) == 2 * fmt.unit_roundoff).all()
    assert (np.abs(x).sum(axis=-1) >= size - 1).all()
    assert size < 64 or len(np.unique(x[:, 0])) > 9


@FORMATS
@pytest.mark.parametrize("k", [0, 1, 5, 124])
def test_binade(k, fmt):
    x = binade(k).generate((4, 1000), rng=np.random.default_rng(0), fmt=fmt)
    others = np.abs(np.concatenate([part[:, 1:] for part in blocks(x)], axis=1))
    assert all((part[:, 0] == 1).all() for part in blocks(x))
    assert (others >= 2.0 ** -(k + 1)).all()
    assert (others < 2.0**-k).all()
    assert others.min() < 2.0 ** -(k + 1) * 1.02
    assert others.max() > 2.0**-k * 0.98


@pytest.mark.parametrize("shape", [(), (0,), (3, 0)])
def test_empty_shapes_are_refused(shape):
    with pytest.raises(
        ValueError, match=r"shape must have at least one axis and no empty one, got"
    ):
        draw("normal", shape=shape)


def test_wrong_arguments_are_refused():
    with pytest.raises(TypeError, match=r"rng must be a numpy.random.Generator, got int"):
        FAMILIES["normal"].generate((3,), rng=0)
    with pytest.raises(ValueError, match=r"fmt must be BF16 or BINARY32, got FP16"):
        draw("normal", FP16)
    with pytest.raises(ValueError, match=r"k must be in 0..124, got 125"):
        binade(125)
    with pytest.raises(ValueError, match=r"family must be one of uniform, .*, got 'gauss'"):
        family("gauss")


def test_families_are_found_by_their_names():
    assert [family(name).name for name in FAMILIES] == list(FAMILIES)
