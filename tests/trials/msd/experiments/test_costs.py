"""Tables of costs: rectangular, and committed as the code gives them."""

import pytest

from msdnum.experiments import tables
from msdnum.trials.msd.experiments.costs import TABLES
from tests.support import paths

COMMITTED = paths.TABLES


EACH_TABLE = pytest.mark.parametrize("name", TABLES)


@EACH_TABLE
def test_a_table_is_rectangular(name):
    table = TABLES[name]()
    assert table.rows
    assert {len(row) for row in table.rows} == {len(table.header)}
    assert len(set(table.rows)) == len(table.rows)


@EACH_TABLE
def test_committed_tables_are_what_the_code_gives(name):
    """To write them anew: ``msdnum figures``."""
    table = TABLES[name]()
    _, records = tables.read(COMMITTED / f"{name}.csv")
    assert [tuple(record.values()) for record in records] == list(table.rows)
    assert tuple(records[0]) == table.header
