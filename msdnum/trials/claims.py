"""The claims, each under every convention it leaves open, and what judges them.

A row of the ledger is an ``Entry``; each function in ``STUDIES`` gives some of them. Adding rows is
adding a function there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from msdnum import errors
from msdnum._extras import remedy
from msdnum._names import did_you_mean
from msdnum._repository import CERTIFICATES
from msdnum.evidence import strangers
from msdnum.evidence.decompositions import Pairs, Progress, judge_blocks, judge_rounding, unheard
from msdnum.evidence.effective_bits import EffectiveBits, approximation
from msdnum.evidence.promises import (
    ALPHA_64,
    EVERY_AMAX,
    INT8_NORMAL,
    INT8_SUBNORMAL,
    M_64516,
    MXFP4_64,
    MXFP4_NORMAL,
    MXFP4_UNDERFLOW,
    MXFP8_32,
    RULES,
    SECOND,
    Promise,
    promises,
    with_rule,
)
from msdnum.formats.elements import E2M1, E2M3, E3M2, E4M3, E5M2, INT8_SYMMETRIC, MXINT8_ELEMENT
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import INT8_X2, INT8_X2_FLOAT32, MXFP4_X2, MXFP8_X1
from msdnum.inputs.families import minilm
from msdnum.ledger.findings import Finding, Verdict, not_run
from msdnum.ledger.ledger import Claim, Entry, Ledger, Row
from msdnum.ledger.theorems import theorem
from msdnum.trials.msd.claims.attention import attention_bounds, attention_claim
from msdnum.trials.msd.claims.cann import CANN_CLAIM, cann
from msdnum.trials.msd.claims.costs import COST_CLAIMS, c4, c5, c6, c8
from msdnum.trials.msd.claims.model import model_claim, model_quality
from msdnum.trials.msd.claims.products import GEMM_CLAIM, gemm_claim
from msdnum.trials.toolkit import bits as agreement
from msdnum.trials.toolkit import products

__all__ = ["CLAIMS", "STUDIES", "Study", "entries", "judge", "ledger"]

Array = NDArray[np.float32]

CLAIMS = (
    Claim(
        "C1",
        "two-pass INT8 leaves at most M/64516, about 16 effective bits",
        Verdict.CONDITIONAL,
    ),
    Claim("C2", "two-pass MXFP4 leaves at most alpha/64", Verdict.CONDITIONAL),
    Claim(
        "C3",
        "two-pass MXFP4 has about 6.6 effective bits, one-pass MXFP8 5.24",
        Verdict.CONDITIONAL,
    ),
    *COST_CLAIMS[:3],
    GEMM_CLAIM,
    *COST_CLAIMS[3:],
    CANN_CLAIM,
    Claim("bounds", "every bound of msdnum.bounds holds; one whose ratio is 1 is attained"),
    Claim("model", "the bounds hold on all-MiniLM-L6-v2, at its first linear layer"),
    Claim("tensor", "the bounds hold on the tensor given"),
    Claim("bits", "specification, NumPy and JAX give the same bits, as far as its rows go"),
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
    tensor : ndarray of float32 or None
        A tensor of the user's.
    progress : callable
        Told how much is done, now and then.
    pairs : Pairs
        The exhaustive evidence, run once for each scheme.
    effective : EffectiveBits
        The sampled evidence.
    """

    deep: bool = False
    seed: int = 0
    tensor: Array | None = None
    progress: Progress = unheard
    pairs: Pairs = field(init=False)
    effective: EffectiveBits = field(init=False)

    def __post_init__(self) -> None:
        """Prepare what the rows share."""
        object.__setattr__(self, "pairs", Pairs(self.deep, self.progress))
        object.__setattr__(self, "effective", EffectiveBits(self.seed, 8192 if self.deep else 1024))


HOSTILE_BINARY32 = np.array([0x3F800237, 0x3F7F19C3], np.uint32).view(np.float32)
"""M and the x that the search behind int8-decomposition-float32 found worst beside it."""


