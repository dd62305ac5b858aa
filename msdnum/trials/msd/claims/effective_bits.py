"""Effective bits as the paper has them: which definition and which input give its numbers."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from msdnum import bounds
from msdnum.errors import EFFECTIVE_BITS, bits_rms_relative
from msdnum.evidence.effective_bits import NAMES, SCHEMES, EffectiveBits, approximation, written
from msdnum.formats.elements import BF16, E2M1, E4M3, E8M0
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import INT8_X2, MXFP4_X2, MXFP8_X1, Scheme
from msdnum.inputs import families
from msdnum.ledger.findings import Evidence, Finding, Table, Verdict

__all__ = [
    "binades", "int8_elsewhere", "int8_worst_case", "paper_elsewhere", "paper_in_closed_form",
]  # fmt: skip

Array = NDArray[np.float32]

PAPER = ("6.6", "5.24")
COMPARED = (MXFP4_X2, MXFP8_X1)
BINADES = range(9)


def paper_in_closed_form(samples: EffectiveBits) -> Finding:
    """Judge 6.6 and 5.24 by the one definition and the one input that give both."""
    found = [bounds.rms_error([E2M1, E2M1]).bits, bounds.rms_error([E4M3]).bits]
    drawn = [_relative(samples.sample(families.family("log_uniform")), s) for s in COMPARED]
    narrow = samples.sample(families.family("log_uniform"), BF16)
    bf16 = [_relative(narrow, scheme) for scheme in COMPARED]
    holds = all(map(_rounds_to, found, PAPER))
    notes = (
        f"sampled in binary32 {drawn[0]:.3f} and {drawn[1]:.3f}",
        f"in BF16, whose grid is coarse, {bf16[0]:.3f} and {bf16[1]:.3f}",
        f"two-pass INT8 has {samples.measured[INT8_X2.name, 'rms_relative', 'log_uniform']:.2f}",
    )
    return Finding(
        _verdict(holds),
        f"{found[0]:.3f} and {found[1]:.3f}",
        evidence=Evidence("closed form", 2, "integrals"),
        notes=notes,
    )


def _relative(x: Array, scheme: Scheme) -> float:
    return bits_rms_relative(x, approximation(x, scheme))


def paper_elsewhere(samples: EffectiveBits) -> Finding:
    """Judge 6.6 and 5.24 by every other definition and input."""
    others = {
        (definition, name): _distance(samples, definition, name)
        for definition in EFFECTIVE_BITS
        for name in NAMES
        if (definition, name) != ("rms_relative", "log_uniform")
    }
    definition, name = min(others, key=lambda key: others[key])
    nearest = [samples.measured[scheme.name, definition, name] for scheme in COMPARED]
    return Finding(
        _verdict(all(map(_rounds_to, nearest, PAPER))),
        f"{nearest[0]:.2f} and {nearest[1]:.2f}",
        evidence=samples.evidence(len(NAMES)),
        notes=(
            f"the nearest of {len(others)} is {definition} on {name}, standard errors "
            + " and ".join(f"{samples.uncertainty(s, definition, name):.1g}" for s in COMPARED),
        ),
        table=samples.by_input(COMPARED),
        data=samples.everything(),
    )


def _distance(samples: EffectiveBits, definition: str, name: str) -> float:
    found = (samples.measured[scheme.name, definition, name] for scheme in COMPARED)
    return max(abs(f - float(p)) for f, p in zip(found, PAPER, strict=True))


def int8_worst_case(samples: EffectiveBits) -> Finding:
    """Judge 16 bits as the worst case that is proved."""
    found = -float(np.log2(float(bounds.int8_decomposition())))
    evidence = Evidence("closed form", 1, "logarithm of 64516")
    return Finding(_verdict(_rounds_to(found, "16")), f"{found:.3f}", evidence=evidence)


def int8_elsewhere(samples: EffectiveBits) -> Finding:
    """Judge 16 bits by every definition on every input."""
    found = {key[1:]: bits for key, bits in samples.measured.items() if key[0] == INT8_X2.name}
    definition, name = min(found, key=lambda key: found[key])
    agreeing = sum(_rounds_to(bits, "16") for bits in found.values())
    return Finding(
        _verdict(agreeing == len(found)),
        written(found[definition, name]),
        evidence=samples.evidence(len(NAMES)),
        notes=(
            f"the least is {definition} on {name}, standard error "
            f"{samples.uncertainty(INT8_X2, definition, name):.1g}",
            f"{agreeing} of {len(found)} round to 16",
        ),
        table=samples.by_input([INT8_X2]),
    )


def binades(samples: EffectiveBits) -> Finding:
    """Judge whether two-pass MXFP4 has more bits than MXFP8 wherever in its block x is.

    Bits are in closed form, beside which samples are put.
    """
    drawn = {scheme.name: [_in_binade(samples, scheme, k) for k in BINADES] for scheme in SCHEMES}
    found = {scheme.name: _bits_by_binade(scheme) for scheme in SCHEMES}
    four, eight = (np.array(found[scheme.name]) for scheme in COMPARED)
    rows = tuple((name, *map(written, bits)) for name, bits in found.items())
    worst = int((four - eight).argmin())
    apart = max(float(np.abs(np.subtract(drawn[name], found[name])).max()) for name in found)
    return Finding(
        _verdict(bool((four > eight).all())),
        f"{written(four[worst])} against {written(eight[worst])}",
        evidence=Evidence("closed form", len(BINADES), "binades"),
        notes=(
            f"more in binades {', '.join(map(str, np.flatnonzero(four > eight + 0.01)))}",
            f"sampled, seed {samples.seed}: within {apart:.2g} bits",
        ),
        table=Table(("rms_relative, -log2(|x|/alpha) from", *map(str, BINADES)), rows),
    )


@cache
def _bits_by_binade(scheme: Scheme) -> list[float]:
    """Return the bits of the RMS of error/x in closed form, x log-uniform in each binade."""
    elements = [fmt.element for fmt in scheme.formats]
    rule = ScaleRule.COVERING if scheme.formats[0].scale == E8M0 else ScaleRule.AMAX
    return [bounds.rms_error(elements, rule=rule, binade=k).bits for k in BINADES]


def _in_binade(samples: EffectiveBits, scheme: Scheme, k: int) -> float:
    """Leave the first element of each block out: it only sets the scale."""
    x = samples.sample(families.binade(k))
    below = np.arange(x.shape[-1]) % families.BLOCK != 0
    return bits_rms_relative(x[:, below], approximation(x, scheme)[:, below])


def _rounds_to(value: float, written: str) -> bool:
    """Return whether a number is written so when rounded to as many decimals."""
    return f"{value:.{len(written.partition('.')[2])}f}" == written


def _verdict(holds: bool) -> Verdict:
    return Verdict.HOLDS if holds else Verdict.FAILS
