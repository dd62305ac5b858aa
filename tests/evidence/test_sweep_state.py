"""Unfinished work that is damaged is refused, and nothing of a killed sweep goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from hashlib import sha256

import pytest

from msdnum.evidence import sweeps
from msdnum.evidence.sweeps import Event, Findings, run
from tests.support.paths import ROOT
from tests.support.processes import KNOWN, runs
from tests.support.sweep_state import BLOCK, NUMBERS


def again(state):
    with ThreadPoolExecutor(1) as threads:
        return run(NUMBERS, threads, chunk=2 * BLOCK, state=state)


@pytest.fixture
def part(tmp_path):
    """Return the file of the middle one of three finished parts."""
    again(tmp_path)
    (middle,) = tmp_path.glob("*/80-100.json")
    return middle


def refused(part):
    with pytest.raises(ValueError, match=r"80-100\.json is damaged \(.*\): delete it, or start"):
        again(part.parent.parent)
    return True


def signed(text):
    return f"{text}\n{sha256(f'{text}{chr(10)}'.encode()).hexdigest()}\n"


def changed(part, **values):
    """Write the part with other values and the checksum of them."""
    document = json.loads(part.read_text().splitlines()[0])
    part.write_text(signed(json.dumps(document | values)))


def test_unfinished_work_is_taken_up(part):
    before = again(part.parent.parent)
    changed(part)
    assert again(part.parent.parent) == before


def test_any_changed_byte_is_refused(part):
    data = part.read_bytes()
    for place in range(len(data)):
        part.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(ValueError, match=r"80-100\.json is damaged"):
            sweeps._read(NUMBERS, part)
    for other in (b"", data[:-1], data + b"\n", data + data, b"\xff" + data, bytes(len(data))):
        part.write_bytes(other)
        assert refused(part)


DIGESTS = ["0" * 64] * 2


@pytest.mark.parametrize(
    "values",
    [
        {"digests": []},
        {"digests": DIGESTS[:1]},
        {"digests": [*DIGESTS, "0" * 64]},
        {"digests": ["0" * 63, "0" * 64]},
        {"digests": ["zz" * 32, "0" * 64]},
        {"digests": [0, 1]},
        {"digests": 3},
        {"start": 127},
        {"start": 127, "digests": ["0" * 64] * 3},
        {"stop": 250, "worst": {}},
        {"stop": 320, "digests": ["0" * 64] * 3},
        {"start": "128"},
        {"stop": 257},
        {"stop": 255},
        {"stop": 320},
        {"stop": 10**6 * BLOCK},
        {"stop": 256.0},
        {"start": 128, "stop": 128},
        {"mismatches": {"odd": {"count": "0", "first": None}}},
        {"mismatches": {"odd": {"count": 1, "first": None}}},
        {"mismatches": {"odd": {"count": 0, "first": 129}}},
        {"mismatches": {"odd": {"count": -1, "first": 129}}},
        {"mismatches": {"odd": {"count": 129, "first": 129}}},
        {"mismatches": {"odd": {"count": 1, "first": 256}}},
        {"mismatches": {"odd": {"counts": 1}}},
        {"mismatches": {"odd": True}},
        {"mismatches": []},
        {"left_out": None},
        {"worst": {"value": {"value": 1.0, "at": 12}}},
        {"worst": {"value": {"value": "1", "at": 129}}},
        {"worst": {"value": {"value": 1.0, "at": None}}},
    ],
)
def test_wrong_values_are_refused_whatever_their_checksum(part, values):
    changed(part, **values)
    assert refused(part)


@pytest.mark.parametrize("text", ["[" * 100_000, "{}", "[1]", "3", '{"start": 1}', "null", "{"])
def test_other_json_is_refused_in_one_line(part, text):
    part.write_text(signed(text))
    assert refused(part)


def test_findings_hold_no_nonsense():
    with pytest.raises(ValueError, match="count and first must be whole"):
        Event(1.0, 1)
    with pytest.raises(ValueError, match="first must be there if any are"):
        Event(0, 1)
    good = Findings(0, 8, ("",), {"a": Event(8, 0)}, {}, {})
    with pytest.raises(ValueError, match=r"inputs must be in 1\.\.7, got \[0\]"):
        replace(good, start=1)
    assert asdict(good)["mismatches"] == {"a": {"count": 8, "first": 0}}


SCRIPT = """
import os, signal, time
from msdnum.cli import worker_processes

if __name__ != "__main__":
    os.kill(os.getpid(), signal.SIGINT)  # as a terminal does, while a worker imports
if __name__ == "__main__":
    with worker_processes.processes(2) as executor:
        pids = [executor.submit(os.getpid) for _ in range(8)]
        executor.submit(time.sleep, 300)
        print(*{future.result() for future in pids}, flush=True)
        time.sleep(300)
"""


@pytest.mark.skipif(not KNOWN, reason="needs /proc")
def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        workers = process.stdout.readline().split()
        assert workers
        assert all(map(runs, workers))
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while any(map(runs, workers)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(runs, workers))
