"""The claims, each under every convention it leaves open, and what judges them.

A row is an ``Entry``; a function of the ``Study`` gives the entries of a claim, and ``STUDIES``
lists those functions. Adding rows is adding a function there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial

from msdnum import bounds
from msdnum.decompose import (
    INT8_X1,
    INT8_X1_FLOAT32,
    INT8_X2,
    INT8_X2_FLOAT32,
    INT8_X3,
    INT8_X3_FLOAT32,
    MXFP4_X1,
    MXFP4_X2,
    MXFP4_X3,
    MXFP8_X1,
    OWN_AMAX,
    Scheme,
    amax_scheme,
    covering_scheme,
)
from msdnum.evidence import EVERY_AMAX, Bound, Pairs
from msdnum.formats import E2M1, E4M3, INT4, INT8_SYMMETRIC
from msdnum.ledger import Claim, Entry, Ledger, Row, Verdict
from msdnum.modes import ScaleRule
from msdnum.pairs import LARGEST
from msdnum.theorems import theorem

__all__ = ["CLAIMS", "Study", "entries", "ledger", "row"]

CLAIMS = (
    Claim("C1", "two-pass INT8 leaves at most M/64516", Verdict.CONDITIONAL),
    Claim("C2", "two-pass MXFP4 leaves at most alpha/64", Verdict.CONDITIONAL),
    Claim("bounds", "every bound of msdnum.bounds holds; a ratio of 1 is attained"),
)


@dataclass(frozen=True)
class Study:
    """What a run of the ledger is given.

    Parameters
    ----------
    deep : bool
        Everything, or what takes less than a minute.
    seed : int
        Of everything that is sampled.
    pairs : Pairs
        The exhaustive evidence, run once for each scheme.
    """

    deep: bool = False
    seed: int = 0
    pairs: Pairs = field(default_factory=lambda: Pairs(deep=False))


# Ranges of amax, as BF16 patterns.

INT8_NORMAL = range(0x0800, LARGEST + 1)
"""From 2**-111: no scale of two terms is subnormal in binary32."""
INT8_SUBNORMAL = range(1, 0x0800)
MXFP4_NORMAL = range(0x0280, LARGEST + 1)
"""From 2**-122: no scale of two terms is below E8M0's 2**-127."""
MXFP4_UNDERFLOW = range(1, 0x0280)

M_64516 = Bound("M/64516", "M", lambda m: m / 64516)
ALPHA_64 = Bound("alpha/64", "alpha", lambda alpha: alpha / 64)


def c1(study: Study) -> Iterator[Entry]:
    """Two-pass INT8 against M/64516."""
    fails = Verdict.FAILS
    float32 = "int8-decomposition-float32"
    for convention, scheme, amaxes, theorem_id, expected in (
        ("exact arithmetic", INT8_X2, EVERY_AMAX, "int8-decomposition", Verdict.HOLDS),
        ("float32, no FMA, M >= 2^-111", INT8_X2_FLOAT32, INT8_NORMAL, float32, fails),
        ("float32, no FMA, M < 2^-111", INT8_X2_FLOAT32, INT8_SUBNORMAL, None, fails),
    ):
        judge = partial(study.pairs.judge, scheme, M_64516, amaxes)
        yield Entry("C1", convention, M_64516.text, judge, theorem_id, expected)


def with_rule(scheme: Scheme, rule: ScaleRule, *, own_amax: bool = False) -> Scheme:
    """Return the scheme under another scale rule; OWN_AMAX if each scale follows its remainder."""
    formats = tuple(replace(fmt, rule=rule) for fmt in scheme.formats)
    ratios = OWN_AMAX if own_amax else scheme.ratios
    return replace(scheme, formats=formats, ratios=ratios)


RULES = (ScaleRule.COVERING, ScaleRule.RCEIL, ScaleRule.EVEN, ScaleRule.FLOOR)
RULE_NAMES = {ScaleRule.COVERING: "CEIL (covering alpha)"}
SECOND = {False: "s2 = s1/8", True: "s2 by own amax"}


def _rule_convention(rule: ScaleRule, own_amax: bool) -> str:
    return f"{RULE_NAMES.get(rule, rule.name)}, {SECOND[own_amax]}"


def c2(study: Study) -> Iterator[Entry]:
    """Two-pass MXFP4 against alpha/64 under each scale rule."""
    for rule in RULES:
        for own_amax in SECOND:
            broken = rule is ScaleRule.FLOOR or (rule is not ScaleRule.COVERING and not own_amax)
            yield Entry(
                "C2",
                _rule_convention(rule, own_amax),
                ALPHA_64.text,
                partial(
                    study.pairs.judge,
                    with_rule(MXFP4_X2, rule, own_amax=own_amax),
                    ALPHA_64,
                    MXFP4_NORMAL,
                ),
                "mxfp4-scale-rules",
                Verdict.FAILS if broken else Verdict.HOLDS,
            )
    judge = partial(study.pairs.judge, MXFP4_X2, ALPHA_64, MXFP4_UNDERFLOW)
    convention = "CEIL, s2 = s1/8, amax < 2^-122"
    yield Entry("C2", convention, ALPHA_64.text, judge, "mxfp4-decomposition", Verdict.FAILS)


