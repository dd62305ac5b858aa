"""Ctrl-C: a status and no traceback, from the first import on."""

import os
import signal
import subprocess
import sys

import pytest

from tests.support.paths import ROOT

AT_A_FORK = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")  # if a test had JAX before


def interrupted(tmp_path, *words):
    """Run Python with Ctrl-C in the middle of the import of NumPy."""
    (tmp_path / "numpy").mkdir()
    code = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"
    (tmp_path / "numpy" / "__init__.py").write_text(code)
    return subprocess.run(
        [sys.executable, *words],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        # What a shell runs in the background has SIGINT ignored, and so have its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@AT_A_FORK
def test_ctrl_c_during_imports_is_a_status(tmp_path):
    done = interrupted(tmp_path, "-m", "msdnum", "verify")
    assert (done.returncode, done.stderr) == (130, "msdnum: interrupted\n")


@AT_A_FORK
def test_ctrl_c_during_imports_of_the_script_is_a_status(tmp_path):
    script = tmp_path / "bin" / "msdnum"
    script.parent.mkdir()
    script.write_text("import sys\nfrom msdnum.__main__ import main\nsys.exit(main())\n")
    done = interrupted(tmp_path, str(script), "verify")
    assert (done.returncode, done.stderr) == (130, "msdnum: interrupted\n")


@AT_A_FORK
def test_ctrl_c_in_a_program_of_the_user_is_left_alone(tmp_path):
    done = interrupted(tmp_path, "-c", "import msdnum")
    assert done.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in done.stderr
