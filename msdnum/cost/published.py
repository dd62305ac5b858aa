"""Measurements that others published, beside what the model says under each assumption.

The model has peak rates, so its times are the least that a kernel can take; published kernels take
between once and twice that (the square products below: 1.15 to 1.9 times). A prediction is refuted
where a measurement is further from it than that allows, and stands otherwise, which is no proof.
Numbers are as their authors report them; what they do not state is said.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, unique
from fractions import Fraction
from functools import partial

from msdnum._registry import Registry
from msdnum.cost.latency import PIPELINED, UNPIPELINED, Scenario
from msdnum.cost.machines import ASCEND_910B2, ASCEND_910B4, H100, Machine, Route, Unit
from msdnum.cost.sensitivity import pays
from msdnum.cost.work import Dequantize, MultiScale, Reads, StoredOperand, VectorWork, operand
from msdnum.cost.workloads import Gemm, Rational
from msdnum.display import html
from msdnum.formats.blocks import MXFP8_E4M3
from msdnum.formats.elements import BF16, INT4, INT8

__all__ = ["MEASUREMENTS", "Kind", "Measurement", "Prediction", "Standing", "waiting_of_products"]

REACH = 2
"""A kernel takes at most so many times the time at peak rates."""


@unique
class Kind(Enum):
    """What was measured, and so what refutes a prediction of it."""

    TIME = "microseconds of one kernel: not below the prediction, not above twice of it"
    RATIO = "one kernel's time over another's: within a factor of two of the prediction"
    WHOLE = "a whole model's time over another's: its products must gain at least as much"
    RATE = "operations a second, in 10^12: a peak is not below them, not above twice of them"
    ROWS = "rows up to which a kernel is taken: within a factor of two of the prediction"


@unique
class Standing(Enum):
    """What a measurement says of a prediction."""

    STANDS = "stands"
    REFUTED = "refuted"


@dataclass(frozen=True)
class Prediction(html.Shown):
    """What the model says under an assumption.

    Parameters
    ----------
    assumption : str
        Under which the number follows.
    value : Fraction, int or None
        The number, in the unit of the measurement; None is without end.
    """

    assumption: str
    value: Rational | None


@dataclass(frozen=True)
class Measurement(html.Shown):
    """Numbers that others measured, as they report them.

    Parameters
    ----------
    name : str
        Name in tables.
    source : str
        Where they are published.
    machine, shape : str
        As far as the source states them.
    kind : Kind
        What the numbers are.
    low, high : Fraction or int
        Smallest and largest.
    not_stated : str
        What it would take to compare closely.
    predict : callable
        Yields what the model says; nothing where it has no such machine or kernel.

    Raises
    ------
    ValueError
        If ``low`` is not positive or above ``high``.
    """

    name: str
    source: str
    machine: str
    shape: str
    kind: Kind
    low: Rational
    high: Rational
    not_stated: str
    predict: Callable[[], Iterator[Prediction]]

    def __post_init__(self) -> None:
        """Refuse a range that is none."""
        if not 0 < self.low <= self.high:
            raise ValueError(f"low must be positive and at most high, got {self.low}, {self.high}")

    def standing(self, prediction: Prediction) -> Standing:
        """Return whether the measurement leaves the prediction standing."""
        value = prediction.value
        if value is None:
            return Standing.REFUTED
        if self.kind is Kind.WHOLE:
            stands = value >= self.low
        elif self.kind is Kind.RATE:
            stands = self.low <= value <= self.high * REACH
        elif self.kind is Kind.TIME:
            stands = self.low / REACH <= value <= self.high
        else:
            stands = self.low / REACH <= value <= self.high * REACH
        return Standing.STANDS if stands else Standing.REFUTED


GROUP = 128
FOUR_BITS = StoredOperand(4 + Fraction(16, GROUP), Unit.INT4)
"""INT4 with a scale of 16 bits for each group of weights."""
NATIVE = Dequantize(operand(BF16), Route.ON_CHIP, work=VectorWork(0, 0, 0, 0))
"""A product of 16-bit weights, which need no lifting."""
LIFTED = {
    Route.HBM: "lifted weights through HBM",
    Route.CACHE: "lifted weights through the L2 cache",
    Route.ON_CHIP: "lifted weights stay on chip",
}
FILLS = {PIPELINED: "pipelined", UNPIPELINED: "one after another"}


def _gains(machine: Machine, gemm: Gemm, weight: StoredOperand) -> Iterator[Prediction]:
    """Yield the native product's time over that with lifted weights, by route and pipelining."""
    for route, words in LIFTED.items():
        if route is Route.CACHE and machine.cache is None:
            continue
        for fill, how in FILLS.items():
            pair = (Scenario(machine, gemm, m, fill) for m in (NATIVE, Dequantize(weight, route)))
            native, lifted = (scenario.latency for scenario in pair)
            yield Prediction(f"{machine.name}: {words}, {how}", native / lifted)


