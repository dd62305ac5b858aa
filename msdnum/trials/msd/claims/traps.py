"""Traps that CANN's kernels walk into, each on its smallest input."""

from dataclasses import dataclass

import numpy as np

from msdnum.emulator.cann.digits import VARIANTS

__all__ = ["Trap", "traps"]


@dataclass(frozen=True)
class Trap:
    """A cost that a kernel's arithmetic has.

    Parameters
    ----------
    name : str
        What happens, in a few words.
    value : float
        The number that tells.
    witness : str
        Where it can be seen.
    """

    name: str
    value: float
    witness: str


def traps() -> list[Trap]:
    """Return what the arithmetic of the kernels costs, each computed, with a witness."""
    ones = np.full(1 << 18, 127 * 127, np.int64).cumsum()
    inexact = int(np.argmax(ones.astype(np.float32).astype(np.int64) != ones)) + 1
    saturated = int(np.argmax(ones > 2**31 - 1)) + 1
    minus = int(np.argmax(np.full(1 << 18, 127 * 128, np.int64).cumsum() > 2**31)) + 1
    rounded = float(np.float16(1 / 14.98)) * 14.98 - 1
    magic = np.float32(10485760) + np.float32(127) * np.float32(np.float16(1 / 254))
    return [
        Trap("int32 to float32 is inexact from K", inexact, "all digits and weights 127"),
        Trap("int32 saturates from K", saturated, "all digits and weights 127"),
        Trap("int32 saturates from K, weights of -128", minus, "digits 127, weights -128"),
        Trap("half C is exact up to", 2048, "2049 becomes 2048"),
        Trap("largest C of an INT4 group of 128", 128 * 7 * 8, "digits 7, weights -8"),
        Trap("relative error of half(1/14.98)", rounded, "the second digit's weight"),
        Trap("what C2 = 127 adds to 10485760", float(magic) - 10485760, "grouped_a16w4, not 0.5"),
        Trap("digits of an all-zero row", float(_zero_row_digits()), "0/0 is NaN, unguarded"),
    ]


def _zero_row_digits() -> int:
    """Return the digit that a row of zeros gets where the cast of NaN is 0."""
    zero = np.zeros((1, 1), np.float32)
    return int(VARIANTS["split_k_int8"].decompose(zero, zero)[0][0, 0])
