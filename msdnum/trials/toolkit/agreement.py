"""Rows on bits: the specification, NumPy and jitted JAX compared, and what certificates say."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from msdnum import spec
from msdnum._repository import CERTIFICATES
from msdnum.emulator import elements
from msdnum.emulator.codes import storage_dtype
from msdnum.emulator.decompositions import decompose, decompose_terms
from msdnum.evidence.fingerprint import digest, parts
from msdnum.formats.elements import ELEMENT_FORMATS, ElementFormat, FloatFormat
from msdnum.formats.modes import Overflow
from msdnum.formats.schemes import INT8_X2, INT8_X2_FLOAT32, MXFP4_X2, MXFP8_X1, Scheme
from msdnum.inputs import families as cases
from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.findings import Evidence, Finding, Verdict, Witness, not_run
from msdnum.ledger.trial import Study

__all__ = [
    "BITS", "bits", "codes_agree", "codes_specified", "decompositions_agree", "fingerprint_kept",
    "sweeps_agree", "values_agree",
]  # fmt: skip

BITS = Claim("bits", "specification, NumPy and JAX give the same bits, as far as its rows go")

Array = NDArray[Any]
Mismatch = tuple[str, Witness]

FAMILIES = ("normal", "log_uniform_40", "outlier_per_block", "subnormals", "near_overflow")
SCHEMES = (MXFP4_X2, MXFP8_X1, INT8_X2, INT8_X2_FLOAT32)
JITTED = (MXFP4_X2, MXFP8_X1, INT8_X2_FLOAT32)
EVERY_BFLOAT16 = 1 << 16
FINGERPRINT = "65ccb5296c928df76efb04cf60fa2f4c45271a6c2cfbe55505c54c54b0584925"
"""What ``evidence.fingerprint`` gives, and changes only with the meaning of a format."""
DIGITS = 16
UNCOVERED = (
    "no row has other roundings, scales of block formats, packing, products or attention: "
    "the tests compare those"
)


def _finding(mismatches: Sequence[Mismatch], evidence: Evidence, *notes: str) -> Finding:
    if not mismatches:
        return Finding(Verdict.HOLDS, "0 differ", evidence=evidence, notes=notes)
    what, witness = mismatches[0]
    found = f"{len(mismatches)} differ"
    return Finding(Verdict.FAILS, found, None, evidence, witness, (f"first: {what}", *notes))


def codes_agree() -> Finding:
    """Encode all BF16 numbers to every element format with NumPy and with jitted JAX."""
    import jax

    formats = ELEMENT_FORMATS.values()
    found = chain.from_iterable(_jitted_differs(fmt, jax.jit) for fmt in formats)
    count = sum(len(_encodable(fmt)) for fmt in formats)
    evidence = Evidence("exhaustive", count, f"BF16 numbers to {len(formats)} formats")
    return _finding(list(found), evidence, UNCOVERED)


def codes_specified(step: int) -> Finding:
    """Encode every ``step``-th BF16 number to every element format with NumPy and with spec."""
    formats = ELEMENT_FORMATS.values()
    found = chain.from_iterable(_specified_differs(fmt, step) for fmt in formats)
    count = sum(len(_encodable(fmt)[::step]) for fmt in formats)
    kind, which = ("exhaustive", "") if step == 1 else ("sampled", f", one pattern in {step}")
    evidence = Evidence(kind, count, f"BF16 numbers to {len(formats)} formats{which}")
    return _finding(list(found), evidence)


def _encodable(fmt: ElementFormat) -> NDArray[np.uint16]:
    """Return the BF16 patterns that a format takes: NaN only where it has one."""
    patterns = np.arange(EVERY_BFLOAT16, dtype=np.uint16)
    if isinstance(fmt, FloatFormat) and fmt.nan_code is not None:
        return patterns
    return patterns[(patterns & 0x7FFF) <= 0x7F80]


def _jitted_differs(fmt: ElementFormat, jit: Callable[..., Any]) -> Iterable[Mismatch]:
    patterns = _encodable(fmt)
    x = patterns.view(ml_dtypes.bfloat16)
    encode = partial(elements.encode, fmt=fmt, overflow=Overflow.SATURATE)
    codes, jitted = encode(x), np.asarray(jit(encode)(x))
    for i in np.flatnonzero(codes != jitted):
        yield f"{fmt.name}, NumPy {codes[i]:#x}, JAX {jitted[i]:#x}", _one(patterns[i])


def _specified_differs(fmt: ElementFormat, step: int) -> Iterable[Mismatch]:
    patterns = _encodable(fmt)[::step]
    x = patterns.view(ml_dtypes.bfloat16)
    codes = elements.encode(x, fmt, overflow=Overflow.SATURATE)
    for pattern, number, code in zip(patterns, x.tolist(), codes.tolist(), strict=True):
        specified = spec.encode(spec.from_float(number), fmt, overflow=Overflow.SATURATE)
        if specified != code:
            yield f"{fmt.name}, NumPy {code:#x}, spec {specified:#x}", _one(pattern)


def _one(pattern: np.uint16) -> Witness:
    return Witness("BF16", (int(pattern),), 0)


def values_agree(width: int = 16) -> Finding:
    """Decode every code of every element format of at most ``width`` bits, NumPy and spec."""
    formats = [fmt for fmt in ELEMENT_FORMATS.values() if fmt.bits <= width]
    found = chain.from_iterable(map(_values_differ, formats))
    evidence = Evidence("exhaustive", sum(len(fmt.codes) for fmt in formats), "codes")
    return _finding(list(found), evidence)


def _values_differ(fmt: ElementFormat) -> Iterable[Mismatch]:
    codes = np.arange(len(fmt.codes), dtype=storage_dtype(fmt))
    values = elements.decode(codes, fmt).view(np.uint32)
    for code, value in zip(fmt.codes, values.tolist(), strict=True):
        if value != spec.to_float32_bits(spec.decode(code, fmt)):
            yield f"{fmt.name} code {code:#x}", Witness("BINARY32", (value,), 0)


def decompositions_agree(rows: int, seed: int) -> Finding:
    """Decompose hostile BF16 blocks with spec, with NumPy and, as far as it can, with JAX.

    Exact INT8 needs float64, which JAX has only when the user has switched it on: NumPy alone.
    """
    import jax

    families = [cases.family(name) for name in FAMILIES]
    shape = (rows, cases.BLOCK)
    blocks = [f.generate(shape, rng=np.random.default_rng(seed)) for f in families]
    found = [
        *(_differs_from_spec(scheme, x) for scheme in SCHEMES for x in blocks),
        *(_differs_from_jax(scheme, jax.jit, blocks) for scheme in JITTED),
    ]
    count = len(SCHEMES) * len(FAMILIES) * rows
    evidence = Evidence("sampled", count, "BF16 blocks of 32", seed)
    note = f"JAX: {', '.join(scheme.name for scheme in JITTED)}"
    return _finding(list(chain.from_iterable(found)), evidence, note)


def _differs_from_jax(
    scheme: Scheme, jit: Callable[..., Any], blocks: Sequence[Array]
) -> Iterable[Mismatch]:
    jitted = jit(partial(decompose_terms, scheme=scheme))
    for x in blocks:
        pairs = zip(decompose_terms(x, scheme), jitted(x), strict=True)
        for i, (ours, theirs) in enumerate(pairs, 1):
            differs = (ours.codes != np.asarray(theirs.codes)).any(axis=-1)
            differs |= (ours.scale_codes != np.asarray(theirs.scale_codes)).any(axis=-1)
            for row in np.flatnonzero(differs):
                yield f"{scheme.name} term {i}, NumPy and JAX", _block(x[row])


def _differs_from_spec(scheme: Scheme, x: Array) -> Iterable[Mismatch]:
    result = decompose(x, scheme)
    for k, block in enumerate(x):
        specified = _specified(scheme, block)
        codes = [tuple(term.codes[k].tolist()) for term in result.terms]
        left = [spec.number(v) * result.denominator for v in specified.remainders]
        if codes != list(specified.codes) or left != result.scaled_remainder[k].tolist():
            yield f"{scheme.name}, NumPy and spec", _block(block)


def _specified(scheme: Scheme, block: Array) -> spec.Decomposition:
    return spec.decompose([spec.from_float(float(v)) for v in block], scheme)


def _block(block: Array) -> Witness:
    return Witness("BF16", tuple(block.astype(ml_dtypes.bfloat16).view(np.uint16).tolist()), 0)


def sweeps_agree(directory: Path = CERTIFICATES) -> Finding:
    """Read the committed certificates of ``msdnum sweep`` over all binary32 numbers."""
    paths = sorted(directory.glob("*.json"))
    read = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    documents = [document for document in read if "sweep" in document]
    if not documents:
        return not_run("needs a clone: certificates/cast-*.json, or those of msdnum sweep")
    differ = sum(document["mismatches"] for document in documents)
    count = sum(document["count"] for document in documents)
    return Finding(
        Verdict.FAILS if differ else Verdict.HOLDS,
        f"{differ} differ",
        evidence=Evidence("exhaustive", count, "casts, certified by earlier sweeps"),
        notes=(
            "NumPy, JAX and ml_dtypes alike",
            ", ".join(document["sweep"] for document in documents),
        ),
    )


def fingerprint_kept() -> Finding:
    """Compare the digest of the emulators' bits with that of every other machine and version."""
    computed = list(parts())
    found = digest(part.results() for part in computed)
    return Finding(
        Verdict.HOLDS if found == FINGERPRINT else Verdict.FAILS,
        found[:DIGITS],
        evidence=Evidence("known case", len(computed), "casts, blocks, decompositions, products"),
        notes=(f"SHA-256 {found}",),
    )


EVERY = 7
"""Of BF16 patterns, the specification does every seventh: odd, so that all fractions occur."""


def bits(study: Study) -> Iterator[Entry]:
    """Agreement of the three implementations."""
    sampled = partial(codes_specified, 1 if study.deep else EVERY)
    decompositions = partial(decompositions_agree, 512 if study.deep else 8, study.seed)
    for convention, judge in (
        ("encode, RNE: all BF16, NumPy = JAX", codes_agree),
        ("encode, RNE: BF16, NumPy = specification", sampled),
        ("decode: all codes, NumPy = specification", values_agree),
        ("decompose: NumPy = specification, JAX", decompositions),
    ):
        yield Entry("bits", convention, "equal", judge)
    convention = "casts, blocks, terms, products: digest of NumPy"
    yield Entry("bits", convention, FINGERPRINT[:DIGITS], fingerprint_kept)
    yield Entry("bits", "cast: all binary32, by certificates", "equal", sweeps_agree)
