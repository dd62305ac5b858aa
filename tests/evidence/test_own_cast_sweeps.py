"""Sweeps of casts of the user's: every fault is found, by exponent, and none in what is right."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from msdnum.evidence import sweeps
from msdnum.evidence.own_cast_sweeps import Gives, OwnCastJudge, own_cast_sweep, witnesses
from msdnum.evidence.own_casts import CastError, cast_of
from msdnum.formats.elements import E2M1, E4M3, FP16
from msdnum.formats.modes import Overflow, Rounding
from tests.support.own_casts import write_python

MODES = (Rounding.RNE, Overflow.SATURATE)


@pytest.fixture
def judge(tmp_path):
    path = write_python(tmp_path)

    def make(name, fmt=E2M1, gives=Gives.CODES):
        return OwnCastJudge(cast_of(f"{path}:{name}"), fmt, *MODES, gives)

    return make


def around(bits, count=1 << 12):
    return np.arange(bits - count, bits + count, dtype=np.int64)


EDGES = [0x3E800000, 0xBFA00000, 0x40A00000, 0x7F800000, 0x00800000, 0x80800000]


@pytest.mark.parametrize("bits", EDGES)
@pytest.mark.parametrize(("name", "gives"), [("even", Gives.CODES), ("values", Gives.VALUES)])
def test_nothing_is_found_in_what_is_right(judge, name, gives, bits):
    outcome = judge(name, gives=gives)(around(bits))
    assert outcome.mismatches == {}
    nan = outcome.left_out.get("no answer in the specification")
    assert (nan is not None) == (bits == 0x7F800000)


def test_ties_that_go_up_are_found_by_sign_and_exponent(judge):
    found = judge("up")(around(0x3E800000)).mismatches
    assert {name: mask.sum() for name, mask in found.items()} == {"+2^-2": 1}
    found = judge("up")(around(0xBFA00000)).mismatches
    assert {name: mask.sum() for name, mask in found.items()} == {"-2^0": 1}
    assert judge("up")(around(0x3F400000)).mismatches == {}  # 3/4 goes up to an even code, too


def test_any_nan_is_as_good_as_another(tmp_path):
    path = tmp_path / "nan.py"
    path.write_text(
        "import numpy as np, ml_dtypes\n"
        "def cast(x): return x.astype(ml_dtypes.float8_e4m3fn).view('uint8')\n"
        "def other(x): return np.where(np.isnan(x), 0xFF, cast(x)).astype('uint8')\n"
        "def wrong(x): return np.where(np.isnan(x), 0x7E, cast(x)).astype('uint8')\n"
    )
    inputs = around(0x7F800000)
    for name, count in (("cast", 0), ("other", 0), ("wrong", (1 << 12) - 1)):
        modes = Rounding.RNE, Overflow.OVERFLOW, Gives.CODES
        found = OwnCastJudge(cast_of(f"{path}:{name}"), E4M3, *modes)(inputs).mismatches
        assert sum(mask.sum() for mask in found.values()) == count
        assert set(found) <= {"+Inf or NaN"}


def test_a_result_of_another_shape_is_an_error(judge):
    with pytest.raises(CastError, match="cast must return 8192 results for 8192, got"):
        judge("short")(around(0x3F800000))


def test_a_code_that_is_none_differs(judge, tmp_path):
    path = tmp_path / "wide.py"
    path.write_text("def f(x): return x.view('uint32') % 2 * 300")
    one = OwnCastJudge(cast_of(f"{path}:f"), E2M1, *MODES, Gives.CODES)
    (mask,) = one(np.array([1, 2])).mismatches.values()
    assert mask.tolist() == [True, False]


def test_a_judge_travels_without_what_it_has_made(judge):
    one = judge("even")
    one(around(0x3F800000))
    assert len(pickle.dumps(one)) < 2000
    assert pickle.loads(pickle.dumps(one)) == one


def test_a_sweep_counts_and_has_witnesses(tmp_path):
    cast = cast_of(f"{write_python(tmp_path)}:up")
    sweep = own_cast_sweep(cast, E2M1, size=0x3E900000)
    judged = {"chunk": 1 << 24, "state": tmp_path / "state"}
    late = sweeps.Sweep(**{**vars(sweep), "judge": Late(sweep.judge)})
    with ThreadPoolExecutor(1) as executor:
        findings = sweeps.run(late, executor, **judged)
    assert findings.failures == 1
    (found,) = witnesses(sweep, findings)
    assert found == (
        "+2^-2", 1, "x 0x3e800000 (1/4): expected 0x0 (0), got 0x1 (1/2)"
    )  # fmt: skip
    text = sweeps.certificate(sweep, findings)
    assert '"sha256 of the cast"' in text
    assert '"+2^-2"' in text


class Late:
    """Judges the last binades only, so that a test is quick."""

    def __init__(self, judge):
        self.judge = judge

    def __call__(self, inputs):
        if inputs[0] < 0x3E000000:
            return sweeps.Outcome(np.zeros(inputs.size, np.uint8), {})
        return self.judge(inputs)


def test_the_specification_of_a_wide_format_is_asked_for_its_modes(tmp_path):
    cast = cast_of(f"{write_python(tmp_path)}:even")
    with pytest.raises(ValueError, match="overflow must be SATURATE for E2M1, got OVERFLOW"):
        own_cast_sweep(cast, E2M1, overflow=Overflow.OVERFLOW)
    with pytest.raises(ValueError, match="rounding must be a direction, got STOCHASTIC"):
        own_cast_sweep(cast, FP16, rounding=Rounding.STOCHASTIC)
