"""Claims on CANN: rows as expected."""

import pytest

from msdnum.trials.msd.claims.cann import cann


@pytest.mark.parametrize("entry", list(cann(None)), ids=lambda e: e.convention)
def test_ledger_rows_are_as_expected(entry):
    assert entry.judge().verdict is entry.expected
