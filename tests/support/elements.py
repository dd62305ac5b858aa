"""Helpers of the tests of elements."""

import numpy as np

from msdnum.formats.elements import BINARY32, ELEMENT_FORMATS, FloatFormat

FORMATS = list(ELEMENT_FORMATS.values())


NARROW = [fmt for fmt in FORMATS if fmt.bits <= 16]


by_name = {"ids": lambda value: getattr(value, "name", None)}


def neighbours(x):
    """Return float32 numbers with their two neighbours, of both signs."""
    words = np.asarray(x, np.float32).view(np.int32)
    magnitudes = np.concatenate([words - 1, words, words + 1])
    magnitudes = magnitudes[magnitudes >= 0].view(np.float32)
    return np.unique(np.concatenate([magnitudes, -magnitudes]).view(np.uint32)).view(np.float32)


WIDE = FloatFormat("E8M22", 8, 22, 127, BINARY32.specials)