def _of_bits(weight: StoredOperand) -> Iterator[Prediction]:
    """Yield the ratio of the bits of HBM alone, whatever machine it is."""
    for route in (Route.HBM, Route.ON_CHIP):
        bits = Dequantize(weight, route).weight_bits
        gain = Fraction(NATIVE.weight_bits) / Fraction(bits)
        yield Prediction(f"any machine bound by HBM: {LIFTED[route]}", gain)


# Three digits of four bits, a scale for each group of 128 weights

DIGITS = (
    (Route.HBM, Reads.PER_PASS, "sums through HBM, weights read for each digit"),
    (Route.HBM, Reads.ONCE, "sums through HBM, weights read once"),
    (Route.CACHE, Reads.CACHED, "sums and further reads through the L2 cache"),
    (Route.ON_CHIP, Reads.ONCE, "everything on chip, weights read once"),
)
SCALES = {False: "a scale a column", True: f"a scale for {GROUP} weights"}


def _digits(gemm: Gemm, route: Route, reads: Reads, grouped: bool) -> MultiScale:
    sums = Fraction(gemm.k, GROUP) if grouped else 1
    return MultiScale(FOUR_BITS, operand(INT4), 3, reads, route, sums=sums)


def _digit_times(gemm: Gemm, waiting: Rational) -> Iterator[Prediction]:
    for machine in (ASCEND_910B2, ASCEND_910B4):
        for route, reads, words in DIGITS:
            if route is Route.CACHE and machine.cache is None:
                continue
            plan = _digits(gemm, route, reads, grouped=True)
            for more, waits in ((Fraction(0), ""), (Fraction(waiting), ", and waiting")):
                scenario = Scenario(machine, gemm, plan, waiting=more)
                yield Prediction(f"{machine.name}: {words}{waits}", scenario.latency * 10**6)


def _digit_rows(machine: Machine, layer: Gemm) -> Iterator[Prediction]:
    """Yield up to how many rows the digits are faster than lifting on the same route."""
    for route, reads, words in DIGITS:
        if route is Route.CACHE and machine.cache is None:
            continue
        lifting = Scenario(machine, layer, Dequantize(FOUR_BITS, route))
        for grouped, scales in SCALES.items():
            digits = Scenario(machine, layer, _digits(layer, route, reads, grouped))
            first, *_ = pays(lifting, digits, "workload.m")
            yield Prediction(f"{machine.name}: {words}, {scales}", first.stop)


# Square products

SQUARES = ((1536, "38.8"), (3072, "206.7"), (6144, "1506"), (7680, "3168"))
"""Rows and measured microseconds, 24 cores of an Atlas A3 in FP16."""


def _square(size: int) -> Fraction:
    return Scenario(ASCEND_910B2, Gemm(size, size, size), NATIVE).latency


def waiting_of_products() -> Fraction:
    """Return the seconds that no tile hides: where the line through the two smallest squares ends.

    Measured times of the first two sizes over their times at peak rates, as a line: it has a slope,
    what the kernel reaches of the peak, and this intercept.
    """
    (small, first), (large, second) = SQUARES[:2]
    x, y = _square(small), _square(large)
    measured = Fraction(first) / 10**6, Fraction(second) / 10**6
    slope = (measured[1] - measured[0]) / (y - x)
    return measured[0] - slope * x


def _square_times(size: int) -> Iterator[Prediction]:
    yield Prediction("Ascend 910B2: peak rates, pipelined", _square(size) * 10**6)
    waiting = waiting_of_products()
    yield Prediction("Ascend 910B2: the same, and waiting", (_square(size) + waiting) * 10**6)


def _rates(ratio: Fraction, words: str) -> Iterator[Prediction]:
    yield Prediction(words, ratio)


def _nothing() -> Iterator[Prediction]:
    return iter(())


DECODE = Gemm(16, 8192, 1024)
LAYER = Gemm(1, 4096, 4096)
DIGIT_LAYER = Gemm(1, 8192, 12288)
MXFP8_GAIN = Fraction(NATIVE.weight_bits) / Fraction(operand(MXFP8_E4M3).bits)
BF16_PEAK = Fraction(ASCEND_910B2.peak("bf16")) / 10**12
FP8_GAIN = H100.peak("fp8") / H100.peak("bf16")


def _gain(name: str, source: str, machine: str, shape: str, kind: Kind, low: str, high: str,
          not_stated: str, predict: Callable[[], Iterator[Prediction]]) -> Measurement:  # fmt: skip
    return Measurement(
        name, source, machine, shape, kind, Fraction(low), Fraction(high), not_stated, predict
    )


_OPS_NN = "Huawei ops-nn, experimental weight_quant_batch_matmul, README"
_PTO = "pto-isa, README, GEMM"

