"""Words of eight nibbles, one shift at a time."""

import numpy as np
import pytest

from msdnum.emulator.layouts import AWQ_WORDS, GPTQ_WORDS, WordLayout
from tests.support.agreement import on_all_backends

CODES = np.random.default_rng(3).integers(0, 16, (16, 24), dtype=np.uint8)


def test_awq_has_even_codes_in_the_low_half_of_a_word():
    words = AWQ_WORDS.write(CODES)
    assert (words.dtype, words.shape) == (np.int32, (16, 3))
    for row in range(16):
        for word in range(3):
            for nibble, code in enumerate([0, 2, 4, 6, 1, 3, 5, 7]):
                found = int(words[row, word]) >> 4 * nibble & 15
                assert found == CODES[row, 8 * word + code]


def test_gptq_packs_rows_in_their_order():
    words = GPTQ_WORDS.write(CODES)
    assert (words.dtype, words.shape) == (np.int32, (2, 24))
    for word in range(2):
        for column in range(24):
            nibbles = [int(words[word, column]) >> 4 * i & 15 for i in range(8)]
            assert nibbles == CODES[8 * word : 8 * word + 8, column].tolist()


@pytest.mark.parametrize("layout", [AWQ_WORDS, GPTQ_WORDS], ids=lambda layout: layout.name)
def test_the_same_words_and_codes_come_back_on_all_backends(layout):
    words = np.random.default_rng(5).integers(-(2**31), 2**31, (3, 5, 4), dtype=np.int32)
    assert on_all_backends(lambda x: layout.write(layout.read(x)), words).tobytes() == (
        words.tobytes()
    )
    assert layout.read(layout.write(CODES)).tobytes() == CODES.tobytes()
    assert layout.read(words.view(np.uint32)).tobytes() == layout.read(words).tobytes()


def test_what_does_not_fill_words_is_refused():
    with pytest.raises(ValueError, match="order must have each of 0 to 7 once"):
        WordLayout("twice", (0, 0, 1, 2, 3, 4, 5, 6))
    with pytest.raises(ValueError, match="axis -1 divisible by 8, got"):
        AWQ_WORDS.write(CODES[:, :20])
    with pytest.raises(ValueError, match=r"codes must be in 0\.\.15, got 16"):
        AWQ_WORDS.write(np.full((1, 8), 16, np.uint8))
    with pytest.raises(TypeError, match="words must be int32 or uint32, got int64"):
        AWQ_WORDS.read(np.zeros((1, 8), np.int64))
    with pytest.raises(ValueError, match=r"words must have an axis -1, got shape \(\)"):
        AWQ_WORDS.read(np.array(1, np.int32))
