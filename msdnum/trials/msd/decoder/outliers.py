"""Activations of SmolLM2: how large the largest are, and which scheme loses less of each block."""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum import errors
from msdnum.emulator.decompositions import decompose_terms
from msdnum.emulator.gemm.dequantizing import to_bf16
from msdnum.experiments.tables import Record
from msdnum.formats.schemes import MXFP4_X2, MXFP8_X1, Scheme
from msdnum.trials.msd.comparisons import over

__all__ = ["block_statistics", "input_outliers"]

Array: TypeAlias = NDArray[np.float32]

BLOCK = 32
INPUTS = {"q": "attention", "output": "output", "gate": "feed-forward", "down": "down"}
"""The linears whose inputs are different, and what they are called."""
FIRST = {"first_amax": "amax", "first_mxfp4_x2_loses": "mxfp4_x2_loses"}
"""What is said of the first tokens of texts, too, and the column of the others."""


def input_outliers(texts: tuple[int, int, int, int]) -> Iterator[Record]:
    """Yield a row for the input of each kind of linear of every layer, and one for normal numbers.

    Parameters
    ----------
    texts : tuple of int
        As in ``decoder.runs``; the first token of each text counts apart.
    """
    from msdnum.inputs.jax_decoder import DECODER_LINEARS
    from msdnum.trials.msd.decoder.runs import linear_inputs, token_ids

    ids = token_ids(texts)
    normal = np.random.default_rng(texts[3]).standard_normal((ids.size, 576), np.float32)
    none = dict.fromkeys(FIRST, "")
    yield {"layer": "", "input": "normal", **block_statistics(normal), **none}
    given = dict(zip(DECODER_LINEARS, linear_inputs(texts), strict=True))
    first = np.arange(ids.size) % ids.shape[1] == 0
    for layer in range(len(given["q"])):
        for linear, name in INPUTS.items():
            x = given[linear][layer]
            of_first = block_statistics(x[first])
            apart = {name: of_first[column] for name, column in FIRST.items()}
            yield {"layer": layer, "input": name, **block_statistics(x[~first]), **apart}


def block_statistics(x: Array) -> Record:
    """Return what is said of activations, (tokens, inputs), rounded to BF16, in blocks of 32.

    Parameters
    ----------
    x : ndarray of float32
        At least one token; inputs are a multiple of 32.

    Returns
    -------
    dict
        ``amax`` of all; of tokens the median and the largest ``crest``, amax over root mean square;
        of blocks the same, and the median of the binary orders of magnitude between amax and the
        least nonzero number; the share of blocks in which two passes of MXFP4 lose more than one of
        MXFP8, in the L2 norm; the ratio of what they lose of the whole; and the effective bits of
        both by the RMS of error/x, as the paper has them, and by the relative L2 norm.
    """
    x = np.asarray(to_bf16(x)).astype(np.float32)
    crest, blocks = _crests(x), _crests(x.reshape(-1, BLOCK))
    kept = [_kept(x, scheme) for scheme in (MXFP4_X2, MXFP8_X1)]
    two, one = (_lost(x, each) for each in kept)
    by_ratio = [errors.bits_rms_relative(x, each) for each in kept]
    by_norm = [errors.bits_relative_l2(x, each) for each in kept]
    return {
        "amax": float(np.abs(x).max()),
        "crest_median": float(np.median(crest)),
        "crest_max": float(crest.max()),
        "block_crest_median": float(np.median(blocks)),
        "block_crest_max": float(blocks.max()),
        "range_median": float(np.median(_orders(x.reshape(-1, BLOCK)))),
        "mxfp4_x2_loses": float((two > one).mean()),
        "loss_ratio": over(float(np.sqrt(two.sum())), float(np.sqrt(one.sum()))),
        "mxfp4_x2_rms_bits": by_ratio[0],
        "mxfp8_x1_rms_bits": by_ratio[1],
        "mxfp4_x2_l2_bits": by_norm[0],
        "mxfp8_x1_l2_bits": by_norm[1],
    }


def _crests(rows: Array) -> NDArray[np.float64]:
    """Return amax over root mean square of each row; of zeros, 1."""
    wide = rows.astype(np.float64)
    root, amax = np.sqrt((wide * wide).mean(axis=1)), np.abs(wide).max(axis=1)
    result: NDArray[np.float64] = np.where(root == 0, 1, amax / np.where(root == 0, 1, root))
    return result


def _orders(rows: Array) -> NDArray[np.float64]:
    """Return the base-2 logarithm of the largest over the least nonzero magnitude of each row."""
    sizes = np.abs(rows).astype(np.float64)
    least = np.where(sizes == 0, np.inf, sizes).min(axis=1)
    known = np.isfinite(least)
    result: NDArray[np.float64] = np.zeros(len(rows))
    result[known] = np.log2(sizes.max(axis=1)[known] / least[known])
    return result


def _kept(x: Array, scheme: Scheme) -> NDArray[np.float64]:
    """Return what the terms of a scheme sum to."""
    terms = decompose_terms(to_bf16(x), scheme)
    kept = [np.asarray(term.dequantize()).astype(np.float64) for term in terms]
    total: NDArray[np.float64] = np.sum(kept, axis=0, dtype=np.float64)
    return total


def _lost(x: Array, kept: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the squared L2 norm of what is left of each block."""
    blocks = (x.astype(np.float64) - kept).reshape(-1, BLOCK)
    result: NDArray[np.float64] = (blocks * blocks).sum(axis=1)
    return result
