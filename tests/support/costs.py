"""Helpers of the tests of costs."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import strategies as st

from msdnum.cost.latency import PIPELINED, UNPIPELINED, Efficiency, Scenario
from msdnum.cost.machines import ASCEND_910B2, B300, H100, Machine, Quantity, Route
from msdnum.cost.work import Dequantize, MultiScale, Reads, VectorWork, operand
from msdnum.cost.workloads import Attention, Gemm
from msdnum.formats.blocks import MXFP4
from msdnum.formats.elements import INT8

EIGHT, FOUR = operand(INT8), operand(MXFP4)


HBM, CACHE, ON_CHIP = Route.HBM, Route.CACHE, Route.ON_CHIP


def quantity(number):
    return Quantity(Fraction(number), "made up")


TOY = Machine(
    "toy", HBM, "made up",
    bandwidth=quantity(100), vector=quantity(10), bf16=quantity(1000), fp8=quantity(2000),
    fp6=None, fp4=quantity(4000), int8=quantity(2000), int4=quantity(0), cache=quantity(300),
)  # fmt: skip


CACHED = [
    TOY, ASCEND_910B2, *(replace(machine, cache=quantity(5 * 10**12)) for machine in (H100, B300)),
]  # fmt: skip
"""Machines whose cache has a rate, two of them a made up one."""


SMALL = Gemm(2, 4, 8)


BASELINE = Scenario(TOY, SMALL, Dequantize(EIGHT, HBM))


MSD = Scenario(TOY, SMALL, MultiScale(EIGHT, EIGHT))


sizes = st.integers(1, 10**5)


shares = st.fractions(0, 1, max_denominator=50).filter(bool)


works = st.builds(VectorWork, *[st.fractions(0, 9, max_denominator=4)] * 4)


workloads = st.one_of(
    st.builds(Gemm, sizes, sizes, sizes, st.integers(1, 9)),
    st.builds(Attention, sizes, sizes, st.integers(1, 9), st.integers(1, 9), st.integers(1, 99)),
)


baselines = st.builds(
    Dequantize, st.sampled_from([EIGHT, FOUR]), st.sampled_from(Route), work=works
)


multiscales = st.builds(
    MultiScale,
    st.just(EIGHT),
    st.just(EIGHT),
    st.integers(1, 6),
    st.sampled_from(Reads),
    st.sampled_from(Route),
    works,
    st.one_of(st.just(1), st.fractions(0, 99, max_denominator=3)),
)


scenarios = st.builds(
    Scenario,
    st.sampled_from(CACHED),
    workloads,
    st.one_of(baselines, multiscales),
    st.one_of(st.sampled_from([PIPELINED, UNPIPELINED]), shares),
    st.builds(Efficiency, shares, shares, shares, shares),
    st.one_of(st.just(0), st.fractions(0, 9, max_denominator=7)),
)
