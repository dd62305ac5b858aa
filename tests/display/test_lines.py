"""Number lines: a mark for every number, labels under them."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

from msdnum import ELEMENT_FORMATS
from msdnum.display.lines import Axis
from msdnum.formats.elements import BF16, E2M1, E8M0, FloatFormat, IntegerFormat
from tests.support.display import by_name

SMALL = [fmt for fmt in ELEMENT_FORMATS.values() if fmt.bits <= 8]


# Number lines


def marks(line):
    """Return the places of the marks above the axis, by colour."""
    root = ElementTree.fromstring(line.svg)
    paths = root.findall("{*}path")
    return {
        path.get("stroke"): [float(x) for x in re.findall(r"M([\d.]+) ", path.get("d"))]
        for path in paths
        if "v-" in path.get("d")
    }


def labels(line):
    root = ElementTree.fromstring(line.svg)
    return {t.text: float(t.get("x")) for t in root.findall("{*}text") if t.text}


@pytest.mark.parametrize("axis", Axis)
@pytest.mark.parametrize("fmt", SMALL, **by_name)
def test_every_number_has_a_mark(fmt, axis):
    positive = {v for v in fmt.values if 0 < v < np.inf}
    negative = {v for v in fmt.values if -np.inf < v < 0}
    if isinstance(fmt, IntegerFormat):
        negative = {v for v in negative if v >= fmt.min_integer * fmt.eta}
    both = len(positive) + len(negative) + (fmt is not E8M0)
    found = marks(fmt.number_line(axis))
    assert sum(map(len, found.values())) == (len(positive) if axis is Axis.LOG2 else both)
    assert all(0 <= x <= 720 for places in found.values() for x in places)


def test_subnormals_are_marked_apart():
    colours = marks(E2M1.number_line())
    assert [len(places) for places in colours.values()] == [12, 2, 1]


def test_labels_stand_under_their_numbers():
    line = E2M1.number_line()
    places = labels(line)
    assert list(map(float, places)) == sorted(set(E2M1.values))
    assert sorted(places.values()) == sorted(x for found in marks(line).values() for x in found)


@pytest.mark.parametrize("axis", Axis)
@pytest.mark.parametrize("fmt", SMALL, **by_name)
def test_labels_do_not_overlap(fmt, axis):
    places = sorted((place, len(text)) for text, place in labels(fmt.number_line(axis)).items())
    assert len(places) > 3
    for (left, n), (right, m) in pairwise(places):
        assert right - left >= (6 if axis is Axis.LINEAR else 5) * (n + m) / 2


def test_wide_formats_and_other_axes_are_refused():
    with pytest.raises(ValueError, match="at most 8 bits to be drawn, got BF16 of 16"):
        BF16.number_line()
    with pytest.raises(TypeError, match="axis must be an Axis, got str"):
        E2M1.number_line("log2")


def test_a_number_line_stands_alone():
    line = FloatFormat("<&>", 4, 2, 7).number_line()
    assert ElementTree.fromstring(line._repr_svg_()).get("color") == "#808080"
    assert ElementTree.fromstring(line._repr_html_()).get("color") is None
