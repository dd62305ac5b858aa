"""Numbers that arguments of the command line are."""

import argparse

__all__ = ["positive", "seed_of"]


def positive(text: str) -> int:
    """Return the positive integer that an argument is."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a positive integer, got {text!r}")
    return int(text)


def seed_of(text: str) -> int:
    """Return the seed that an argument says."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a nonnegative integer, got {text!r}")
    return int(text)
