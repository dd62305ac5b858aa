"""Sweeps of a cast of the user's: all 2**32 binary32 numbers against the specification."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, unique
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msdnum import __version__, spec
from msdnum.evidence.cast_steps import REFUSED, steps_of
from msdnum.evidence.own_casts import CastError, CommandCast, OwnCast
from msdnum.evidence.sweeps import Findings, Outcome, Sweep
from msdnum.formats.elements import BINARY32, ElementFormat
from msdnum.formats.modes import Overflow, Rounding

__all__ = ["Gives", "OwnCastJudge", "own_cast_sweep", "witnesses"]

BLOCK, BLOCK_OF_A_COMMAND = 1 << 18, 1 << 22
"""Inputs of one call: few enough to have one exponent, so many that a call costs nothing."""


@unique
class Gives(Enum):
    """What a cast returns."""

    CODES = "codes"
    VALUES = "values"


@dataclass(frozen=True)
class OwnCastJudge:
    """The judge of a cast: which of consecutive inputs it casts otherwise than the specification.

    Parameters
    ----------
    cast : OwnCast
        What is judged.
    fmt : ElementFormat
        Format of at most 16 bits that it casts to.
    rounding, overflow
        The modes in which the specification does it.
    gives : Gives
        Codes, or float32 values.
    """

    cast: OwnCast
    fmt: ElementFormat
    rounding: Rounding
    overflow: Overflow
    gives: Gives

    def __call__(self, inputs: NDArray[np.int64]) -> Outcome:
        """Judge consecutive inputs: mismatches by sign and exponent."""
        got = self.result(inputs)
        expected = steps_of(self.fmt, self.rounding, self.overflow).between(
            int(inputs[0]), int(inputs[-1]) + 1
        )
        refused = expected == REFUSED
        differs = (got != self._patterns[expected]) & ~refused
        if self._nans.any():
            differs &= ~(self._nans[expected] & self._is_nan(got))
        left_out = {"no answer in the specification": refused} if refused.any() else {}
        kinds = {name: differs & part for name, part in _exponents(inputs)} if differs.any() else {}
        hashed = got.astype(np.uint32 if self.gives is Gives.VALUES else np.uint16)
        return Outcome(hashed, {k: mask for k, mask in kinds.items() if mask.any()}, left_out)

    def result(self, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the bit patterns of what the cast gives."""
        x = inputs.astype(np.uint32).view(np.float32)
        found = self.cast(x, self._output)
        if found.shape != x.shape:
            raise CastError(f"cast must return {x.size} results for {x.size}, got {found.shape}")
        if self.gives is Gives.VALUES:
            return found.view(np.uint32).astype(np.int64)
        codes = found.astype(np.int64)
        # Signed codes of two's complement are as good.
        least = -(1 << self.fmt.bits - 1)
        return np.where((codes >= least) & (codes < 0), codes - 2 * least, codes)

    @property
    def _output(self) -> np.dtype[Any]:
        if self.gives is Gives.VALUES:
            return np.dtype(np.float32)
        return np.dtype(np.uint8 if self.fmt.bits <= 8 else np.uint16)

    @cached_property
    def _patterns(self) -> NDArray[np.int64]:
        """What is to come back, by code."""
        if self.gives is Gives.CODES:
            return np.arange(1 << self.fmt.bits)
        values = (spec.decode(code, self.fmt) for code in self.fmt.codes)
        return np.array([spec.to_float32_bits(value) for value in values], np.int64)

    @cached_property
    def _nans(self) -> NDArray[np.bool_]:
        """Which codes are NaN: one is as good as another."""
        special = spec.Special.NAN
        return np.array([spec.decode(code, self.fmt) is special for code in self.fmt.codes])

    def _is_nan(self, got: NDArray[np.int64]) -> NDArray[np.bool_]:
        if self.gives is Gives.VALUES:
            return (got & 0x7FFFFFFF) > 0x7F800000
        inside = (got >= 0) & (got < self._nans.size)
        return inside & self._nans[np.where(inside, got, 0)]

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what every process can make for itself."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def _exponents(inputs: NDArray[np.int64]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield names and masks of the signs and exponents among inputs."""
    fields = inputs >> 23
    for field in range(int(fields[0]), int(fields[-1]) + 1):
        sign, exponent = "-+"[field < 256], field % 256
        middle = f"2^{exponent - 127}"
        text = {0: "subnormal or zero", 255: "Inf or NaN"}.get(exponent, middle)
        yield f"{sign}{text}", fields == field


