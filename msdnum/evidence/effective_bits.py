"""Effective bits on samples: every scheme, definition and input."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.decompositions import decompose
from msdnum.errors import EFFECTIVE_BITS
from msdnum.formats.elements import BINARY32, FloatFormat
from msdnum.formats.schemes import (
    INT8_X1,
    INT8_X2,
    INT8_X3,
    MXFP4_X1,
    MXFP4_X2,
    MXFP4_X3,
    MXFP8_X1,
    MXFP8_X2,
    Scheme,
)
from msdnum.inputs import families
from msdnum.inputs.families import Family
from msdnum.ledger.findings import Evidence, Table
from msdnum.ledger.trial import Study

__all__ = ["EffectiveBits", "approximation", "samples_of", "written"]

Array = NDArray[np.float32]
Floats = NDArray[np.float64]

SCHEMES = (INT8_X1, INT8_X2, INT8_X3, MXFP4_X1, MXFP4_X2, MXFP4_X3, MXFP8_X1, MXFP8_X2)
NAMES = ("uniform", "normal", "laplace", "student_t", "log_uniform", "log_uniform_40")

GROUPS = 16
"""Parts of a sample, whose spread is that of other seeds."""


def approximation(x: Array, scheme: Scheme) -> Floats:
    """Return the sum of the terms of ``x`` in float64, from the exact remainder."""
    result = decompose(x, scheme)
    remainder: Floats = result.scaled_remainder.astype(np.float64)
    return x - remainder / result.denominator


def written(bits: float) -> str:
    """Write with two decimals, without a sign before zero."""
    return f"{round(bits, 2) + 0.0:.2f}"


@dataclass(frozen=True)
class EffectiveBits:
    """Effective bits on samples of every input family.

    Parameters
    ----------
    seed : int
        Of the samples.
    rows : int
        Rows of 128 elements in a sample. Blocks lie along rows; INT8 has one scale for each.
    """

    seed: int
    rows: int

    def sample(self, family: Family, fmt: FloatFormat = BINARY32) -> Array:
        """Draw from a family."""
        rng = np.random.default_rng(self.seed)
        return family.generate((self.rows, 128), rng=rng, fmt=fmt)

    def evidence(self, inputs: int) -> Evidence:
        """Say what was drawn."""
        return Evidence("sampled", inputs * self.rows * 128, "binary32 elements", self.seed)

    def sampled(self, scheme: Scheme, definition: str, name: str) -> float:
        """Return the bits of one scheme, by one definition, on one input."""
        return EFFECTIVE_BITS[definition](*self._pair(scheme, name))

    def uncertainty(self, scheme: Scheme, definition: str, name: str) -> float:
        """Return the standard error of bits, from those of ``GROUPS`` parts of the rows."""
        measure, (x, y) = EFFECTIVE_BITS[definition], self._pair(scheme, name)
        parts = zip(np.split(x, GROUPS), np.split(y, GROUPS), strict=True)
        return float(np.std([measure(a, b) for a, b in parts], ddof=1) / np.sqrt(GROUPS))

    @cache  # noqa: B019 - an instance lives as long as its study
    def _pair(self, scheme: Scheme, name: str) -> tuple[Array, Floats]:
        x = self.sample(families.family(name))
        return x, approximation(x, scheme)

    @cached_property
    def measured(self) -> dict[tuple[str, str, str], float]:
        """Bits by (scheme, definition, input)."""
        return {
            (scheme.name, definition, name): measure(x, y)
            for name in NAMES
            for scheme in SCHEMES
            for x, y in [self._pair(scheme, name)]
            for definition, measure in EFFECTIVE_BITS.items()
        }

    def everything(self) -> Table:
        """Return all of ``measured``, one number in a row."""
        rows = ((*key, f"{value:.6g}") for key, value in self.measured.items())
        return Table(("scheme", "definition", "input", "bits"), tuple(rows))

    def by_input(self, schemes: Sequence[Scheme]) -> Table:
        """Return a table of definitions by inputs, the schemes side by side in a cell."""

        def cell(definition: str, name: str) -> str:
            return " ".join(written(self.measured[s.name, definition, name]) for s in schemes)

        header = " ".join(scheme.name for scheme in schemes)
        rows = ((d, *(cell(d, name) for name in NAMES)) for d in EFFECTIVE_BITS)
        return Table((header, *NAMES), tuple(rows))


def samples_of(study: Study) -> EffectiveBits:
    """Return the samples of a study, drawn once."""
    rows = 8192 if study.deep else 1024
    return study.once("effective bits", lambda: EffectiveBits(study.seed, rows))
