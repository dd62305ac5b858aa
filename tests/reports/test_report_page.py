"""Pages: every named thing has one, and shows itself."""

import json
import sys
import types

import numpy as np
import pytest

import msdnum
from msdnum import BLOCK_FORMATS, ELEMENT_FORMATS, SCHEMES, bounds, report, reports
from msdnum.cost import MACHINES
from msdnum.evidence.products import Errors, decomposed
from msdnum.evidence.worst_cases import among_pairs
from msdnum.formats.accumulators import ALL_ACCUMULATORS, SEQUENTIAL, MatrixUnit
from msdnum.formats.elements import E2M1
from msdnum.ledger import theorem
from msdnum.trials import find_trial
from msdnum.trials.msd.comparisons import operands
from tests.support.pages import X, by_name, width

NAMED = [
    *ELEMENT_FORMATS.values(), *BLOCK_FORMATS.values(), *SCHEMES.values(),
    *ALL_ACCUMULATORS.values(),
]  # fmt: skip


@pytest.mark.parametrize("thing", NAMED, **by_name)
def test_every_named_thing_has_a_page(thing):
    page = report(thing, X)
    assert page.name == thing.name
    assert width(str(page)) <= 80
    assert page._repr_html_().startswith("<table")
    found = json.loads(json.dumps(page.as_dict(), allow_nan=False))
    assert found["versions"]["msdnum"] == msdnum.__version__
    assert found["seed"] == 0
    assert "\n" not in repr(page)
    assert page.records()


def test_pandas_is_asked_for_only_when_needed(monkeypatch):
    page = report(E2M1, X)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'msdnum\[tables\]'"):
        page.to_pandas()
    monkeypatch.setitem(sys.modules, "pandas", types.SimpleNamespace(DataFrame=list))
    assert page.to_pandas() == page.records()


def test_units_and_what_was_found_show_themselves():
    unit = ALL_ACCUMULATORS["HOPPER_FP8"]
    assert "fraction_bits" in unit._repr_html_()
    assert "<b>" not in MatrixUnit("<b>", 8, 10)._repr_html_()
    found = among_pairs(SCHEMES["MXFP4_X2"])
    assert repr(found) == "<Extreme: 1/64 found, 1/64 promised, at BF16 3f94 [3f94]>"
    assert "BF16 3f94 [3f94]" in found._repr_html_()
    errors = Errors(*[0.125] * 8)
    assert repr(errors).startswith("<Errors: componentwise 0.125, ")
    assert "bound_normwise" in errors._repr_html_()


@pytest.mark.parametrize("room", [bounds, reports], ids=lambda room: room.__name__)
def test_bounds_and_parts_of_a_page_show_themselves(room):
    classes = [c for c in vars(room).values() if isinstance(c, type) and c.__name__ in room.__all__]
    assert len(classes) >= 8
    assert [c.__name__ for c in classes if not hasattr(c, "_repr_html_")] == []


def test_what_holds_arrays_or_much_text_is_a_line():
    g = operands("normal", "MXFP4", (4, 32, 4), np.random.default_rng(1))
    result = decomposed(SCHEMES["MXFP4_X2"])(g, SEQUENTIAL)
    shown = [g, result, theorem("gemm"), find_trial("msd"), MACHINES["B200"], bounds.gemm]
    assert [thing for thing in shown if "\n" in repr(thing) or len(repr(thing)) > 300] == []
    assert "float32[4, 4]" in result._repr_html_()
