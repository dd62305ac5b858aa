"""Helpers of the tests of recorded results."""

import numpy as np

A = np.array([[1, 2.0**-11, 2.0**-13, 0], [1.5, -1.5, 0.25, 0]], np.float32)


B = np.array([[1, 1, 2.0**-12, 0], [1, 1, 0.5, 0]], np.float32)


C = np.array([0, 0.5], np.float32)


WIDE = np.array([1 + 2.0**-11, 0.625], np.float32)


NARROW = np.array([1 + 2.0**-10, 0.625], np.float16)
"""What 25 bits give, of which 2**-25 is the last: binary32 would have dropped it."""


def texts(folder, d=WIDE):
    """Write recordings of an H100 as the public repository has them."""
    place = folder / "H100" / "fp16"
    place.mkdir(parents=True)

    def rows(x, base):
        patterns = np.atleast_2d(x).view(np.uint32)
        return "".join(" ".join(f"{v:{base}}" for v in row) + " \n" for row in patterns)

    for name, x in (("a_H100_fp16", A), ("b_H100_fp16", B)):
        (place / f"{name}.txt").write_text(rows(x, "08x"))
    for name, x in (("c_H100_fp32", C), ("d_H100_fp32", d),
                    ("d_H100_fp16", NARROW.astype(np.float32))):  # fmt: skip
        (place / f"{name}.txt").write_text(rows(x[:, None], "032b"))
