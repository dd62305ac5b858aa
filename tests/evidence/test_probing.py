"""Probes: presets are recognized, changed units are not, and what is behind NumPy and JAX."""

from dataclasses import replace
from fractions import Fraction

import jax
import numpy as np
import pytest

from msdnum import matmul, spec
from msdnum.evidence.probing import probe, probed
from msdnum.formats.accumulators import (
    AMPERE,
    BLACKWELL_FP8,
    BLACKWELL_MX,
    BLACKWELL_MXFP4,
    CDNA1_FP16,
    CDNA2,
    CDNA3,
    CDNA3_FP8,
    HOPPER,
    HOPPER_FP8,
    HOPPER_FP16,
    HOPPER_TF32,
    SEQUENTIAL,
    TURING,
)
from msdnum.formats.blocks import MXFP4
from msdnum.formats.elements import BF16, BINARY32, E4M3, INT8, TF32
from tests.support.probes import PRESETS, box_of, format_of

QUICK = (HOPPER, HOPPER_FP16, BLACKWELL_MXFP4, CDNA2, CDNA3, CDNA3_FP8, CDNA1_FP16)
TWINS = {
    "HOPPER": "BLACKWELL", "TURING": "AMPERE", "BLACKWELL_FP8": "BLACKWELL_MX",
    "TURING_FP16": "AMPERE_FP16", "HOPPER_FP16": "BLACKWELL_FP16",
    "HOPPER_TF32": "BLACKWELL_TF32", "BLOCKS_32_IN_2_HOPPER": "BLOCKS_32_IN_2_BLACKWELL",
    "CDNA3_FP8": "CDNA3_FNUZ",
}  # fmt: skip
"""Presets that compute the same."""


def assert_recognized(unit):
    found = probed(box_of(unit))
    assert unit.name in found.fits
    if format_of(unit) != INT8:  # at this length every accumulator sums integers exactly
        same = {unit.name, TWINS.get(unit.name), *(a for a, b in TWINS.items() if b == unit.name)}
        assert set(found.fits) <= same


@pytest.mark.parametrize("unit", QUICK, ids=lambda u: u.name)
def test_a_preset_is_recognized(unit):
    assert_recognized(unit)


@pytest.mark.long
@pytest.mark.parametrize("unit", PRESETS, ids=lambda u: u.name)
def test_every_preset_is_recognized(unit):
    assert_recognized(unit)


CHANGED = [
    (HOPPER, BF16, {"group": 15}),
    (HOPPER, BF16, {"fraction_bits": 24}),
    (HOPPER, BF16, {"result_bits": 22}),
    (HOPPER_TF32, TF32, {"exponent_of_zero": -131}),
    (HOPPER_FP8, E4M3, {"fraction_bits": 14}),
    (BLACKWELL_MXFP4, MXFP4, {"fraction_bits": 34}),
    (CDNA3, BF16, {"sum_bits": 30}),
    (CDNA3, BF16, {"fraction_bits": 23}),
    (CDNA3_FP8, E4M3, {"drops_accumulator": False}),
    (CDNA3_FP8, E4M3, {"parts": 4}),
    (CDNA2, BF16, {"group": 8}),
    (CDNA1_FP16, None, {"group": 3}),
]


@pytest.mark.parametrize(
    ("unit", "fmt", "change"), CHANGED, ids=lambda x: getattr(x, "name", None) or str(x)
)
def test_a_unit_with_one_parameter_changed_fits_no_preset(unit, fmt, change):
    changed = replace(unit, **change)
    found = probed(box_of(changed, fmt or format_of(unit), 192 if fmt is MXFP4 else 48))
    assert found.fits == ()
    assert "none of" in str(found)
    for name, value in change.items():
        if name == "group":
            assert found.order.group == value
        elif hasattr(found.features, name):
            shift = 4 if fmt is MXFP4 else 0  # products of elements up to 4 above their scales
            assert getattr(found.features, name) == value + shift


def test_candidates_of_ones_own_are_tried():
    found = probed(box_of(AMPERE, BF16, 24), [AMPERE, HOPPER, TURING])
    assert found.order.group == 8
    assert set(found.fits) == {"AMPERE", "TURING"}


def naive(a, b):
    """Multiply and add one product after the other, in float32."""
    c = np.zeros((a.shape[0], b.shape[1]), np.float32)
    for k in range(a.shape[1]):
        with np.errstate(all="ignore"):
            c = c + a[:, k, None] * b[k]
    return c


def test_a_loop_over_k_is_sequential_and_rounds_its_products():
    found = probe(naive, BINARY32, length=40, shape=(2, 3))
    assert found.fits == ("SEQUENTIAL",)
    assert found.features.rounded_products
    assert str(found.order) == "the sum so far and 1 product, 39 times"
    assert found.uniform


