import json
import os
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from hashlib import sha256
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from msdnum import spec
from msdnum.cli import sweep
from msdnum.emulator.codes import storage_dtype
from msdnum.evidence import cast_sweeps, sweeps
from msdnum.evidence.sweeps import Event, Findings, Outcome, Sweep, Worst, certificate, run
from msdnum.formats.elements import BINARY32, E2M1, E4M3, E5M2
from msdnum.formats.modes import Overflow
from tests.support.paths import ROOT

CERTIFICATES = ROOT / "certificates"
SIZE, BLOCK = 1 << 16, 1 << 10


def judge_squares(inputs):
    squares = inputs * inputs
    return Outcome(
        squares,
        {"ends in 4321": squares % 10000 == 4321},
        {"odd": inputs % 2 == 1},
        {"distance to 40000": -np.abs(inputs - 40000.0), "constant": np.zeros(inputs.size)},
    )


SQUARES = Sweep("squares", "n", "n * n", SIZE, judge_squares, {"test": "1"}, block=BLOCK)


class InSubmit(Executor):
    """An executor that computes in submit, as a caller may write one."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


class Backwards(InSubmit):
    """An executor that computes nothing before its last chunk has been submitted."""

    def __init__(self, chunks):
        self.chunks, self.waiting = chunks, []

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        self.waiting.append((future, fn, args))
        if len(self.waiting) == self.chunks:
            for waiting, function, arguments in reversed(self.waiting):
                waiting.set_result(function(*arguments))
        return future


class Interrupted(BaseException):
    """What Ctrl-C does, without ending pytest where a test fails."""


class FailsAfter(InSubmit):
    """An executor whose workers are lost after some chunks."""

    def __init__(self, chunks, error=Interrupted):
        self.left, self.error = chunks, error

    def submit(self, fn, /, *args, **kwargs):
        if self.left == 0:
            raise self.error
        self.left -= 1
        return super().submit(fn, *args, **kwargs)


@pytest.fixture(scope="module")
def expected():
    return certificate(SQUARES, run(SQUARES, InSubmit(), chunk=SIZE))


def test_certificate_by_hand(expected):
    document = json.loads(expected)
    squares = [n * n for n in range(SIZE)]
    blocks = np.array(squares, "<i8").reshape(-1, BLOCK)
    digest = sha256(b"".join(sha256(block.tobytes()).digest() for block in blocks)).hexdigest()
    hits = [n for n, square in enumerate(squares) if square % 10000 == 4321]
    assert document == {
        "sweep": "squares",
        "inputs": "n",
        "operation": "n * n",
        "conventions": [],
        "versions": {"test": "1"},
        "count": SIZE,
        "block": BLOCK,
        "digest": digest,
        "mismatches": len(hits),
        "mismatches_by_kind": {"ends in 4321": {"count": len(hits), "first": hex(hits[0])}},
        "left_out": {"odd": {"count": SIZE // 2, "first": "0x1"}},
        "worst": {
            "distance to 40000": {"value": 0.0, "at": hex(40000)},
            "constant": {"value": 0.0, "at": "0x0"},
        },
    }


@pytest.mark.parametrize("chunk", [BLOCK, 3 * BLOCK, 7 * BLOCK, SIZE, 2 * SIZE])
def test_certificate_does_not_depend_on_the_chunk(chunk, expected):
    assert certificate(SQUARES, run(SQUARES, InSubmit(), chunk=chunk)) == expected


def test_certificate_does_not_depend_on_the_executor(expected):
    with ThreadPoolExecutor(3) as threads:
        assert certificate(SQUARES, run(SQUARES, threads, chunk=BLOCK)) == expected
    with ProcessPoolExecutor(2, get_context("spawn")) as processes:
        assert certificate(SQUARES, run(SQUARES, processes, chunk=8 * BLOCK)) == expected
    backwards = Backwards(SIZE // (4 * BLOCK))
    assert certificate(SQUARES, run(SQUARES, backwards, chunk=4 * BLOCK)) == expected


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 40)), max_size=5))
def test_certificate_does_not_depend_on_interruptions(tmp_path_factory, expected, runs):
    state = tmp_path_factory.mktemp("state")
    for survived, blocks in runs:
        try:
            run(SQUARES, FailsAfter(survived), chunk=blocks * BLOCK, state=state)
        except Interrupted:
            continue
    assert certificate(SQUARES, run(SQUARES, InSubmit(), chunk=5 * BLOCK, state=state)) == expected


def test_finished_chunks_are_not_computed_again(tmp_path):
    with pytest.raises(RuntimeError):
        run(SQUARES, FailsAfter(3, RuntimeError), chunk=BLOCK, state=tmp_path)
    assert len(list(tmp_path.glob("*/*.json"))) == 3
    steps = []
    last = FailsAfter(SIZE // BLOCK - 3)
    run(SQUARES, last, chunk=BLOCK, state=tmp_path, progress=steps.append)
    assert last.left == 0
    assert sum(steps) == SIZE
    assert set(steps) == {BLOCK}


def test_an_exception_cancels_what_has_not_begun():
    class OnlyFirst(InSubmit):
        futures = []  # noqa: RUF012

        def submit(self, fn, /, *args, **kwargs):
            self.futures.append(Future() if self.futures else super().submit(fn, *args, **kwargs))
            return self.futures[-1]

    def progress(inputs):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        run(SQUARES, OnlyFirst(), chunk=BLOCK, progress=progress)
    assert all(future.cancelled() for future in OnlyFirst.futures[1:])


def test_lost_worker_leaves_its_state(tmp_path, expected):
    dying = replace(SQUARES, judge=partial(_die_at, tmp_path / "died"))
    with pytest.raises(RuntimeError), ProcessPoolExecutor(1, get_context("spawn")) as processes:
        run(dying, processes, chunk=16 * BLOCK, state=tmp_path)
    assert 1 <= len(list(tmp_path.glob("*/*.json"))) < 4
    assert certificate(dying, run(dying, InSubmit(), chunk=BLOCK, state=tmp_path)) == expected


def _die_at(marker, inputs):
    if inputs[0] >= SIZE // 2 and not marker.exists():
        marker.touch()
        time.sleep(0.2)
        os._exit(1)
    return judge_squares(inputs)


def test_overlapping_state_is_counted_once(tmp_path, expected):
    for chunk in (3 * BLOCK, 4 * BLOCK):
        run(SQUARES, InSubmit(), chunk=chunk, state=tmp_path / str(chunk))
    merged = sweeps.state_directory(SQUARES, tmp_path / "merged")
    merged.mkdir(parents=True)
    for path in tmp_path.glob("[0-9]*/*/*.json"):
        (merged / path.name).write_bytes(path.read_bytes())
    (merged / "0-c00.json").unlink()
    findings = run(SQUARES, InSubmit(), chunk=BLOCK, state=tmp_path / "merged")
    assert certificate(SQUARES, findings) == expected


def test_state_of_another_sweep_is_not_taken_up(tmp_path):
    run(SQUARES, InSubmit(), chunk=SIZE, state=tmp_path)
    newer = replace(SQUARES, versions={"test": "2"})
    with pytest.raises(Interrupted):
        run(newer, FailsAfter(0), chunk=SIZE, state=tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"start": 0, "stop": 0}'])
def test_damaged_state_is_refused(tmp_path, text):
    directory = sweeps.state_directory(SQUARES, tmp_path)
    directory.mkdir(parents=True)
    (directory / "0-400.json").write_text(text)
    with pytest.raises(ValueError, match=r"0-400\.json is damaged"):
        run(SQUARES, InSubmit(), chunk=SIZE, state=tmp_path)


def test_a_last_short_block():
    odd = replace(SQUARES, size=5000)
    findings = [run(odd, InSubmit(), chunk=chunk) for chunk in (BLOCK, 8 * BLOCK)]
    assert findings[0] == findings[1]
    assert len(findings[0].digests) == 5
    assert findings[0].left_out["odd"] == Event(2500, 1)
    assert findings[0].worst["distance to 40000"] == Worst(-35001.0, 4999)


@pytest.mark.parametrize("chunk", [0, -BLOCK, BLOCK + 1])
def test_chunk_must_be_whole_blocks(chunk):
    with pytest.raises(ValueError, match=f"positive multiple of {BLOCK}, got {chunk}"):
        run(SQUARES, InSubmit(), chunk=chunk)


def test_invalid_sweeps_are_refused():
    with pytest.raises(ValueError, match="name must be"):
        replace(SQUARES, name="../squares")
    with pytest.raises(ValueError, match="size and block must be positive, got 0"):
        replace(SQUARES, size=0)
    with pytest.raises(ValueError, match="start must be"):
        Findings(4, 4, (), {}, {}, {})
    part = run(replace(SQUARES, size=BLOCK), InSubmit(), chunk=BLOCK)
    with pytest.raises(ValueError, match="findings must cover"):
        certificate(SQUARES, part)


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


def parse(*words):
    parser = ArgumentParser()
    sweep.add_arguments(parser)
    return parser.parse_args(words)


def test_command(tmp_path, monkeypatch, capsys):
    small = partial(cast_sweeps.cast_sweep, size=1 << 17)
    monkeypatch.setattr(sweep, "cast_sweep", small)
    words = ["E2M1", "E5M2", "--workers=1", "--chunk=65536"]
    words += [f"--state={tmp_path / 'state'}", f"--out={tmp_path / 'out'}"]
    assert sweep.run(parse(*words)) == 0
    first = [(tmp_path / "out" / f"cast-{name}.json").read_bytes() for name in ("E2M1", "E5M2")]
    assert sweep.run(parse(*words, "--fresh", "--chunk=131072")) == 0
    again = [(tmp_path / "out" / f"cast-{name}.json").read_bytes() for name in ("E2M1", "E5M2")]
    assert first == again
    assert "cast-E2M1: ml_dtypes and NumPy: 0 of 131072 differ" in capsys.readouterr().out
    assert not list((tmp_path / "state").iterdir())


def test_command_reports_mismatches(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sweep, "cast_sweep", lambda fmt: SQUARES)
    words = ["E2M1", "--workers=1", f"--state={tmp_path}", f"--out={tmp_path}"]
    assert sweep.run(parse(*words, f"--chunk={SIZE}")) == 1
    out = capsys.readouterr().out
    assert "ends in 4321" in out
    assert f"of {SIZE} differ, first 0x" in out


def test_command_refuses_a_chunk(tmp_path):
    with pytest.raises(ValueError, match="chunk must be a positive multiple of 65536, got 1000"):
        sweep.run(parse("E2M1", "--chunk=1000", f"--state={tmp_path}"))


@pytest.mark.parametrize("words", [["E9M9"], ["--workers=0"], ["--workers=two"]])
def test_wrong_use(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        parse(*words)
    assert "got" in capsys.readouterr().err


SCRIPT = """
import argparse, signal, sys
from msdnum.cli import sweep
# What a shell runs in the background has SIGINT ignored, and so have its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
parser = argparse.ArgumentParser()
sweep.add_arguments(parser)
if __name__ == "__main__":
    sys.exit(sweep.run(parser.parse_args()))
"""


def test_ctrl_c_leaves_state_and_no_traceback(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    state = tmp_path / "state"
    words = ["E5M2", "--workers=1", f"--chunk={1 << 18}", f"--state={state}", f"--out={tmp_path}"]
    with subprocess.Popen(
        [sys.executable, str(script), *words],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": "."},
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + 60
        while not list(state.glob("*/*.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.rstrip().endswith("interrupted: the same command goes on from here")
    assert "Traceback" not in error
    assert list(state.glob("*/*.json"))
    assert not list(tmp_path.glob("cast-*.json"))


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


@pytest.mark.slow
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
