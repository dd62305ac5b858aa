"""Rows on tensors: a real transformer's, or the user's, beside the bounds on decompositions."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from msdnum.evidence.large_tensors import judge_tensor
from msdnum.evidence.promises import EVERY_AMAX, Promise
from msdnum.formats.schemes import INT8_X2, MXFP4_X2, MXFP8_X1
from msdnum.inputs.families import minilm
from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.findings import Finding
from msdnum.ledger.trial import Study
from msdnum.trials.toolkit.promises import M_64516, MXFP4_64, MXFP8_32

__all__ = ["MODEL", "TENSOR", "model", "tensor"]

Array = NDArray[np.float32]

MODEL = Claim("model", "the bounds hold on all-MiniLM-L6-v2, at its first linear layer")
TENSOR = Claim("tensor", "the bounds hold on the tensor given")

TENSOR_PROMISES = (
    Promise("INT8 x2 by row", INT8_X2, M_64516, "int8-decomposition", EVERY_AMAX),
    Promise("MXFP4 x2, CEIL", MXFP4_X2, MXFP4_64, "mxfp4-decomposition", EVERY_AMAX),
    Promise("MXFP8 x1, CEIL", MXFP8_X1, MXFP8_32, "mxfp8-decomposition", EVERY_AMAX),
)


def model(study: Study) -> Iterator[Entry]:
    """Weights and activations of a real transformer."""
    for part in ("weight", "activations"):
        for promise in TENSOR_PROMISES:
            yield _tensor_entry("model", f"{part}, ", partial(_minilm, part), promise, study)


def _minilm(part: str) -> Array:
    tensor: Array = getattr(minilm(), part)
    return tensor


def tensor(study: Study) -> Iterator[Entry]:
    """Bound the user's tensor."""
    given = study.tensor
    if given is not None:
        for promise in TENSOR_PROMISES:
            yield _tensor_entry("tensor", "", lambda: given, promise, study)


def _tensor_entry(
    claim: str, prefix: str, read: Callable[[], Array], promise: Promise, study: Study
) -> Entry:
    convention = f"{prefix}{promise.convention}"

    def judge() -> Finding:
        return judge_tensor(read(), promise, study.progress)

    return Entry(claim, convention, promise.bound.text, judge, promise.theorem)
