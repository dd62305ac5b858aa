"""Reports on units: equal where an adapter is the emulator, and the first difference where not."""

import pytest

from msdnum.conformance.adapter import AdapterError
from msdnum.conformance.unit_reports import agreements, units_document

OFF = """
import numpy as np
from msdnum.conformance.adapters import emulator

PACKAGES = ("numpy",)

def inner_products(codes_a, codes_b, c, **names):
    if names["accumulator"] != "VOLTA":
        raise NotImplementedError
    found = emulator.inner_products(codes_a, codes_b, c, **names).copy()
    found[-1] = CHANGED
    return found
"""


def adapter(tmp_path, changed):
    path = tmp_path / "mine.py"
    path.write_text(OFF.replace("CHANGED", changed))
    return str(path)


def test_the_emulator_agrees_with_itself():
    found = list(agreements("emulator", 32, only=["CDNA2", "AMPERE_TF32", "VOLTA*", "*_MXFP4"]))
    assert len({x.setting.unit for x in found}) == 5
    assert all(x.equal == x.dots >= 16 and x.first is None for x in found)
    assert all(x.specified == x.of_specified == 32 for x in found)


@pytest.mark.parametrize(
    "changed", ["1e30", "-found[-1]", "np.nextafter(found[-1], np.float32(9))"]
)
def test_a_difference_is_counted_and_shown(tmp_path, changed):
    (found,) = agreements(adapter(tmp_path, changed), 64, only=["VOLTA", "HOPPER"])
    assert (found.dots, found.setting.unit) == (72, "VOLTA")
    assert found.equal < found.dots
    assert "k = 4, c = " in found.first
    text = units_document(adapter(tmp_path, changed), [found], 64, 0)
    assert f"| VOLTA | FP16 | 72 | {found.equal} | 32 of 32 |" in text
    assert "- VOLTA, FP16: " in text


def test_the_sign_of_a_zero_counts(tmp_path):
    negative = "-0.0 if found[-1] == 0 else found[-1]"
    (found,) = agreements(adapter(tmp_path, negative), 640, only=["VOLTA"])
    assert found.equal < found.dots
    assert "0x00000000 here, 0x80000000 there" in found.first


def test_nan_is_nan_whatever_its_bits(tmp_path):
    nan = "np.uint32(0x7FFFFFFF).view(np.float32) if np.isnan(found[-1]) else found[-1]"
    (found,) = agreements(adapter(tmp_path, nan), 640, only=["VOLTA"])
    assert found.equal == found.dots


def test_what_is_no_answer_is_refused(tmp_path):
    with pytest.raises(ValueError, match="inner_products must give 2 values of float32, got"):
        list(agreements(adapter(tmp_path, "0\n    return found[:1]"), 64, only=["VOLTA"]))
    with pytest.raises(
        AdapterError, match=r"the adapter itself fails .* on VOLTA, FP16: NameError"
    ):
        list(agreements(adapter(tmp_path, "nobody"), 64, only=["VOLTA"]))
    with pytest.raises(ValueError, match="adapter ml_dtypes must have inner_products"):
        list(agreements("ml_dtypes", 64))
    with pytest.raises(ValueError, match="only must match the name of a unit, got HOPER"):
        list(agreements("emulator", 64, only=["HOPER"]))


def test_an_adapter_that_has_no_unit_has_no_row(tmp_path):
    path = tmp_path / "mine.py"
    text = "import numpy\nPACKAGES = ('numpy',)\n\n\ndef inner_products(*args, **names):\n"
    path.write_text(text + "    raise NotImplementedError\n")
    assert list(agreements(str(path), 64)) == []