def c1(study: Study) -> Iterator[Entry]:
    """Two-pass INT8 against M/64516, and its effective bits."""
    exact, float32 = "int8-decomposition", "int8-decomposition-float32"
    fails = Verdict.FAILS
    for promise, expected in (
        (Promise("exact arithmetic", INT8_X2, M_64516, exact, EVERY_AMAX), Verdict.HOLDS),
        (
            Promise("float32, no FMA, M >= 2^-111", INT8_X2_FLOAT32, M_64516, float32, INT8_NORMAL),
            fails,
        ),
        (
            Promise(
                "float32, no FMA, M < 2^-111", INT8_X2_FLOAT32, M_64516, float32, INT8_SUBNORMAL
            ),
            fails,
        ),
    ):
        yield _pairs_entry("C1", promise, study, expected)
    promise = Promise(
        "float32, no FMA, binary32 x and M", INT8_X2_FLOAT32, M_64516, float32, EVERY_AMAX
    )
    judge = partial(judge_blocks, HOSTILE_BINARY32, promise, "known case")
    yield Entry("C1", promise.convention, "M/64516", judge, float32, fails)
    effective = study.effective
    yield Entry("C1", "bits: log2(M / worst error)", "16 bits", effective.int8_worst_case, exact)
    convention = "bits: every definition and input"
    yield Entry("C1", convention, "16 bits", effective.int8_elsewhere, "rms-error", fails)


def _pairs_entry(
    claim: str, promise: Promise, study: Study, expected: Verdict = Verdict.HOLDS
) -> Entry:
    judge = partial(study.pairs.judge, promise)
    text = promise.bound.text
    return Entry(claim, promise.convention, text, judge, promise.theorem, expected)


def c2(study: Study) -> Iterator[Entry]:
    """Two-pass MXFP4 against alpha/64 under each scale rule, and where scales underflow."""
    for rule in RULES:
        for own_amax in SECOND:
            scheme = with_rule(MXFP4_X2, rule, own_amax=own_amax)
            convention = f"{rule.name}, {SECOND[own_amax]}"
            promise = Promise(convention, scheme, ALPHA_64, "mxfp4-scale-rules", MXFP4_NORMAL)
            saturates = rule is ScaleRule.FLOOR or (rule is not ScaleRule.CEIL and not own_amax)
            yield _pairs_entry("C2", promise, study, Verdict.FAILS if saturates else Verdict.HOLDS)
    convention = "CEIL, s2 = s1/8, amax < 2^-122"
    promise = Promise(convention, MXFP4_X2, ALPHA_64, "mxfp4-decomposition", MXFP4_UNDERFLOW)
    yield _pairs_entry("C2", promise, study, Verdict.FAILS)


def c3(study: Study) -> Iterator[Entry]:
    """Effective bits of two-pass MXFP4 and of MXFP8."""
    effective, numbers = study.effective, "6.6 and 5.24"
    convention = "RMS of error/x, x log-uniform, top binade"
    yield Entry("C3", convention, numbers, effective.paper_in_closed_form, "rms-error")
    convention = "every other definition and input"
    yield Entry("C3", convention, numbers, effective.paper_elsewhere, "rms-error", Verdict.FAILS)
    convention = "RMS of error/x, binade by binade"
    promise = "MXFP4 x2 > MXFP8"
    yield Entry("C3", convention, promise, effective.binades, "rms-error", Verdict.FAILS)


def c7(study: Study) -> Iterator[Entry]:
    """Errors of products, of attention and of a model, beside those of each baseline."""
    yield from gemm_claim(study.seed)
    yield from attention_claim(study.seed)
    yield from model_claim()


def theorems(study: Study) -> Iterator[Entry]:
    """Every bound as it is proved."""
    formats = (E2M1, E2M3, E3M2, E4M3, E5M2, INT8_SYMMETRIC, MXINT8_ELEMENT)
    judge = partial(judge_rounding, formats)
    yield Entry("bounds", "element rounding", "u/(1+u) |x| or eta/2", judge, "element-rounding")
    for promise in promises():
        yield _pairs_entry("bounds", promise, study)
    judge = partial(strangers.judge, 20_000 if study.deep else 2000, study.seed)
    yield Entry("bounds", "any formats, ratios and rules", "bounds.remainder", judge, "remainder")


def product_theorems(study: Study) -> Iterator[Entry]:
    """Bounds on sums of products."""
    for case in products.GEMM_CASES:
        # Coq checks trees and steps, not that this product is one of them: see proofs/gemm.
        judge = partial(case.judge, study.seed)
        yield Entry("bounds", case.name, "bounds.gemm", judge, "gemm", on_paper=True)
    for convention, promise, judged, theorem_id in (
        (
            "MXFP4 x2 by MXFP4, with a probability",
            "beyond: 0.4 %",
            products.judge_probabilistic,
            "gemm-probabilistic",
        ),
        ("attention, P in MXFP4 x2", "bounds.attention", products.judge_attention, "attention"),
    ):
        judge = partial(judged, study.seed)
        yield Entry("bounds", convention, promise, judge, theorem_id, on_paper=True)
    yield from attention_bounds(study.seed)
    judge = partial(products.judge_int32_overflow)
    yield Entry("bounds", "int32 sums of 127 x 127", "K = 133,144", judge, "int32-overflow")
    for convention, k, digits in (
        ("int32 sums of 127 x 8, INT4 down to -8", "2,113,665", (127, 8)),
        ("int32 sums of 12 x 12, E2M1 in halves", "14,913,080", (12, 12)),
    ):
        judge = partial(products.judge_int32_threshold, *digits)
        yield Entry("bounds", convention, f"K = {k}", judge, "int32-overflow")


