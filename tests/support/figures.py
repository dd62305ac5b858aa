"""Helpers of the tests of figures."""

import pytest

from msdnum.cli import figures
from tests.support.paths import ROOT

COMMITTED = ROOT / figures.OUT


CHEAP = "cost_traffic"


DRAWN = {member.name: member for member in figures._drawings()}


TABLES = {member.name: member for member in figures._tables()}


EACH_FIGURE = pytest.mark.parametrize("name", DRAWN)


def same_bytes(first, second):
    return [a.read_bytes() == b.read_bytes() for a, b in zip(first, second, strict=True)]


def committed(name):
    folder = COMMITTED / DRAWN[name].trial.name
    return folder / f"{name}.png", folder / f"{name}.pdf"


# Bounds

DIGITS = 1 + 1e-4
"""Tables round to five digits, errors and bounds each for itself."""


def _drawing(name):
    return figures._catalogue(DRAWN[name].trial.figures, "DRAWINGS")[name]
