"""Transforms as data: what they are, and what is refused."""

import numpy as np
import pytest

from msdnum.formats.transforms import Hadamard, Permutation, Smoothing, random_signs


def splitmix(seed, count):
    """Return the outputs by NumPy's wrapping integers."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(
            0x9E3779B97F4A7C15
        )
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def test_signs_are_the_top_bits_of_splitmix64():
    assert splitmix(1234567, 3).tolist() == [
        6457827717110365317, 3203168211198807973, 9817491932198370423,
    ]  # fmt: skip
    signs = 1 - 2 * (splitmix(1234567, 4096) >> np.uint64(63)).astype(int)
    assert random_signs(4096, 1234567) == tuple(signs.tolist())
    assert abs(sum(signs)) < 200


def test_factors_are_exact_for_powers_of_four():
    assert [n for n in (1, 2, 4, 8, 16, 64) if Hadamard(n).exact_factor] == [1, 4, 16, 64]
    assert Hadamard(32).stages == 5


def test_a_permutation_has_an_inverse():
    assert Permutation((2, 0, 1)).inverse == Permutation((1, 2, 0))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Hadamard(12), ValueError, "length must be a power of two, got 12"),
        (lambda: Hadamard(0), ValueError, "length must be a power of two, got 0"),
        (lambda: Hadamard(2.0), TypeError, "length must be an int"),
        (lambda: Hadamard(2, (1, 0)), ValueError, "signs must be 2 numbers 1 or -1"),
        (lambda: Hadamard(2, (1, 1, 1)), ValueError, "signs must be 2 numbers 1 or -1"),
        (lambda: Hadamard(2, [1, 1]), TypeError, "signs must be tuple"),
        (lambda: Smoothing(()), ValueError, "factors must be positive binary32 numbers"),
        (lambda: Smoothing((1.0, 0.0)), ValueError, "factors must be positive binary32 numbers"),
        (lambda: Smoothing((float("nan"),)), ValueError, "positive binary32 numbers, got .nan."),
        (lambda: Smoothing((float("inf"),)), ValueError, "positive binary32 numbers, got .inf."),
        (lambda: Permutation((0, 2)), ValueError, "order must have each of 0..1 once"),
        (lambda: Permutation(()), ValueError, "order must have each"),
    ],
)
def test_what_is_none_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
