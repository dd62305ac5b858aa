"""Helpers of the tests of the ledger."""

from dataclasses import replace

import numpy as np

from msdnum import spec
from msdnum.emulator.decompositions import decompose
from msdnum.evidence.bf16_pairs import to_float32
from msdnum.evidence.promises import EVERY_AMAX, MXFP4_NORMAL, Promise
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import INT8_X2, INT8_X2_FLOAT32, MXFP4_X2
from msdnum.ledger.claims import Entry, Row
from msdnum.ledger.findings import Finding, Verdict
from msdnum.ledger.ledger import lines
from msdnum.ledger.trial import Study, as_ledger, entries, judge
from msdnum.trials import judged
from msdnum.trials.toolkit.promises import ALPHA_64, M_64516

HOLDS, FAILS, CONDITIONAL, NOT_RUN = (
    Verdict.HOLDS, Verdict.FAILS, Verdict.CONDITIONAL, Verdict.NOT_RUN,
)  # fmt: skip


def found(verdict, **parts):
    return Finding(verdict, "x", **parts)


def row(verdict, expected=HOLDS, claim="C", **parts):
    entry = Entry(claim, "a convention", "promise", lambda: found(verdict), expected=expected)
    return Row(entry, found(verdict, **parts))


def text(row, written):
    return "\n".join(lines([row], written))


# Pairs


def block_of(*numbers):
    return np.array([numbers], np.float32)


def error_by_spec(promise, witness):
    """Return what the scheme leaves of the worst element of a witness, one number at a time."""
    scheme = promise.scheme
    values = [spec.from_float(float(x)) for x in to_float32(np.array(witness.block, np.uint16))]
    result = spec.decompose(values, scheme)
    amax = max(abs(spec.number(value)) for value in values)
    return abs(spec.number(result.remainders[witness.element])), amax


CLAIMED = [
    Promise("C1", INT8_X2, M_64516, None, EVERY_AMAX),
    Promise("C1, float32", INT8_X2_FLOAT32, M_64516, None, EVERY_AMAX),
    *(
        Promise(f"C2, {rule.name}", MXFP4_X2.with_rule(rule, own_amax=own), ALPHA_64, None, r)
        for rule in (ScaleRule.CEIL, ScaleRule.FLOOR)
        for own in (False, True)
        for r in (EVERY_AMAX, MXFP4_NORMAL)
    ),
]


def ledger_of(claim):
    chosen = entries(judged(), Study(), claim)
    return as_ledger(judged(), tuple(map(judge, chosen)))


def half_left(x, scheme):
    result = decompose(x, scheme)
    return replace(result, scaled_remainder=result.scaled_remainder / 2)
