"""Helpers of the tests of conformance."""

import argparse

from msdnum.cli import conform
from msdnum.conformance import peers

CASTS = """
PACKAGES = ("numpy",)
from msdnum.conformance.adapters import emulator

def encode(x, *, fmt, rounding, overflow):
    if (fmt, rounding) != ("E2M1", "RNE"):
        raise NotImplementedError
    codes = emulator.encode(x, fmt=fmt, rounding=rounding, overflow=overflow)
    return {body}
"""


def written(tmp_path, text, body):
    path = tmp_path / "mine.py"
    path.write_text(text.replace("{body}", body))
    return str(path)


def carry_out(*arguments):
    parser = argparse.ArgumentParser()
    conform.add_arguments(parser)
    return conform.run(parser.parse_args(list(map(str, arguments))))


def assert_all_agree(report):
    assert not report.disagreements, "\n".join(peers.lines(report))
