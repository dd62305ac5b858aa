"""Numbers on the command line: what is none is named."""

import argparse

import pytest

from msdnum.cli.argument_types import positive, seed_of


def test_numbers_are_what_they_say():
    assert positive("12") == 12
    assert seed_of("0") == 0


@pytest.mark.parametrize(
    ("kind", "text"), [(positive, "0"), (positive, "-1"), (positive, "x"), (seed_of, "1.5")]
)
def test_other_texts_are_named(kind, text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"integer, got '{text}'"):
        kind(text)
