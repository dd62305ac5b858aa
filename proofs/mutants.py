"""Wrong statements: ``python proofs/check.py --mutants`` must refuse every one of them."""

from typing import NamedTuple


class Mutant(NamedTuple):
    """In the ``file`` of a ``theorem``, ``old`` (found once) becomes ``new``."""

    theorem: str
    file: str
    old: str
    new: str


MUTANTS = [
    # alpha/65 for alpha/64: 4/65 rounded up to a dyadic number is still below 1/16.
    Mutant("mxfp4-decomposition", "x2.gappa", "<= 1b-4", "<= 0.0616"),
    Mutant("mxfp4-decomposition", "theorem.v", "t) <= 1 / 16", "t) <= 4 / 65"),
    Mutant("mxfp4-decomposition", "theorem.v", "(pow2 k / 8 ^ n)", "(pow2 k / 9 ^ n)"),
    Mutant("mxfp4-decomposition", "theorem.v", "(pow2 (-129))", "(pow2 (-130))"),
]
