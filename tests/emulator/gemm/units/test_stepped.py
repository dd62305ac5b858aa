"""Units given by their step in fractions: products, bounds or none, and what a step must return."""

from dataclasses import dataclass
from fractions import Fraction

import jax
import numpy as np
import pytest

from msdnum import spec
from msdnum.emulator.gemm.products import matmul
from msdnum.evidence.probing import probed
from msdnum.formats.accumulators import CDNA1_FP16, Blocks
from msdnum.formats.elements import FP16
from msdnum.formats.own_units import StepUnit
from msdnum.spec.accumulators import factor, inner_product
from tests.support.probes import box_of


@dataclass(frozen=True)
class Exactly(StepUnit):
    """Four products are added exactly, then rounded: CDNA1's rule, written by a user."""

    name: str = "EXACTLY"
    group: int = 4

    def step(self, c, a, b):
        total = c + sum(x * y for x, y in zip(a, b, strict=True))
        return spec.number(spec.fl32(total))


@dataclass(frozen=True)
class Careless(Exactly):
    def step(self, c, a, b):
        return c + Fraction(1, 3)


RNG = np.random.default_rng(3)
A, B = (np.ldexp(RNG.uniform(-2, 2, (3, 10)), RNG.integers(-8, 8, (3, 10))).astype(np.float16)
        for _ in range(2))  # fmt: skip


def test_a_unit_of_ones_own_computes_its_step():
    found = matmul(A, B.T.copy(), accumulator=Exactly())
    np.testing.assert_array_equal(found, matmul(A, B.T.copy(), accumulator=CDNA1_FP16))
    c = RNG.standard_normal((3, 3)).astype(np.float32)
    started = matmul(A, B.T.copy(), c=c, accumulator=Exactly())
    left, right = ([[factor(Fraction(float(v)), FP16) for v in row] for row in x] for x in (A, B))
    for i, j in np.ndindex(c.shape):
        exact = inner_product(left[i], right[j], Exactly(), Fraction(float(c[i, j])))
        assert Fraction(float(started[i, j])) == exact


@pytest.mark.parametrize("run", [jax.jit, lambda f: f], ids=["jitted", "eager"])
def test_jax_calls_the_step_back(run):
    product = run(lambda a, b: matmul(a, b, accumulator=Exactly()))
    found = product(jax.numpy.asarray(A), jax.numpy.asarray(B.T.copy()))
    np.testing.assert_array_equal(found, matmul(A, B.T.copy(), accumulator=Exactly()))


def test_blocks_hold_it_and_a_probe_sees_what_it_is():
    blocks = Blocks(8, Exactly())
    found = matmul(A, B.T.copy(), accumulator=blocks)
    first, second = (
        matmul(A[:, k], B.T[k].copy(), accumulator=Exactly()) for k in (slice(8), slice(8, 10))
    )
    np.testing.assert_array_equal(found, first + second)
    assert probed(box_of(Exactly(), FP16, 10), [CDNA1_FP16]).fits == ("CDNA1_FP16",)


def test_infinities_and_nan_are_those_of_the_sum():
    a = A.copy()
    a[0, 3] = np.inf
    found = matmul(a, np.abs(B.T), accumulator=Exactly())
    assert np.isinf(found[0]).all()
    assert np.isfinite(found[1:]).all()


def test_a_step_that_returns_no_number_of_the_output_is_refused():
    with pytest.raises(ValueError, match="step of EXACTLY must return a number of BINARY32, got"):
        matmul(A, B.T.copy(), accumulator=Careless())


def test_a_class_without_a_step_cannot_be_one():
    with pytest.raises(TypeError, match="abstract"):
        StepUnit()
