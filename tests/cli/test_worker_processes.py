"""Ctrl-C ends a sweep whose cast never returns, and the program that such a cast has started."""

import os
import signal
import subprocess
import sys
import time

import pytest

from msdnum.cli.worker_processes import Interruption
from tests.support.paths import ROOT
from tests.support.processes import KNOWN, runs

FOREVER = """
import os, pathlib, subprocess, sys, time
def cast(x):
    started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    pathlib.Path("pids").write_text(f"{os.getpid()} {started.pid}")
    time.sleep(600)
"""
SCRIPT = """
import signal, sys
from msdnum.cli.main import main
if __name__ == "__main__":
    # What a shell runs in the background has SIGINT ignored, and so have its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(not KNOWN, reason="needs /proc")
@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_ends_a_cast_that_never_returns(presses, tmp_path):
    (tmp_path / "mine.py").write_text(FOREVER)
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py", "sweep", "E2M1", "--cast", "mine.py:cast"]
    with subprocess.Popen(
        [*command, "--workers=1"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "pids").is_file() and time.monotonic() < deadline:
            time.sleep(0.05)
        started = time.monotonic()
        for _ in range(presses):
            process.send_signal(signal.SIGINT)
            time.sleep(0.2)
        _, error = process.communicate(timeout=60)
        took = time.monotonic() - started
    assert process.returncode == 130
    assert error.rstrip().endswith("interrupted: the same command goes on from here")
    assert "Traceback" not in error
    assert took < 30
    worker, program = map(int, (tmp_path / "pids").read_text().split())
    assert not runs(worker)
    assert not runs(program)


def test_the_first_press_asks_and_the_second_hurries():
    interruption = Interruption()
    interruption.note(signal.SIGINT, None)
    assert (interruption.asked.is_set(), interruption.at_once.is_set()) == (True, False)
    interruption.note(signal.SIGINT, None)
    assert interruption.at_once.is_set()
    interruption.close()
    interruption.watch(0, set())  # Over: it ends nothing and returns.
