"""Heads of attention for claim C7: MSD, with either range of weights, beside every baseline."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

from msdnum.emulator.attention.methods import WeightRange
from msdnum.evidence.attentions import (
    DECOMPOSING,
    DEQUANTIZING,
    AttentionOperands,
    Head,
    as_it_is,
    attention_errors,
)

__all__ = ["ATTENTION_BASELINES", "ATTENTION_METHODS", "attended", "measured"]

ATTENTION_METHODS: dict[str, Callable[[Head], AttentionOperands]] = {
    "MSD": lambda head: as_it_is(head, DECOMPOSING[head.format]),
    "MSD, row max": lambda head: as_it_is(
        head, replace(DECOMPOSING[head.format], range=WeightRange.AMAX)
    ),
}
"""MSD with either range of the softmax weights."""

ATTENTION_BASELINES = DEQUANTIZING
"""What dequantization can mean in attention, by name."""


def attended(name: str) -> Callable[[Head], AttentionOperands]:
    """Return the method or baseline of that name."""
    return (ATTENTION_METHODS | ATTENTION_BASELINES)[name]


def measured(head: Head) -> Iterator[dict[str, Any]]:
    """Yield a row for each method and baseline."""
    for name in (*ATTENTION_METHODS, *ATTENTION_BASELINES):
        yield {"method": name, **asdict(attention_errors(head, attended(name)))}