def own_cast_sweep(
    cast: OwnCast,
    fmt: ElementFormat,
    *,
    rounding: Rounding = Rounding.RNE,
    overflow: Overflow = Overflow.SATURATE,
    gives: Gives = Gives.CODES,
    size: int = 1 << 32,
) -> Sweep:
    """Return the sweep of all binary32 patterns through a cast of the user's.

    Parameters
    ----------
    cast : OwnCast
        See ``cast_of``.
    fmt : ElementFormat
        Any of at most 16 bits.
    rounding, overflow
        The modes that the cast is to have.
    gives : Gives
        What it returns.
    size : int
        The first so many patterns only.

    Raises
    ------
    ValueError
        If the format is wider or does not have the modes.
    """
    steps_of(fmt, rounding, overflow)
    named = str(cast).rpartition("/")[2]
    label = "".join(c if c.isalnum() else "-" for c in f"own-{fmt.name}-{named}")[:80]
    return Sweep(
        label,
        "binary32 patterns, an integer is its pattern",
        f"{cast} to {fmt!r}, {rounding.name}, {overflow.name}; the output is {gives.value}",
        size,
        OwnCastJudge(cast, fmt, rounding, overflow, gives),
        {"msdnum": __version__, "sha256 of the cast": cast.fingerprint()},
        (
            "against the specification, bit by bit; one NaN is as good as another",
            "what the specification refuses is left out",
        ),
        BLOCK_OF_A_COMMAND if isinstance(cast, CommandCast) else BLOCK,
    )


def witnesses(sweep: Sweep, findings: Findings) -> Iterator[tuple[str, int, str]]:
    """Yield sign and exponent, how many inputs differ there, and the first of them in bits.

    The block of the witness is cast once more: who answers otherwise then is found out, too.
    """
    judge = sweep.judge
    assert isinstance(judge, OwnCastJudge)
    for kind, event in findings.mismatches.items():
        if event.first is None:
            continue
        start = event.first // sweep.block * sweep.block
        inputs = np.arange(start, min(start + sweep.block, sweep.size))
        got = int(judge.result(inputs)[event.first - start])
        yield kind, event.count, _witness(judge, event.first, got)


def _witness(judge: OwnCastJudge, bits: int, got: int) -> str:
    value = spec.from_float32_bits(bits)
    code = spec.encode(value, judge.fmt, overflow=judge.overflow, rounding=judge.rounding)
    expected = code
    if judge.gives is Gives.VALUES:
        expected = spec.to_float32_bits(spec.decode(code, judge.fmt))
    wanted, there = (_number(pattern, judge) for pattern in (expected, got))
    again = ", and another answer when asked again" if expected == got else ""
    return f"x {bits:#010x} ({_text(value)}): expected {wanted}, got {there}{again}"


def _number(pattern: int, judge: OwnCastJudge) -> str:
    fmt = judge.fmt if judge.gives is Gives.CODES else BINARY32
    if not 0 <= pattern < 1 << fmt.bits:
        return f"{pattern:#x}, no code"
    return f"{pattern:#0{2 - (-fmt.bits // 4)}x} ({_text(spec.decode(pattern, fmt))})"


def _text(value: spec.Value) -> str:
    if isinstance(value, spec.Special):
        return str(value.value)
    exact = str(value)
    return exact if len(exact) <= 12 else f"{float(value):.8g}"
