"""Black boxes: what is asked arrives, what comes back is kept, and what is wrong is said."""

import numpy as np
import pytest

from msdnum.evidence.black_boxes import box_of_accumulator, box_of_function, elements_of
from msdnum.formats.accumulators import EXACT, HOPPER
from msdnum.formats.blocks import MXFP4
from msdnum.formats.elements import BF16, BINARY32, E2M1, E4M3, INT8, TF32


@pytest.mark.parametrize(
    "fmt", [BF16, TF32, E4M3, E2M1, INT8, BINARY32, MXFP4], ids=lambda f: f.name
)
def test_numbers_of_a_format_become_its_elements(fmt):
    x = np.tile([[1.0, 2.0, 0.0, -1.0]], (2, 8))
    found = elements_of(x, fmt)
    back = found.dequantize() if fmt is MXFP4 else found.astype(np.float64)
    np.testing.assert_array_equal(back, x)


def test_a_number_of_another_format_is_refused():
    with pytest.raises(ValueError, match="numbers must be of the format E4M3"):
        elements_of(np.array([[1 + 2.0**-5]]), E4M3)


def test_a_box_keeps_what_it_was_asked():
    box = box_of_accumulator(HOPPER, BF16, 4)
    ones = np.ones((3, 4))
    np.testing.assert_array_equal(box.ask(ones, ones, np.arange(3.0)), [4, 5, 6])
    assert box.takes_c
    assert not box_of_accumulator(EXACT, BF16, 4).takes_c
    (question,) = box.asked
    np.testing.assert_array_equal(question.d, [4, 5, 6])


def test_entries_that_depend_on_their_place_are_seen():
    def product(a, b):
        with np.errstate(all="ignore"):
            found = (a.astype(np.float64) @ b).astype(np.float32)
        found[1, 0] += 1
        return found

    box = box_of_function(product, BINARY32, 4, shape=(2, 2))
    assert box.ask(np.ones((1, 4)), np.ones((1, 4))) == 4
    assert not box.uniform


def test_an_answer_of_another_shape_is_refused():
    box = box_of_function(lambda a, b: a @ b + np.zeros((3, 1, 1)), BINARY32, 4, shape=(1, 1))
    with pytest.raises(ValueError, match=r"must give a matrix of shape \(1, 1\) .* no product"):
        box.ask(np.ones((1, 4)), np.ones((1, 4)))
    box.dots = lambda a, b, c: np.zeros(7)
    with pytest.raises(ValueError, match=r"one sum for each inner product, \(1,\), got an array"):
        box.ask(np.ones((1, 4)), np.ones((1, 4)))
