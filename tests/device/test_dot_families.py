"""Operands of instructions: the same everywhere, of their formats, and as hostile as they say."""

import hashlib

import numpy as np
import pytest

from msdnum.device.dot_families import FAMILIES_OF_DOTS, draw_dots, integer_dots
from msdnum.device.layouts import BINARY64, layout_of
from msdnum.formats.elements import BF16, BINARY32, E4M3, E4M3FNUZ, E5M2, FP16, TF32

SHAPE = (24, 16, 32)
INTO = [(FP16, FP16), (BF16, BINARY32), (TF32, BINARY32), (E4M3, FP16), (E5M2, BINARY32)]
ALL = [*((layout_of(fmt), layout_of(out)) for fmt, out in INTO), (BINARY64, BINARY64)]
EACH = pytest.mark.parametrize(("fmt", "out"), ALL, ids=lambda x: x.name)
NOT_NUMBERS = ("any bit patterns", "Inf and NaN")


def everything():
    for fmt, out in ALL:
        for name in FAMILIES_OF_DOTS:
            yield draw_dots(name, fmt, fmt, out, SHAPE, 3)
    yield integer_dots(SHAPE, 3)


@pytest.mark.core
def test_operands_are_the_same_under_every_version():
    found = hashlib.sha256()
    for given in everything():
        for x in (given.a, given.b, given.c):
            found.update(x.view(f"u{x.itemsize}").tobytes())
    assert found.hexdigest() == ("773d22e0d088cee9a90b2e625e406deae479daae81fccfced1939baa0d96f98c")


@EACH
@pytest.mark.parametrize("name", FAMILIES_OF_DOTS)
def test_only_two_families_have_what_is_no_number(name, fmt, out):
    given = draw_dots(name, fmt, fmt, out, SHAPE, 1)
    assert (given.a.shape, given.b.shape, given.c.shape) == ((24, 32), (16, 32), (24, 16))
    assert given.a.dtype == given.b.dtype == fmt.dtype
    assert given.c.dtype == out.dtype
    with np.errstate(invalid="ignore"):  # signaling NaN
        finite = all(np.isfinite(x.astype(np.float64)).all() for x in vars(given).values())
    allowed = name in NOT_NUMBERS or name.startswith(("cancellation", "c opposite"))
    assert finite or allowed


@pytest.mark.parametrize("name", NOT_NUMBERS)
def test_these_have_them(name):
    given = draw_dots(name, layout_of(FP16), layout_of(FP16), layout_of(FP16), SHAPE, 1)
    for x in (given.a, given.b, given.c):
        assert np.isnan(x).any() or np.isinf(x).any()


def test_a_format_without_minus_zero_has_its_only_nan():
    fnuz = layout_of(E4M3FNUZ)
    given = draw_dots("Inf and NaN", fnuz, fnuz, layout_of(BINARY32), SHAPE, 1)
    assert np.isnan(given.a.astype(np.float32)).any()
    assert np.isfinite(given.a.astype(np.float32)).any()


def test_families_are_what_their_names_say():
    bf16, out = layout_of(BF16), layout_of(BINARY32)
    drawn = {name: draw_dots(name, bf16, bf16, out, SHAPE, 2) for name in FAMILIES_OF_DOTS}
    products = {
        name: x.a.astype(np.float64)[:, None] * x.b.astype(np.float64)[None]
        for name, x in drawn.items() if name not in NOT_NUMBERS
    }  # fmt: skip
    assert (products["positive"] >= 0).all()
    assert (drawn["positive"].c >= 0).all()
    assert (products["sparse"] == 0).mean() > 0.9
    assert np.signbit(drawn["zeros"].c[drawn["zeros"].c == 0]).any()
    assert (np.count_nonzero(products["single product"], axis=-1) == 1).all()
    assert (np.abs(products["overflow"]) > 2.0**118).any()
    assert (np.abs(products["bottom of the range"]) < 2.0**-126).mean() > 0.5
    assert (np.abs(drawn["subnormal"].a.astype(np.float64)) < 2.0**-126).any()
    sums = {name: x.sum(axis=-1) for name, x in products.items()}
    sizes = {name: np.abs(x).max(axis=-1) for name, x in products.items()}
    small = np.abs(sums["cancellation"]) < sizes["cancellation"]
    assert small.mean() > 0.9
    near = np.abs(sums["c opposite to the products"] + drawn["c opposite to the products"].c)
    assert (near <= 2.0**-20 * sizes["c opposite to the products"]).all()
    first = np.abs(products["one large product"])
    assert (first[..., 0] >= 2.0**9 * first[..., 1:].max(axis=-1) / 4).all()


def test_integers_are_near_an_overflow():
    given = integer_dots(SHAPE, 1)
    assert given.a.min() == -128
    assert given.a.max() == 127
    assert (np.abs(given.c.astype(np.int64)) > 2**31 - 2**20 - 2).any()
