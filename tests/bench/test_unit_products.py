"""Products by every unit: which there are, of which formats, and that one runs."""

import numpy as np

from msdnum.bench import unit_products
from msdnum.bench.unit_products import TIMED_UNITS, operand_format, unit_calls
from msdnum.formats.accumulators import ALL_ACCUMULATORS, HOPPER, INSTRUCTIONS


def test_all_units_of_hardware_are_there_but_those_of_binary64():
    missing = {*ALL_ACCUMULATORS, *INSTRUCTIONS} - set(TIMED_UNITS)
    assert missing == {
        "EXACT", "INT32_REFUSE", "INT32_SATURATE", "INT32_WRAP", "SEQUENTIAL", "PAIRWISE",
        "BLOCKS_32_EXACT", "BLOCKS_32_SEQUENTIAL", "CDNA1_BF16", "CDNA1_FP16",
    }  # fmt: skip


def test_operands_have_a_format_of_the_unit():
    found = {name: operand_format(unit).name for name, unit in TIMED_UNITS.items()}
    some = ("VOLTA", "HOPPER", "CDNA3_FP8", "BLACKWELL_MX", "BLACKWELL_MXFP4", "HOPPER_TF32",
            "BLOCKS_128_HOPPER_FP8", "SEQUENTIAL_FMA")  # fmt: skip
    assert [found[name] for name in some] == [
        "FP16", "BF16", "E4M3", "MXFP8_E4M3", "MXFP4", "TF32", "E4M3", "BF16",
    ]  # fmt: skip


def test_a_product_is_done_when_it_is_called(monkeypatch):
    monkeypatch.setattr(unit_products, "TIMED_UNITS", {"HOPPER": HOPPER})
    (call,) = unit_calls(8).values()
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((8, 8), np.float32) for _ in "ab")
    assert np.abs(np.asarray(call()) - a @ b).max() < 0.1
