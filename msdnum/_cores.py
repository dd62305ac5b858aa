"""Cores that this process may use: it may be kept to some of those that are there."""

import os

__all__ = ["cores"]


def cores() -> int:
    """Return how many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