def numpys(a, b):
    with np.errstate(all="ignore"):
        return np.matmul(a, b)


@pytest.mark.parametrize("product", [numpys, jax.numpy.matmul, jax.jit(jax.numpy.matmul)])
def test_what_is_behind_the_float32_products_of_numpy_and_jax_is_found(product):
    """Their order depends on the machine; that they add 64 products, rounded to nearest, not."""
    found = probe(product, BINARY32, length=64)
    leaves = found.order.tree.leaves
    assert leaves == tuple(range(64))
    assert (found.features.result_bits, found.features.rounding) == (
        23,
        "to nearest, ties to even",
    )
    rng = np.random.default_rng(3)
    a, b = (np.tile(rng.standard_normal(64).astype(np.float32), (16, 1)) for _ in range(2))
    products = [Fraction(float(x)) * Fraction(float(y)) for x, y in zip(a[0], b[0], strict=True)]
    if found.features.rounded_products:
        products = [fl(p) for p in products]
    assert Fraction(float(np.asarray(product(a, b.T.copy()))[0, 0])) == again(
        found.order.tree, products
    )


def fl(x):
    return spec.number(spec.fl32(x))


def again(tree, products):
    """Add in the order that was found: each product joins a sum that is rounded."""
    if isinstance(tree, int):
        return products[tree]
    first, *others = tree.addends
    total = fl(again(first, products))
    for x in others:
        total = fl(total + again(x, products))
    return total


def test_torch_is_probed_where_it_is_installed():
    torch = pytest.importorskip("torch")

    def product(a, b):
        return torch.matmul(torch.from_numpy(a), torch.from_numpy(b)).numpy()

    found = probe(product, BINARY32, length=64)
    assert found.features.result_bits == 23


def test_a_product_that_starts_from_c_says_where_it_is_added():
    def first(a, b, c):
        return matmul(a, b, c=c, accumulator=HOPPER)

    def last(a, b, c):
        return naive(a.astype(np.float32), b.astype(np.float32)) + c

    found = [probe(f, BF16, length=20, shape=(1, 1), takes_c=True, candidates=[HOPPER, SEQUENTIAL])
             for f in (first, last)]  # fmt: skip
    assert found[0].order.start == "with the products of the first step"
    assert found[0].fits == ("HOPPER",)
    assert found[1].order.start == "last, to the sum of all products"
    assert found[1].fits == ()


def test_the_sign_of_zero_is_part_of_what_a_preset_gives():
    """A unit that differs from HOPPER in nothing but -0 for 0 is none."""

    def other(a, b):
        found = matmul(a, b, accumulator=HOPPER)
        return np.where(found == 0, np.float32(-0.0), found)

    assert probe(other, BF16, length=17, shape=(1, 1), candidates=[HOPPER]).fits == ()


def test_the_page_names_what_was_found():
    lines = str(probed(box_of(HOPPER), [HOPPER])).splitlines()
    assert lines[0] == "HOPPER, BF16, k = 32"
    assert "order       the sum so far and 16 products at once, 2 times" in lines
    assert any("25 bits below the largest" in line for line in lines)
    assert lines[-1].startswith("fits        HOPPER: all of ")
    plain = probed(box_of(HOPPER), [HOPPER]).as_dict()
    assert (plain["group"], plain["fraction_bits"], plain["fits"]) == (16, 25, ["HOPPER"])


@pytest.mark.parametrize(
    ("product", "fmt", "error", "match"),
    [
        (None, BF16, TypeError, "product must be callable, got None"),
        (np.matmul, "BF16", TypeError, "fmt must be an element format or a block format"),
        (
            lambda a, b: numpys(a, b) + 1,
            BINARY32,
            ValueError,
            "must give 1 .* in BINARY32, got 2",
        ),
        (lambda a, b: a, BINARY32, ValueError, "it is no product"),
        (np.add, BINARY32, ValueError, "could not be broadcast|operands"),
    ],
)
def test_what_is_no_product_is_refused(product, fmt, error, match):
    with pytest.raises(error, match=match):
        probe(product, fmt, length=8, shape=(2, 3))


def test_a_length_must_be_one():
    with pytest.raises(ValueError, match="length must be an int of at least 3, got 2"):
        probe(np.matmul, BINARY32, length=2)


def test_presets_that_compute_the_same_are_named_together():
    assert set(probed(box_of(BLACKWELL_FP8), [BLACKWELL_FP8, BLACKWELL_MX, HOPPER_FP8]).fits) == {
        "BLACKWELL_FP8", "BLACKWELL_MX",
    }  # fmt: skip
