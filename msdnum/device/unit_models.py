"""Models of instructions: a matrix unit, int32, or a chain of binary64."""

from collections.abc import Callable
from fractions import Fraction
from math import inf, isfinite
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum.device.dot_families import Dots
from msdnum.device.instructions import FusedChain, Instruction
from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import Int32Overflow

__all__ = ["Multiply", "fused_chains", "modelled"]

Array: TypeAlias = NDArray[Any]
Multiply: TypeAlias = Callable[..., Array]
"""As ``TensorCores.multiply``: the name of an instruction, its operands, where it starts."""

EXTREME = 2**31


def modelled(instruction: Instruction, given: Dots, multiply: Multiply | None = None) -> Array:
    """Return what the model of an instruction gives for its operands, on NumPy.

    Parameters
    ----------
    instruction : Instruction
        Its ``model`` is taken; instructions follow each other along k.
    given : Dots
        A, B and C.
    multiply : callable, optional
        Where ``fma.rn.f64`` is reached, the fused multiply-add of the ordinary units: a chain in
        binary64 is then theirs, and otherwise one of rationals, which takes its time.
    """
    model = instruction.model
    if isinstance(model, FusedChain):
        return fused_chains(given) if multiply is None else multiply("fma.rn.f64", given)
    if isinstance(model, Int32Overflow):
        return _integers(given, model, instruction.k)
    with np.errstate(all="ignore"):
        found: Array = matmul(
            given.a, given.b.T, c=given.c, output=instruction.output, accumulator=model
        )
    return found


def _integers(given: Dots, overflow: Int32Overflow, k: int) -> Array:
    """Return sums modulo ``2**32``, or clamped after every instruction."""
    total = given.c.astype(np.int64)
    for i in range(0, given.a.shape[1], k):
        a, b = (x[:, i : i + k].astype(np.int64) for x in (given.a, given.b))
        total = total + a @ b.T
        if overflow is Int32Overflow.SATURATE:
            total = np.clip(total, -EXTREME, EXTREME - 1)
    return total.astype(np.int32)


def fused_chains(given: Dots) -> Array:
    """Return chains of binary64 multiply-adds, each rounded once, from exact rationals.

    Examples
    --------
    >>> from msdnum.device import Dots, fused_chains
    >>> x = np.float64([[1 + 2.0**-52, 1.0]])
    >>> float(fused_chains(Dots(x, x, np.float64([[-1.0]])))[0, 0])  # 2**-51 + 2**-104, then + 1
    1.0000000000000004
    """
    found = np.empty_like(given.c)
    for i, j in np.ndindex(found.shape):
        total = float(given.c[i, j])
        for x, y in zip(given.a[i].tolist(), given.b[j].tolist(), strict=True):
            total = _fused(x, y, total)
        found[i, j] = total
    return found


def _fused(x: float, y: float, z: float) -> float:
    """Return ``x * y + z``, rounded once."""
    if not (isfinite(x) and isfinite(y) and isfinite(z)):
        return (0.0 if isfinite(x) and isfinite(y) else x * y) + z
    exact = Fraction(x) * Fraction(y) + Fraction(z)
    if not exact:
        return x * y + z  # The product is a number of the format, so the sum has the right sign.
    try:
        return float(exact)
    except OverflowError:
        return inf if exact > 0 else -inf
