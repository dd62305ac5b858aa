"""The processor's modes, changed as a library would change them: the same bits, or an error."""

import ctypes
import ctypes.util
import platform
import subprocess
import sys

import pytest

import msdnum
from msdnum.emulator import machine_modes
from tests.support.paths import ROOT

ON_X86 = pytest.mark.skipif(
    platform.machine() != "x86_64" or sys.platform != "linux",
    reason="the place of the mode in fenv_t is known for glibc on x86-64",
)
TO_NEAREST, DOWNWARD, UPWARD, TO_ZERO = 0, 0x400, 0x800, 0xC00

FLUSHED = """
import ctypes, ctypes.util, hashlib, sys
import numpy as np
from msdnum import attend
from msdnum.emulator.attention import FLOAT32_FLASH
from msdnum.evidence.fingerprint import digest, parts

libm = ctypes.CDLL(ctypes.util.find_library("m"))
state = ctypes.create_string_buffer(64)


def flush():
    libm.fegetenv(state)
    # MXCSR is the last word of fenv_t: bits 15 and 6 flush results and operands.
    word = int.from_bytes(state[28:32], "little") | 0x8040
    state[28:32] = word.to_bytes(4, "little")
    libm.fesetenv(state)


rng = np.random.default_rng(3)
heads = [np.float32(rng.standard_normal((1, 4, 64)) * 2.0**-60) for _ in range(3)]
tiny = np.float32([2.0**-140])
if sys.argv[1] == "flushed":
    flush()
    assert tiny * np.float32(1) == 0
print(digest(part.results() for part in parts()))
print(hashlib.sha256(attend(*heads, FLOAT32_FLASH).tobytes()).hexdigest())
"""


@ON_X86
def test_the_same_bits_where_subnormal_numbers_are_flushed():
    found = {}
    for mode in ("usual", "flushed"):
        command = [sys.executable, "-c", FLUSHED, mode]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found[mode] = done.stdout
    assert found["flushed"] == found["usual"]


def test_this_process_is_as_python_left_it():
    assert not machine_modes.flushes_subnormals()
    machine_modes.check_rounding()


@ON_X86
@pytest.mark.parametrize("direction", [DOWNWARD, UPWARD, TO_ZERO])
def test_another_rounding_is_an_error(direction):
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    libm.fesetround(direction)
    try:
        with pytest.raises(RuntimeError, match="must round to nearest"):
            msdnum.quantize([1.0, 2.0], msdnum.BLOCK_FORMATS["MXFP4"])
    finally:
        libm.fesetround(TO_NEAREST)
