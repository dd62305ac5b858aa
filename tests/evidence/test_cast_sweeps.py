"""Sweeps of casts: they agree where they turn, wrong ones are found, certificates are of them."""

import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from msdnum import spec
from msdnum.emulator.codes import storage_dtype
from msdnum.evidence import cast_sweeps, sweeps
from msdnum.evidence.sweeps import Event, certificate, run
from msdnum.formats.elements import BINARY32, E2M1, E4M3, E5M2
from msdnum.formats.modes import Overflow
from tests.support.paths import ROOT
from tests.support.sweeps import BLOCK, SIZE, SQUARES, InSubmit

CERTIFICATES = ROOT / "certificates"


@pytest.fixture(scope="module")
def expected():
    return certificate(SQUARES, run(SQUARES, InSubmit(), chunk=SIZE))


WINDOWS = [0, 0x3F7F8000, 0x43DF8000, 0x7F7F8000, 0x7FFF8000, 0xC0C00000, 0xFF7F8000]


@pytest.mark.parametrize("fmt", cast_sweeps.CASTS.values(), ids=cast_sweeps.CASTS)
@pytest.mark.parametrize("start", WINDOWS, ids=hex)
def test_casts_agree_where_they_turn(fmt, start):
    sweep = cast_sweeps.cast_sweep(fmt)
    outcome = sweep.judge(np.arange(start, start + (1 << 16)))
    assert set(outcome.mismatches) == {"JAX jit and NumPy", "ml_dtypes and NumPy"}
    assert not any(mask.any() for mask in outcome.mismatches.values())
    patterns = np.arange(start, start + (1 << 16)).astype(np.uint32)
    expected = {} if fmt.nan_code is not None else {"NaN and ml_dtypes": _is_nan(patterns)}
    assert outcome.left_out.keys() == expected.keys()
    for reason, mask in expected.items():
        assert np.array_equal(outcome.left_out[reason], mask)


def _is_nan(patterns):
    return (patterns & 0x7FFFFFFF) > 0x7F800000


@pytest.mark.parametrize("fmt", cast_sweeps.CASTS.values(), ids=cast_sweeps.CASTS)
def test_digest_is_of_the_codes(fmt):
    sweep = cast_sweeps.cast_sweep(fmt)
    inputs = np.arange(0x40000000, 0x48000000, 0x123457)
    patterns = inputs.astype(np.uint32)
    overflow = Overflow.SATURATE if fmt.nan_code is None else Overflow.OVERFLOW
    codes = sweep.judge(inputs).output
    values = [spec.decode(pattern, BINARY32) for pattern in patterns.tolist()]
    assert codes.tolist() == [spec.encode(v, fmt, overflow=overflow) for v in values]
    assert codes.dtype == storage_dtype(fmt)


@pytest.mark.parametrize("name", ["_numpy_codes", "_ml_dtypes_codes", "_jitted"])
@pytest.mark.parametrize("fmt", [E2M1, E4M3])
def test_a_wrong_cast_is_found_with_its_witness(monkeypatch, name, fmt):
    at = 0x3F800000 + 12345
    right = getattr(cast_sweeps, name)
    wrong = _wrong_jit(right, at) if name == "_jitted" else _wrong(right, at)
    monkeypatch.setattr(cast_sweeps, name, wrong)
    sweep = cast_sweeps.cast_sweep(fmt)
    findings = sweeps._judge_chunk(sweep.judge, BLOCK, 0x3F800000, 0x3F800000 + (1 << 15))
    touched = {
        "_numpy_codes": {"JAX jit and NumPy", "ml_dtypes and NumPy"},
        "_ml_dtypes_codes": {"ml_dtypes and NumPy"},
        "_jitted": {"JAX jit and NumPy"},
    }[name]
    for kind, event in findings.mismatches.items():
        assert event == (Event(1, at) if kind in touched else Event(0, None))
    assert findings.failures == len(touched)


def _wrong(function, at):
    def cast(x, *args):
        return function(x, *args) ^ (x.view(np.uint32) == at)

    return cast


def _wrong_jit(function, at):
    return lambda *args: _wrong(lambda x: np.asarray(function(*args)(x)), at)


def test_a_wrong_nan_is_found(monkeypatch):
    right = cast_sweeps._ml_dtypes_codes
    wrong = lambda x, fmt: np.where(x.view(np.uint32) == 0x7FC00005, 0x7C, right(x, fmt))  # noqa: E731
    monkeypatch.setattr(cast_sweeps, "_ml_dtypes_codes", wrong)
    sweep = cast_sweeps.cast_sweep(E5M2)
    findings = sweeps._judge_chunk(sweep.judge, BLOCK, 0x7FC00000, 0x7FC00000 + BLOCK)
    assert findings.mismatches["ml_dtypes and NumPy"] == Event(1, 0x7FC00005)
    assert findings.mismatches["JAX jit and NumPy"] == Event(0, None)


@pytest.mark.parametrize("name", cast_sweeps.CASTS)
def test_committed_certificates(name):
    document = json.loads((CERTIFICATES / f"cast-{name}.json").read_text())
    assert document["count"] == 1 << 32
    assert document["mismatches"] == 0
    identity = cast_sweeps.cast_sweep(cast_sweeps.CASTS[name]).identity()
    for key in identity.keys() - {"versions"}:
        assert document[key] == identity[key]
    nan = {"NaN and ml_dtypes": {"count": 2 * (2**23 - 1), "first": "0x7f800001"}}
    assert document["left_out"] == ({} if cast_sweeps.CASTS[name].nan_code is not None else nan)


@pytest.mark.long
def test_sweep_says_what_is_committed():
    sweep = cast_sweeps.cast_sweep(E2M1)
    with ProcessPoolExecutor(None, get_context("spawn")) as processes:
        text = certificate(sweep, run(sweep, processes))
    computed, committed = (
        json.loads(text),
        json.loads((CERTIFICATES / "cast-E2M1.json").read_text()),
    )
    assert computed["digest"] == committed["digest"]
    if computed["versions"] == committed["versions"]:
        assert text == (CERTIFICATES / "cast-E2M1.json").read_text()
