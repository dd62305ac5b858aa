"""Strangers: formats, schemes and blocks that nobody here has written, drawn at random."""

from fractions import Fraction

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from msdnum import bounds
from msdnum.emulator.decompositions import decompose
from msdnum.evidence.promises import covering
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import E8M0, FloatFormat, IntegerFormat, NonNumbers, SpacedFormat
from msdnum.formats.modes import Arithmetic, ScaleRule
from msdnum.formats.schemes import OWN_AMAX, Scheme, amax_scheme
from msdnum.ledger.findings import Evidence, Finding, Verdict, Witness

__all__ = ["RULES", "block", "element", "judge", "ratio", "scheme"]

Array = NDArray[np.float32]

RULES = ScaleRule.powers_of_two()


def element(rng: Generator, most: int = 13) -> SpacedFormat:
    """Draw a float format (E 1 to 5, M 0 to 7, any specials) or, one in four, an integer one.

    Of at most ``most`` bits.
    """
    while True:
        try:
            if rng.random() < 0.25:
                bits = int(rng.integers(2, 9))
                low = -(1 << (bits - 1)) + int(rng.integers(0, 2))
                return IntegerFormat(f"I{bits}", bits, low, int(rng.integers(0, bits)))
            exponent = int(rng.integers(1, 6))
            fraction = int(rng.integers(0, min(8, most - exponent)))
            specials = list(NonNumbers)[rng.integers(len(NonNumbers))]
            usual = (1 << (exponent - 1)) - 1
            bias = usual + int(rng.integers(-2, 3))
            return FloatFormat(f"E{exponent}M{fraction}", exponent, fraction, bias, specials)
        except ValueError:
            continue


def scheme(rng: Generator, block_size: int | None = None, most: int = 13) -> Scheme:
    """Draw a scheme: one in five of INT8's kind, the others with power-of-two scales."""
    draw = _integers if rng.random() < 0.2 else _floats
    while True:
        try:
            return draw(rng, block_size, most)
        except ValueError:
            continue


def _floats(rng: Generator, block_size: int | None, most: int) -> Scheme:
    count = int(rng.integers(1, 5))
    rule = RULES[rng.integers(len(RULES))]
    formats = tuple(
        BlockFormat(f"MX-{e.name}", e, E8M0, block_size, rule)
        for e in (element(rng, most) for _ in range(count))
    )
    powers = tuple(Fraction(2) ** int(rng.integers(-2, 10)) for _ in range(count - 1))
    ratios = OWN_AMAX if rng.random() < 0.25 else powers
    return Scheme("stranger", formats, ratios, Arithmetic.EXACT)


def _integers(rng: Generator, block_size: int | None, most: int) -> Scheme:
    count = int(rng.integers(1, 4))
    elements = [
        IntegerFormat(f"I{b}", b, 1 - (1 << b - 1)) for b in rng.integers(2, 9, count).tolist()
    ]
    found = amax_scheme("stranger", *elements, block_size=block_size)
    ratios = tuple(Fraction(int(rng.integers(1, int(r) + 1))) for r in found.ratios or ())
    return Scheme("stranger", found.formats, ratios, Arithmetic.EXACT)


def block(rng: Generator, size: int, exponent: int | None = None) -> Array:
    """Draw a binary32 block whose amax comes first, in any binade or in the one that is named."""
    exponent = int(rng.integers(-149, 128)) if exponent is None else exponent
    amax = np.ldexp(1 + rng.random() * (rng.random() < 0.8), exponent)
    amax = min(float(np.float32(amax)), float(np.finfo(np.float32).max))
    x = np.float32(amax) * rng.random(size) * np.exp2(-rng.integers(0, 12, size))
    grid = np.round(x / amax * 256) / 256 * amax
    x = np.where(rng.random(size) < 0.5, x, grid) * rng.choice([-1, 1], size)
    x[0] = amax
    clipped: Array = np.clip(x, -amax, amax).astype(np.float32)
    return clipped


def ratio(scheme: Scheme, x: Array) -> tuple[Fraction, int]:
    """Return the worst remainder of a block over theorem remainder's bound, and whose it is.

    Parameters
    ----------
    scheme : Scheme
        One that theorem remainder is about.
    x : ndarray of float32, shape (n,)
        One block, not all zeros.
    """
    found = decompose(x, scheme)
    left = np.abs(found.scaled_remainder.astype(np.float64))
    place = int(left.argmax())
    amax = float(np.abs(x).max())
    span = covering(amax) if scheme.formats[0].scale == E8M0 else Fraction(amax)
    error = Fraction(float(left[place])) / found.denominator
    return error / Fraction(bounds.remainder(scheme, span)), place


def judge(count: int, seed: int) -> Finding:
    """Try theorem remainder on random schemes, one block each, over the whole exponent range.

    Parameters
    ----------
    count : int
        How many schemes.
    seed : int
        Of schemes and blocks.
    """
    rng = np.random.default_rng(seed)
    worst, met = None, 0
    for _ in range(count):
        drawn, x = scheme(rng), block(rng, 32)
        found, place = ratio(drawn, x)
        met += found == 1
        # Where scales underflow all of x is left: of two that are as bad, the one nearer to 1.
        rank = found, -abs(float(np.log2(x[0], dtype=np.float64)))
        if worst is None or rank > worst[0]:
            worst = rank, drawn, x, place
    if worst is None:
        raise ValueError(f"count must be at least 1, got {count}")
    (largest, _), drawn, x, place = worst
    return Finding(
        Verdict.HOLDS if largest <= 1 else Verdict.FAILS,
        f"{float(largest):.6g} of it",
        largest,
        Evidence("sampled", count, "blocks of a random scheme each", seed),
        Witness("BINARY32", tuple(x.view(np.uint32).tolist()), place),
        (f"met by {met} of {count} blocks", f"worst: {_described(drawn)}"),
    )


def _described(scheme: Scheme) -> str:
    elements = " + ".join(_numbers(e) for e in scheme.elements)
    ratios = "own amax"
    if scheme.ratios is not OWN_AMAX:
        ratios = f"ratios {', '.join(map(str, scheme.ratios)) or 'none'}"
    return f"{elements}; {scheme.formats[0].rule.name}; {ratios}"


def _numbers(element: SpacedFormat) -> str:
    """Name an element by what it is: nobody knows its name."""
    if isinstance(element, FloatFormat):
        return f"{element.name} of bias {element.bias}, specials {element.specials.name}"
    return f"{element.name} from {element.min_integer} times 2^-{element.fraction_bits}"
