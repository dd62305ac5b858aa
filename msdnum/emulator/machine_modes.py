"""Modes of the processor's arithmetic, which any library of the process may have changed.

A shared object that was linked with ``-ffast-math`` flushes subnormal numbers to zero in the thread
that loads it; ``fesetround`` changes how sums are rounded. Python and NumPy notice neither.
"""

__all__ = ["check_rounding", "flushes_subnormals"]

_ONE, _ULP = 1.0, 2.0**-52
_QUARTER, _THREE_QUARTERS = _ULP / 4, _ULP * 3 / 4
_SUBNORMAL = 2.0**-1074


def flushes_subnormals() -> bool:
    """Return whether subnormal operands or results are taken for zero in this thread, now."""
    return _SUBNORMAL * _ONE == 0


def check_rounding() -> None:
    """Raise unless the processor rounds to nearest in this thread, now.

    Raises
    ------
    RuntimeError
        If it does not: no result of this package would be right.
    """
    if _ONE + _QUARTER > _ONE or _ONE + _THREE_QUARTERS == _ONE:
        raise RuntimeError(
            "the processor must round to nearest, but a library of this process has changed its "
            "mode, as fesetround does: restore it, or compute in another thread"
        )
