"""Vectors of products: by hand, and telling accumulators apart."""

import numpy as np

from msdnum.conformance.vectors import chunks
from tests.support.vectors import GROUPS, case_of


def test_products_by_hand():
    """Elements are small integers over a power of two: the exact sum in Python's integers."""
    case = case_of("matmul/INT8/INT32_REFUSE/spread/spread")
    rows = [
        [(code ^ 128) - 128 for code in chunks(case.given[name].codes, 160)[0]]
        for name in ("codes_a", "codes_b")
    ]
    total = sum(x * y for x, y in zip(*rows, strict=True))
    assert case.expected["values"].codes[0] == int(np.float32(total).view(np.uint32))


def test_products_tell_accumulators_apart():
    """Of FP16 each unit has its own answers, but for those that the source has as one model."""
    groups = [g for g in GROUPS if g.operation == "matmul" and g.parameters["fmt"] == "FP16"]
    answers = {}
    for group in groups:
        unit = group.parameters["accumulator"]
        answers.setdefault(unit, []).append(group.cases[0].expected["values"].codes)
    same = {frozenset(u for u in answers if answers[u] == answers[unit]) for unit in answers}
    assert {names for names in same if len(names) > 1} == {
        frozenset({"TURING", "AMPERE"}),
        frozenset({"HOPPER", "BLACKWELL"}),
    }
