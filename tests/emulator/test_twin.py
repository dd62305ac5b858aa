"""The emulators reproduce what Coq computes: the executable twin of the model behind the theorems.

``proofs/Executable.v`` proves the twin equal to the real-valued model, ``proofs/Vectors.v`` says of
which inputs, and ``make proofs`` that ``proofs/vectors.json`` is what Coq's kernel computes.
"""

import json
import re

import numpy as np
import pytest
import vectors

import msdnum
from msdnum.emulator import elements
from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import MatrixUnit
from msdnum.formats.elements import (
    BINARY32,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    E8M0,
    INT8_SYMMETRIC,
    MXINT8_ELEMENT,
)
from msdnum.formats.modes import Overflow
from tests.support.paths import PROOFS

KEPT = json.loads((PROOFS / vectors.NAME).read_text(encoding="utf-8"))
FLOATS = {"e2m1": E2M1, "e2m3": E2M3, "e3m2": E3M2, "e4m3": E4M3, "e5m2": E5M2}
CASTS = {**FLOATS, "int8": INT8_SYMMETRIC, "mxint8": MXINT8_ELEMENT}
SCHEMES = {
    "mxfp4_x2": (E2M1, E2M1),
    "mxfp4_x3": (E2M1, E2M1, E2M1),
    "mxfp6_e2m3_x2": (E2M3, E2M3),
    "mxfp6_e3m2_x2": (E3M2, E3M2),
    "mxfp8_x2": (E4M3, E4M3),
    "mxfp8_e5m2_x2": (E5M2, E5M2),
    "mxfp8_mxfp4": (E4M3, E2M1),
}
UNITS = {name: tuple(map(int, name.split("_")[1:])) for name in KEPT if name.startswith("unit")}


def numbers(pairs):
    """Exact float64 numbers of pairs (m, e) that lie side by side."""
    pairs = np.array(pairs)
    return np.ldexp(pairs[:, ::2].astype(np.float64), pairs[:, 1::2])


def narrowed(values, dtype):
    assert np.array_equal(values, values.astype(dtype))
    return values.astype(dtype)


def test_every_vector_is_held_against_an_emulator():
    assert set(KEPT) == {f"cast_{name}" for name in CASTS} | set(SCHEMES) | set(UNITS)
    assert list(KEPT) == vectors.names(PROOFS)
    assert len(UNITS) == 3
    assert min(map(len, KEPT.values())) >= 40


@pytest.mark.parametrize("name", CASTS)
def test_a_cast_is_what_coq_computes(name):
    x, expected = numbers(KEPT[f"cast_{name}"]).T
    found = elements.round_to(narrowed(x, np.float32), CASTS[name], overflow=Overflow.SATURATE)
    assert np.array_equal(found, expected)
    assert len(np.unique(expected)) > 8


@pytest.mark.parametrize("name", SCHEMES)
def test_digits_and_remainder_are_what_coq_computes(name):
    """Of blocks of two: the covering power of two itself, and a number that is not above it."""
    rows = np.array(KEPT[name])
    x, *digits, left = numbers(rows[:, 1:]).T
    block = np.stack([np.ldexp(1.0, rows[:, 0]), x], axis=-1)
    scheme = msdnum.covering_scheme(name, *SCHEMES[name], block_size=2)
    found = msdnum.decompose(narrowed(block, np.float32), scheme)
    for term, digit in zip(found.terms, digits, strict=True):
        values = elements.decode(term.codes, term.format.element)
        assert np.array_equal(values[:, 1], digit)
    assert np.array_equal(found.remainder[:, 1], left)


def test_scales_that_end_at_the_least_exponent_are_among_the_vectors():
    least = {name: min(row[0] for row in KEPT[name]) - SCHEMES[name][0].emax for name in SCHEMES}
    assert least["mxfp4_x2"] == -127
    assert least["mxfp8_x2"] < -127
    scheme = msdnum.covering_scheme("two", E4M3, E4M3, block_size=1)
    terms = msdnum.decompose(np.ldexp(np.ones(1, np.float32), -125), scheme).terms
    assert [float(elements.decode(term.scale_codes, E8M0)[0]) for term in terms] == [2.0**-127] * 2


@pytest.mark.parametrize("name", UNITS)
def test_two_steps_of_a_matrix_unit_are_what_coq_computes(name):
    group, fraction_bits, result_bits = UNITS[name]
    values = numbers(KEPT[name])
    factors = narrowed(values[:, :-1], np.float16)
    assert factors.shape[1] == 4 * group
    unit = MatrixUnit(name, group, fraction_bits, result_bits)
    a, b = factors[:, None, ::2], factors[:, 1::2, None]
    found = matmul(a, b, accumulator=unit)[:, 0, 0]
    assert np.array_equal(found, values[:, -1])
    assert not np.array_equal(found, matmul(a, b)[:, 0, 0])


RECORD = r"^Definition (\w+) := Element \(?(-?\d+)\)? (\d+) (\d+) \(?([\d/ ]+?)\)?\.$"


def test_the_records_of_coq_are_the_formats():
    text = (PROOFS / "Decomposition.v").read_text(encoding="utf-8")
    records = {name: numbers for name, *numbers in re.findall(RECORD, text, re.MULTILINE)}
    assert set(records) == set(FLOATS)
    for name, (emin, precision, emax, largest) in records.items():
        fmt = FLOATS[name]
        numerator, _, denominator = largest.partition("/")
        assert 2.0 ** int(emin) == fmt.eta
        assert int(precision) == fmt.precision
        assert int(emax) == fmt.emax
        assert int(numerator) / int(denominator or 1) == fmt.max_finite


def test_the_roundings_of_coq_are_the_formats():
    text = (PROOFS / "Formats.v").read_text(encoding="utf-8")
    found = re.findall(r"^Definition (\w+) := binary \((-\d+)\) (\d+)\.$", text, re.MULTILINE)
    formats = {**{name.upper(): fmt for name, fmt in FLOATS.items()}, "binary32": BINARY32}
    assert {name: (2.0 ** int(emin), int(p)) for name, emin, p in found} == {
        name: (fmt.eta, fmt.precision) for name, fmt in formats.items()
    }