def theorems(study: Study) -> Iterator[Entry]:
    """Every decomposition theorem as it is stated, underflow terms included."""
    for convention, scheme, theorem_id, bound, amaxes in _theorem_bounds():
        judge = partial(study.pairs.judge, scheme, bound, amaxes)
        yield Entry("bounds", convention, bound.text, judge, theorem_id)


TheoremBound = tuple[str, Scheme, str, Bound, range]


def _theorem_bounds() -> Iterator[TheoremBound]:
    yield from _int8_bounds()
    yield from _covering_bounds()
    for rule in RULES:
        for own_amax in SECOND:
            yield from _scale_rule_bounds(rule, own_amax)


def _int8_bounds() -> Iterator[TheoremBound]:
    for n, scheme in enumerate((INT8_X1, INT8_X2, INT8_X3), 1):
        bound = Bound(f"M/{254**n}", "M", partial(bounds.int8_decomposition, terms=n))
        yield f"INT8 x{n}, exact", scheme, "int8-decomposition", bound, EVERY_AMAX
    for n, scheme in enumerate((INT8_X1_FLOAT32, INT8_X2_FLOAT32, INT8_X3_FLOAT32), 1):
        growth = float(bounds.int8_decomposition_float32(1, n) * 254**n)
        text = f"{growth:.5f} M/{254**n}"
        bound = Bound(text, "M", partial(bounds.int8_decomposition_float32, terms=n))
        normal = range(0x0400 * n, LARGEST + 1)
        yield f"INT8 x{n}, float32", scheme, "int8-decomposition-float32", bound, normal
    mixed = amax_scheme("INT8_INT4", INT8_SYMMETRIC, INT4)
    of = partial(bounds.mixed_decomposition, [INT8_SYMMETRIC, INT4], rule=ScaleRule.AMAX)
    bound = Bound("M/3556", "M", of)
    yield "INT8 + INT4, exact", mixed, "mixed-decomposition", bound, EVERY_AMAX


def _covering_bounds() -> Iterator[TheoremBound]:
    for n, scheme in enumerate((MXFP4_X1, MXFP4_X2, MXFP4_X3), 1):
        of = partial(bounds.mxfp4_decomposition, terms=n)
        bound = Bound(f"alpha/{8**n} or 2^-129", "alpha", of)
        yield f"MXFP4 x{n}, covering", scheme, "mxfp4-decomposition", bound, EVERY_AMAX
    bound = Bound("alpha/32 or 2^-137", "alpha", bounds.mxfp8_decomposition)
    yield "MXFP8 x1, covering", MXFP8_X1, "mxfp8-decomposition", bound, EVERY_AMAX
    mixed = covering_scheme("MXFP8_MXFP4", E4M3, E2M1)
    of = partial(bounds.mixed_decomposition, [E4M3, E2M1])
    bound = Bound("alpha/256 or 2^-129", "alpha", of)
    yield "MXFP8 + MXFP4, covering", mixed, "mixed-decomposition", bound, EVERY_AMAX


def _scale_rule_bounds(rule: ScaleRule, own_amax: bool) -> Iterator[TheoremBound]:
    scheme = with_rule(MXFP4_X2, rule, own_amax=own_amax)
    best = bounds.mxfp4_scale_rules(rule, own_amax=own_amax)
    for unit, constant in (("alpha", best.alpha), ("amax", best.amax)):
        bound = Bound(f"{constant} {unit}", unit, partial(_times, constant))
        convention = f"MXFP4 x2, {rule.name}, {SECOND[own_amax]}"
        yield convention, scheme, "mxfp4-scale-rules", bound, MXFP4_NORMAL


def _times(constant: Fraction, x: Fraction) -> Fraction:
    return constant * x


STUDIES: tuple[Callable[[Study], Iterator[Entry]], ...] = (c1, c2, theorems)


def entries(study: Study, only: str | None = None) -> list[Entry]:
    """Return the entries, in the order of the ledger; of one claim only if it is named.

    Raises
    ------
    ValueError
        If there is no such claim.
    """
    ids = [claim.id for claim in CLAIMS]
    if only is not None and only not in ids:
        raise ValueError(f"claim must be one of {', '.join(ids)}, got {only!r}")
    found = [entry for function in STUDIES for entry in function(study)]
    return [entry for entry in found if only in (None, entry.claim)]


def row(entry: Entry) -> Row:
    """Judge one entry."""
    known = theorem(entry.theorem) if entry.theorem else None
    return Row(entry, entry.judge(), known is not None and known.machine_checked)


def ledger(rows: tuple[Row, ...], **settings: object) -> Ledger:
    """Return the ledger of judged rows."""
    present = {row.entry.claim for row in rows}
    return Ledger(tuple(claim for claim in CLAIMS if claim.id in present), rows, settings)
