"""``msdnum sweep``: certificates, exit status, and one line for wrong use."""

import os
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from functools import partial

import pytest

from msdnum.cli import sweep
from msdnum.evidence import cast_sweeps
from tests.support.paths import ROOT
from tests.support.sweeps import SIZE, SQUARES


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
