"""Implementations that ``msdnum conform`` can run: one file each, which any other file can imitate.

An adapter is a Python file with the functions that its implementation has, of those below, and

- ``PACKAGES``: the distributions whose versions belong into the report, a tuple of names.
- ``FORMATS``, if it has formats of its own: a tuple of ``FloatFormat``, ``IntegerFormat``,
  ``TableFormat`` and ``BlockFormat``. Vectors are made for them, and the functions are asked for
  them by name.

A missing function, and one that raises NotImplementedError for the names it is given, is not run.
A public function that is none of these and that the file itself does not use is taken for a slip.
Arrays come and go as one-dimensional NumPy arrays: binary32 as float32, everything else as
unsigned bit patterns, one in each element. Names (of ``msdnum.formats`` and ``msdnum.modes``) are
strings. A result is an array, or a dict of arrays where several are named here. To refuse an
input, raise an exception that is no mistake in Python: ValueError, say. TypeError, NameError,
AttributeError, LookupError and their kin end the run, for then the adapter itself fails.

- ``encode(x, *, fmt, rounding, overflow)`` gives codes, ``decode(codes, *, fmt)`` values;
  both element by element.
- ``quantize(x, *, fmt, rule)`` gives ``scale`` (one for each block), ``codes``, and with NVFP4
  ``tensor_scale``. MX blocks are 32 numbers, two NVFP4 blocks of 16 are a tensor; of formats of
  one's own, one block with E8M0 scales and two with others, and blocks of two dimensions row after
  row.
- ``quantize_hif4(x, *, fmt)`` gives ``scale``, ``eights``, ``fours`` and ``codes`` of 64 numbers of
  HiF4, ``quantize_asymmetric(x, *, fmt)`` ``scale`` (a binary32 pattern), ``zero_point`` and
  ``codes`` of 32. Their vectors are run if they are there.
- ``dequantize(scale, codes, *, fmt)`` gives as many values.
- ``pack(codes, *, fmt)`` gives bytes, ``unpack(packed, *, fmt)`` codes, and
  ``from_blocks_and_scales(packed, scale, *, fmt)`` the 32 values of a gpt-oss block.
- ``decompose(x, *, scheme)`` gives ``scale_1``, ``codes_1``, ``scale_2``, ``codes_2``, ...
- ``dot(scale_a, codes_a, scale_b, codes_b, *, fmt, accumulator)`` gives one value.
- ``matmul(codes_a, codes_b, *, fmt, accumulator)`` gives the four ``values`` of a product: codes_a
  are two rows of 160, codes_b two columns of 160. ``scaled_matmul(scale_a, codes_a, scale_b,
  codes_b, *, fmt, accumulator)`` has a scale for each 32 elements along k.
- ``inner_products(codes_a, codes_b, c, *, fmt_a, fmt_b, accumulator, scale_a, scale_b, scale_fmt,
  block)`` gives as many ``values`` as there are in c, float32, each the sum of as many products of
  consecutive codes, started from its c. Scales, one for each ``block`` codes, are None without. An
  implementation that starts from zero only does not implement any other c. No vector asks for it;
  ``msdnum probe`` and ``msdnum units`` do.
"""

from pathlib import Path

__all__ = ["OPERATIONS", "READY"]

OPERATIONS = (
    "encode", "decode", "quantize", "dequantize", "pack", "unpack", "from_blocks_and_scales",
    "decompose", "dot", "matmul", "scaled_matmul", "inner_products", "quantize_hif4",
    "quantize_asymmetric",
)  # fmt: skip
"""The functions that an adapter may have."""

READY = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
"""Names of the adapters that come with the package."""
