"""The figure of contexts: a line for each cache."""

import pytest

pytest.importorskip("matplotlib")

from msdnum.trials.msd.figures.contexts import decoder_contexts
from tests.support.error_tables import committed


def test_every_cache_has_a_line_over_every_length():
    page = decoder_contexts(committed("decoder_contexts"))
    lines = [[line for line in axes.lines if len(line.get_xdata()) == 4] for axes in page.axes]
    assert [len(found) for found in lines] == [3, 4]