TENSOR_PROMISES = (
    Promise("INT8 x2 by row", INT8_X2, M_64516, "int8-decomposition", EVERY_AMAX),
    Promise("MXFP4 x2, CEIL", MXFP4_X2, MXFP4_64, "mxfp4-decomposition", EVERY_AMAX),
    Promise("MXFP8 x1, CEIL", MXFP8_X1, MXFP8_32, "mxfp8-decomposition", EVERY_AMAX),
)


def model(study: Study) -> Iterator[Entry]:
    """Weights and activations of a real transformer."""
    for part in ("weight", "activations"):
        for promise in TENSOR_PROMISES:
            yield _tensor_entry("model", f"{part}, ", partial(_minilm, part), promise)


def _minilm(part: str) -> Array:
    tensor: Array = getattr(minilm(), part)
    return tensor


def tensor(study: Study) -> Iterator[Entry]:
    """Bound the user's tensor."""
    given = study.tensor
    if given is not None:
        for promise in TENSOR_PROMISES:
            yield _tensor_entry("tensor", "", lambda: given, promise)


def _tensor_entry(claim: str, prefix: str, read: Callable[[], Array], promise: Promise) -> Entry:
    convention = f"{prefix}{promise.convention}"
    judge = partial(_judge_tensor, read, promise)
    return Entry(claim, convention, promise.bound.text, judge, promise.theorem)


def _judge_tensor(read: Callable[[], Array], promise: Promise) -> Finding:
    x = read()
    finding = judge_blocks(x, promise)
    y = approximation(x, promise.scheme)
    found = ", ".join(
        f"{name} {errors.EFFECTIVE_BITS[name](x, y):.2f}"
        for name in ("rms_relative", "relative_l2", "equivalent_uniform")
    )
    return replace(finding, notes=(f"effective bits: {found}",))


EVERY = 7
"""Of BF16 patterns, the specification does every seventh: odd, so that all fractions occur."""


def bits(study: Study) -> Iterator[Entry]:
    """Agreement of the three implementations."""
    sampled = partial(agreement.codes_specified, 1 if study.deep else EVERY)
    decompositions = partial(agreement.decompositions_agree, 512 if study.deep else 8, study.seed)
    for convention, judge in (
        ("encode, RNE: all BF16, NumPy = JAX", agreement.codes_agree),
        ("encode, RNE: BF16, NumPy = specification", sampled),
        ("decode: all codes, NumPy = specification", agreement.values_agree),
        ("decompose: NumPy = specification, JAX", decompositions),
    ):
        yield Entry("bits", convention, "equal", judge)
    if CERTIFICATES.is_dir():
        convention = "cast: all binary32, by certificates"
        yield Entry("bits", convention, "equal", agreement.sweeps_agree)


STUDIES: tuple[Callable[[Study], Iterator[Entry]], ...] = (
    c1, c2, c3, c4, c5, c6, c7, c8, model_quality, cann, theorems, product_theorems, model,
    tensor, bits,
)  # fmt: skip


def entries(study: Study, only: str | None = None) -> list[Entry]:
    """Return the entries in the order of the ledger; those of one claim if it is named.

    Raises
    ------
    ValueError
        If there is no such claim.
    """
    ids = [claim.id for claim in CLAIMS]
    if only is not None and only not in ids:
        near = did_you_mean(only, ids)
        raise ValueError(f"claim must be one of {', '.join(ids)}, got {only!r}{near}")
    found = [entry for function in STUDIES for entry in function(study)]
    chosen = [entry for entry in found if only in (None, entry.claim)]
    if not chosen:
        raise ValueError(f"claim {only!r} needs a tensor to judge: --tensor FILE:NAME")
    return chosen


def judge(entry: Entry) -> Row:
    """Judge one entry. What fails is refuted by its witness: no proof is named."""
    try:
        finding = entry.judge()
    except ModuleNotFoundError as error:
        finding = not_run(remedy(error, "verify"))
    known = theorem(entry.theorem or "")
    holds = finding.verdict is Verdict.HOLDS
    return Row(entry, finding, known.proof if known and holds else None)


def ledger(rows: tuple[Row, ...], **settings: object) -> Ledger:
    """Return the ledger of judged rows."""
    present = {row.entry.claim for row in rows}
    return Ledger(tuple(claim for claim in CLAIMS if claim.id in present), rows, settings)
