"""``msdnum sweep``: certificates, exit status, and one line for wrong use."""

import os
import re
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from functools import partial

import pytest

from msdnum.__main__ import main
from msdnum.cli import sweep
from msdnum.evidence import cast_sweeps, own_cast_sweeps
from tests.support.own_casts import write_python
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


@pytest.mark.parametrize("words", [["--workers=0"], ["--workers=two"]])
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


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["E9M9"], "FORMAT must be one of E2M1, .* got 'E9M9'"),
        (["E2M1", "--rounding=RTZ"], "--rounding needs --cast, got RTZ"),
        (["--cast=numpy:square"], "--cast needs one FORMAT, got none"),
        (["E2M1", "E4M3", "--cast=numpy:square"], "--cast needs one FORMAT, got E2M1, E4M3"),
        (["E2M", "--cast=numpy:square"], "got 'E2M'; did you mean 'E2M"),
        (["numpy:pi", "--cast=numpy:square"], "numpy:pi must be a number format, got 3.14"),
        (["E2M1", "--cast=numpy:squrae"], "module 'numpy' has no callable 'squrae'"),
    ],
)
def test_formats_and_casts_that_are_none(words, message, capsys):
    assert main(["sweep", *words]) == 2
    assert re.search(message, capsys.readouterr().err)


def own(tmp_path, monkeypatch, cast, size=1 << 24):
    monkeypatch.setattr(sweep, "own_cast_sweep", partial(own_cast_sweeps.own_cast_sweep, size=size))
    words = ["E2M1", f"--cast={cast}", "--workers=1", f"--chunk={1 << 22}"]
    return sweep.run(parse(*words, f"--state={tmp_path / 'state'}", f"--out={tmp_path / 'out'}"))


def test_a_cast_of_the_users(tmp_path, monkeypatch, capsys):
    path = write_python(tmp_path)
    path.write_text(path.read_text() + "def late(x): return even(x) | (x > 2e-38)\n")
    assert own(tmp_path, monkeypatch, f"{path}:even") == 0
    assert "0 of 16777216 inputs differ" in capsys.readouterr().out
    assert own(tmp_path, monkeypatch, f"{path}:late") == 1
    out = capsys.readouterr().out
    assert re.search(
        r"  \+2\^-126: \d+ differ; x 0x00\w+ \(2.*e-38\): expected 0x0 \(0\), got", out
    )
    (certificate,) = (tmp_path / "out").glob("own-E2M1-mine-py-late.json")
    assert '"+2^-126"' in certificate.read_text()
    assert not list((tmp_path / "state").iterdir())


def test_a_cast_that_ends_its_process_is_one_line(tmp_path, monkeypatch):
    path = write_python(tmp_path)
    path.write_text(path.read_text() + "import os\ndef dies(x): os._exit(0)\n")
    with pytest.raises(ValueError, match="a worker has died, as by a crash of the cast"):
        own(tmp_path, monkeypatch, f"{path}:dies")
