"""The figure of crest factors: a panel for each study."""

import pytest

pytest.importorskip("matplotlib")

from msdnum.trials.msd.figures.crests import PANELS, crests
from tests.support.error_tables import committed


def test_every_study_has_its_panel_and_every_input_its_lines():
    page = crests(committed("crests"))
    assert [axes.get_title() for axes in page.axes] == [title for title, _ in PANELS.values()]
    assert {len(axes.collections) for axes in page.axes} == {4}
