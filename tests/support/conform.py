"""Helpers of the tests of the command conform."""

import pytest

from msdnum.__main__ import main

HEAD = "PACKAGES = ('numpy',)\nfrom msdnum.conformance.adapters import emulator\n"


ENCODE = HEAD + "def encode(x, *, fmt, rounding, overflow):\n"


E2M1_ONLY = ENCODE + (
    "    if (fmt, rounding) != ('E2M1', 'RNE'):\n"
    "        raise NotImplementedError('only E2M1')\n"
    "    codes = emulator.encode(x, fmt=fmt, rounding=rounding, overflow=overflow)\n"
)


RIGHT = E2M1_ONLY + "    return codes\n"


WRONG_TIE = E2M1_ONLY + "    return codes + (abs(x) == 1.25)\n"


TIES = "encode/E2M1/RNE/SATURATE/ties"


@pytest.fixture
def adapter(tmp_path):
    def write(text, name="mine.py"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


@pytest.fixture
def run(capsys):
    def command(*arguments):
        status = main(["conform", *map(str, arguments)])
        return status, *capsys.readouterr()

    return command