MEASUREMENTS: Registry[Measurement] = Registry("MEASUREMENTS", {
    each.name: each
    for each in (
        _gain(
            "W4A16 beside FP16, best", "He et al., arXiv:2601.16536, abstract",
            "Ascend 910", "decode shapes, K >> N", Kind.RATIO, "1.48", "1.48",
            "model of the 910, sizes; here 16 x 8192 x 1024",
            lambda: _gains(ASCEND_910B2, DECODE, FOUR_BITS),
        ),
        _gain(
            "W8A16 beside BF16, tokens", "vllm-ascend 4541", "Ascend, two of them",
            "concurrency 10, 2048/2048 and 3500/1024 tokens", Kind.WHOLE, "1.155", "1.161",
            "model of the Ascend and of the network; here 10 x 5120 x 5120",
            lambda: _gains(ASCEND_910B2, Gemm(10, 5120, 5120), operand(INT8)),
        ),
        _gain(
            "W8A8 beside FP16, tokens", "vllm-ascend 1015, 2514, 3875", "Ascend 910B3",
            "QwQ-32B, Qwen3-32B", Kind.WHOLE, "1", "1", "batch, lengths",
            lambda: _rates(Fraction(2), "any machine bound by HBM: half the bits of a weight"),
        ),
        _gain(
            "three digits, group 128", _OPS_NN, "Atlas A2", "1 x 8192 x 12288", Kind.TIME,
            "303", "396", "which of the A2; 303 with weights loaded ahead",
            lambda: _digit_times(DIGIT_LAYER, waiting_of_products()),
        ),
        _gain(
            "rows for which CANN takes digits", "CANN manual, dispatch of the 910B4",
            "Ascend 910B4", "A16W4 by group", Kind.ROWS, "16", "16",
            "why 16, which may be accuracy, too; here k = n = 4096, group 128",
            lambda: _digit_rows(ASCEND_910B4, LAYER),
        ),
        *(
            _gain(
                f"FP16, {size} cubed", _PTO, "A3, 24 cores", f"{size} cubed", Kind.TIME,
                time, time, "clock; here that of a 910B2", partial(_square_times, size),
            )
            for size, time in SQUARES
        ),
        _gain(
            "BF16 products, rate reached", "limulidae (GitHub)", "910B", "", Kind.RATE,
            "328", "328", "which of the 910B, sizes",
            lambda: _rates(BF16_PEAK, "Ascend 910B2: peak of the matrix unit"),
        ),
        _gain(
            "MXFP8 beside BF16, throughput", "sglang 22352", "Ascend 950", "Qwen3-8B", Kind.WHOLE,
            "1.195", "1.195", "which of the 950, batch, lengths",
            lambda: _rates(MXFP8_GAIN, "any machine bound by HBM: the bits of a weight"),
        ),
        _gain(
            "W4A16 beside BF16, batch 1 to 4", "vllm 44529", "RTX PRO 6000", "", Kind.WHOLE,
            "2.58", "2.96", "network, lengths", lambda: _of_bits(FOUR_BITS),
        ),
        _gain(
            "FP8 beside FP16, throughput", "TensorRT-LLM 2300", "H800", "", Kind.WHOLE,
            "1.687", "1.687", "network, batch; W4A8 had 0.913",
            lambda: _rates(FP8_GAIN, "H100 SXM: bound by the matrix unit"),
        ),
        _gain(
            "W4A16 beside BF16, experts, 1 token", "flashinfer 5179", "", "mixture of experts",
            Kind.RATIO, "1.175", "1.175", "machine, sizes; 0.047 ms over 0.040 ms",
            lambda: _of_bits(FOUR_BITS),
        ),
        _gain(
            "W4A4 beside BF16, experts, 16 tokens", "flashinfer 5179", "", "mixture of experts",
            Kind.RATIO, "1.714", "1.714", "machine, sizes; 0.168 ms over 0.098 ms",
            lambda: _rates(Fraction(4), "FP4 at four times the rate of BF16, bound by it"),
        ),
        _gain(
            "W4A16 beside FP16, up to batch 16 to 32", "Marlin, README", "", "", Kind.RATIO,
            "4", "4", "how close to 4, as \"close to ideal\" is; machine",
            lambda: _of_bits(FOUR_BITS),
        ),
        _gain(
            "W4A16 beside FP16, compute-bound", "Machete, README", "", "", Kind.RATIO,
            "1", "1", "sizes; \"equals FP16\"",
            lambda: _rates(Fraction(1), "any machine bound by its matrix unit: lifting on chip"),
        ),
        _gain(
            "split over K beside none", "He et al., arXiv:2601.16536, abstract", "Ascend 910",
            "K >> N", Kind.RATIO, "1.01", "1.74", "sizes; the model does not split", _nothing,
        ),
        _gain(
            "W4A4 beside 16 bits", "APEX4, arXiv:2606.08761, abstract", "A100; RTX 3090",
            "group 128", Kind.RATIO, "0.43", "2.5", "sizes; 0.43 to 0.47 and 2.0 to 2.5", _nothing,
        ),
        _gain(
            "W4A8 beside other kernels", "LiquidGEMM, arXiv:2509.01229", "", "", Kind.RATIO,
            "1.12", "2.90", "beside what the model has no kernel of", _nothing,
        ),
    )
})  # fmt: skip
"""By name. The last three have no machine or no kernel here."""
