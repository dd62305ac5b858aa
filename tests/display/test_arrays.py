"""Arrays in notebooks: what is there, and never a traced value."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import msdnum
from msdnum import BLOCK_FORMATS, SCHEMES
from tests.support.display import by_name, shown, written

X = np.array([5.0, -0.3, 0.02, 3.9], np.float32)


LONG = np.random.default_rng(0).standard_normal((6, 70)).astype(np.float32)


def on_both(x):
    return [x, jnp.asarray(x)]


def test_a_quantized_array_shows_scales_values_and_codes():
    for x in on_both(X):
        assert shown(msdnum.quantize(x, BLOCK_FORMATS["MXFP4"])) == [
            ["block", "scale", "0", "1", "2", "3", ""],
            ["0", "1", "46", "-0.59", "00", "46", ""],
        ]


def test_long_arrays_are_cut_and_short_blocks_are_not_filled_up():
    rows = shown(msdnum.quantize(LONG, BLOCK_FORMATS["MXFP4"]))
    assert [row[0] for row in rows[1:]] == ["0", "1", "2", "3"]
    assert [row[-1] for row in rows[1:]] == ["... 26 more", "... 26 more", "", "... 26 more"]
    short = shown(msdnum.quantize(LONG[:, :34], BLOCK_FORMATS["MXFP4"]))
    assert [cell != "" for cell in short[2]] == [True] * 4 + [False] * 5


@pytest.mark.parametrize("axis", [0, 1, None])
@pytest.mark.parametrize("fmt", BLOCK_FORMATS.values(), **by_name)
def test_what_is_shown_is_what_there_is(fmt, axis):
    array = msdnum.quantize(LONG, fmt, axis=axis)
    rows, values = shown(array)[1:], array.rows(array.dequantize())
    digits = -(-fmt.element.bits // 4)
    for i, row in enumerate(rows):
        assert row[1] == written(array.column(array.scales())[i, 0])
        assert row[2] == f"{values[i, 0]:.5g}{array.rows(array.codes)[i, 0]:0{digits}x}"


def test_a_decomposition_shows_how_x_is_made_up():
    for x in on_both(X):
        rows = shown(msdnum.decompose(x, SCHEMES["MXFP4_X2"]))
        assert rows[1:] == [
            ["x, block 0", "", "5", "-0.3", "0.02", "3.9", ""],
            ["term 1", "2", "4", "-0", "0", "4", ""],
            ["term 2", "0.25", "1", "-0.25", "0", "-0.125", ""],
            ["remainder", "at most 0.125", "0", "-0.05", "0.02", "0.025", ""],
        ]


def test_a_scheme_without_a_bound_shows_none():
    scheme = SCHEMES["INT8_X2_FLOAT32"]
    assert dict(shown(scheme))["largest_remainder"] == "none"
    assert shown(msdnum.decompose(X, scheme))[-1][1] == ""


def test_traced_arrays_show_their_plain_text():
    seen = []

    @jax.jit
    def look(x):
        array = msdnum.quantize(x, BLOCK_FORMATS["MXFP4"])
        result = msdnum.decompose(x, SCHEMES["MXFP4_X2"])
        seen.extend([array._repr_html_(), result._repr_html_(), repr(array)])
        return array.dequantize()

    look(jnp.asarray(X))
    assert seen[:2] == [None, None]
    assert "codes=uint8[4]" in seen[2]


def test_a_batch_of_whole_tensors_shows_its_plain_text():
    """As ``jax.vmap`` makes it: what is one for a tensor gets an axis."""
    whole = msdnum.decompose(LONG, SCHEMES["MXFP4_X2"], axis=None)
    terms = jax.tree.map(lambda v: np.stack([v] * 6), whole.terms)
    scaled = jax.tree.map(
        lambda v: np.stack([v] * 6), msdnum.quantize(LONG, BLOCK_FORMATS["NVFP4"])
    )
    assert whole._repr_html_() is not None
    assert terms[0]._repr_html_() is None
    assert replace(whole, terms=terms)._repr_html_() is None
    assert scaled._repr_html_() is None


def test_blocks_that_are_not_numbers_are_shown():
    x = np.array([[1, np.inf], [np.nan, 2], [0, -0.0]], np.float32)
    rows = shown(msdnum.decompose(x, SCHEMES["MXFP4_X2"]))
    assert rows[1] == ["x, block 0", "", "nan", "nan", ""]
    assert rows[2] == ["term 1", "nan", "nan", "nan", ""]
    assert rows[9] == ["x, block 2", "", "0", "0", ""]
