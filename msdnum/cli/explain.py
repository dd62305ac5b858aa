"""``msdnum explain``: a claim, theorem or test vector."""

import argparse
import sys

from msdnum.cli.explanations import claim_ids, explain, explain_with_proofs
from msdnum.display.formulas import in_unicode
from msdnum.display.terminal import for_terminal
from msdnum.ledger.theorems import theorem_ids

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum explain``."""
    parser.epilog = (
        f"claims: {', '.join(claim_ids())}; theorems: {', '.join(theorem_ids())}; "
        "test vectors: see msdnum vectors"
    )
    parser.add_argument("--proof", action="store_true", help="of a claim, all proofs, too")
    parser.add_argument("name", metavar="NAME", help="of a claim, theorem or test vector")


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum explain`` and return 0.

    Raises
    ------
    ValueError
        If there is nothing of that name.
    """
    if "/" in args.name:
        from msdnum.conformance import suite
        from msdnum.conformance.derivations import explain_vector

        suite.keep()
        print(explain_vector(args.name))
    else:
        text = "\n".join((explain_with_proofs if args.proof else explain)(args.name))
        if sys.stdout.isatty():  # A program that reads it gets the source.
            lines = for_terminal(in_unicode(text).split("\n"), {}, sys.stdout)
            text = "\n".join(lines)
        print(text)
    return 0
