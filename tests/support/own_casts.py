"""Casts as a user has them: in Python, in C and as a command."""

import subprocess
import sys

PYTHON = """
import numpy as np

EDGES = np.float32([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5])
VALUES = np.float32([0, 0.5, 1, 1.5, 2, 3, 4, 6])

def even(x):
    up, down = (np.searchsorted(EDGES, abs(x), side) for side in ("right", "left"))
    return (np.where(down % 2, up, down) | np.signbit(x) * 8).astype(np.uint8)

def up(x):
    return (np.searchsorted(EDGES, abs(x), "right") | np.signbit(x) * 8).astype(np.uint8)

def values(x):
    return np.copysign(VALUES[even(x) % 8], x)

def broken(x):
    return undefined

def short(x):
    return even(x)[1:]

def floats(x):
    return x.astype(np.float64)

def ends(x):
    raise SystemExit(0)
"""

C = """
#include <math.h>
#include <stddef.h>
#include <stdint.h>

static const float edges[7] = {0.25f, 0.75f, 1.25f, 1.75f, 2.5f, 3.5f, 5.0f};
static const float numbers[8] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};

static int one(float x) {
    int code = 0;
    float a = fabsf(x);
    while (code < 7 && (code % 2 ? a >= edges[code] : a > edges[code])) code++;
    return code;
}

void even(const float *x, uint8_t *codes, size_t n) {
    for (size_t i = 0; i < n; i++) codes[i] = one(x[i]) | (signbit(x[i]) ? 8 : 0);
}

void values(const float *x, float *result, size_t n) {
    for (size_t i = 0; i < n; i++) result[i] = copysignf(numbers[one(x[i])], x[i]);
}
"""

COMMAND = """
import sys
import numpy as np
sys.path.insert(0, {folder!r})
from mine import even
x = np.frombuffer(sys.stdin.buffer.read(), "<f4")
sys.stdout.buffer.write(even(x).tobytes())
"""


def write_python(folder):
    path = folder / "mine.py"
    path.write_text(PYTHON)
    return path


def write_command(folder):
    write_python(folder)
    script = folder / "command.py"
    script.write_text(COMMAND.format(folder=str(folder)))
    return f"command:{sys.executable} {script}"


def build_library(folder):
    source, library = folder / "mine.c", folder / "libmine.so"
    source.write_text(C)
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", source, "-o", library, "-lm"], check=True)
    return library
