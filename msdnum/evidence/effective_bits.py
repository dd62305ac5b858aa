"""Effective bits: every scheme, definition and input, and which of them the paper has."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from msdnum import bounds
from msdnum.emulator.decompositions import decompose
from msdnum.errors import EFFECTIVE_BITS, bits_rms_relative
from msdnum.formats.elements import BF16, BINARY32, E2M1, E4M3, FloatFormat
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
from msdnum.ledger.findings import Evidence, Finding, Table, Verdict

__all__ = ["EffectiveBits", "approximation"]

Array = NDArray[np.float32]
Floats = NDArray[np.float64]

SCHEMES = (INT8_X1, INT8_X2, INT8_X3, MXFP4_X1, MXFP4_X2, MXFP4_X3, MXFP8_X1, MXFP8_X2)
NAMES = ("uniform", "normal", "laplace", "student_t", "log_uniform", "log_uniform_40")
BINADES = range(9)
PAPER = ("6.6", "5.24")
COMPARED = (MXFP4_X2, MXFP8_X1)


def approximation(x: Array, scheme: Scheme) -> Floats:
    """Return the sum of the terms of ``x`` in float64, from the exact remainder."""
    result = decompose(x, scheme)
    remainder: Floats = result.scaled_remainder.astype(np.float64)
    return x - remainder / result.denominator


def _rounds_to(value: float, written: str) -> bool:
    """Return whether a number is written so when rounded to as many decimals."""
    return f"{value:.{len(written.partition('.')[2])}f}" == written


def _written(bits: float) -> str:
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

    @cached_property
    def measured(self) -> dict[tuple[str, str, str], float]:
        """Bits by (scheme, definition, input)."""
        return {
            (scheme.name, definition, name): measure(x, y)
            for name in NAMES
            for x in [self.sample(families.family(name))]
            for scheme in SCHEMES
            for y in [approximation(x, scheme)]
            for definition, measure in EFFECTIVE_BITS.items()
        }

    def everything(self) -> Table:
        """Return all of ``measured``, one number in a row."""
        rows = ((*key, f"{value:.6g}") for key, value in self.measured.items())
        return Table(("scheme", "definition", "input", "bits"), tuple(rows))

    def by_input(self, schemes: Sequence[Scheme]) -> Table:
        """Return a table of definitions by inputs, the schemes side by side in a cell."""

        def cell(definition: str, name: str) -> str:
            return " ".join(_written(self.measured[s.name, definition, name]) for s in schemes)

        header = " ".join(scheme.name for scheme in schemes)
        rows = ((d, *(cell(d, name) for name in NAMES)) for d in EFFECTIVE_BITS)
        return Table((header, *NAMES), tuple(rows))

    def paper_in_closed_form(self) -> Finding:
        """Judge 6.6 and 5.24 by the one definition and the one input that give both."""
        found = [bounds.rms_error([E2M1, E2M1]).bits, bounds.rms_error([E4M3]).bits]
        drawn = [self._relative(self.sample(families.family("log_uniform")), s) for s in COMPARED]
        narrow = self.sample(families.family("log_uniform"), BF16)
        bf16 = [self._relative(narrow, scheme) for scheme in COMPARED]
        holds = all(map(_rounds_to, found, PAPER))
        notes = (
            f"sampled in binary32 {drawn[0]:.3f} and {drawn[1]:.3f}",
            f"in BF16, whose grid is coarse, {bf16[0]:.3f} and {bf16[1]:.3f}",
            f"two-pass INT8 has {self.measured[INT8_X2.name, 'rms_relative', 'log_uniform']:.2f}",
        )
        return Finding(
            _verdict(holds),
            f"{found[0]:.3f} and {found[1]:.3f}",
            evidence=Evidence("closed form", 2, "integrals"),
            notes=notes,
        )

    def _relative(self, x: Array, scheme: Scheme) -> float:
        return bits_rms_relative(x, approximation(x, scheme))

    def paper_elsewhere(self) -> Finding:
        """Judge 6.6 and 5.24 by every other definition and input."""
        others = {
            (definition, name): self._distance(definition, name)
            for definition in EFFECTIVE_BITS
            for name in NAMES
            if (definition, name) != ("rms_relative", "log_uniform")
        }
        definition, name = min(others, key=lambda key: others[key])
        nearest = [self.measured[scheme.name, definition, name] for scheme in COMPARED]
        return Finding(
            _verdict(all(map(_rounds_to, nearest, PAPER))),
            f"{nearest[0]:.2f} and {nearest[1]:.2f}",
            evidence=self.evidence(len(NAMES)),
            notes=(f"the nearest of {len(others)} is {definition} on {name}",),
            table=self.by_input(COMPARED),
            data=self.everything(),
        )

    def _distance(self, definition: str, name: str) -> float:
        found = (self.measured[scheme.name, definition, name] for scheme in COMPARED)
        return max(abs(f - float(p)) for f, p in zip(found, PAPER, strict=True))

    def int8_worst_case(self) -> Finding:
        """Judge 16 bits as the worst case that is proved."""
        found = -float(np.log2(float(bounds.int8_decomposition())))
        evidence = Evidence("closed form", 1, "logarithm of 64516")
        return Finding(_verdict(_rounds_to(found, "16")), f"{found:.3f}", evidence=evidence)

    def int8_elsewhere(self) -> Finding:
        """Judge 16 bits by every definition on every input."""
        found = {key[1:]: bits for key, bits in self.measured.items() if key[0] == INT8_X2.name}
        definition, name = min(found, key=lambda key: found[key])
        agreeing = sum(_rounds_to(bits, "16") for bits in found.values())
        return Finding(
            _verdict(agreeing == len(found)),
            _written(found[definition, name]),
            evidence=self.evidence(len(NAMES)),
            notes=(
                f"the least is {definition} on {name}",
                f"{agreeing} of {len(found)} round to 16",
            ),
            table=self.by_input([INT8_X2]),
        )

    def binades(self) -> Finding:
        """Judge whether two-pass MXFP4 has more bits than MXFP8 wherever in its block x is."""
        found = {scheme.name: [self._in_binade(scheme, k) for k in BINADES] for scheme in SCHEMES}
        four, eight = (np.array(found[scheme.name]) for scheme in COMPARED)
        rows = tuple((name, *map(_written, bits)) for name, bits in found.items())
        worst = int((four - eight).argmin())
        return Finding(
            _verdict(bool((four > eight).all())),
            f"{_written(four[worst])} against {_written(eight[worst])}",
            evidence=self.evidence(len(BINADES)),
            notes=(f"more in binades {', '.join(map(str, np.flatnonzero(four > eight + 0.01)))}",),
            table=Table(("rms_relative, -log2(|x|/alpha) from", *map(str, BINADES)), rows),
        )

    def _in_binade(self, scheme: Scheme, k: int) -> float:
        """Leave the first element of each block out: it only sets the scale."""
        x = self.sample(families.binade(k))
        below = np.arange(x.shape[-1]) % families.BLOCK != 0
        return bits_rms_relative(x[:, below], approximation(x, scheme)[:, below])


def _verdict(holds: bool) -> Verdict:
    return Verdict.HOLDS if holds else Verdict.FAILS
