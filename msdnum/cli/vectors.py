"""``msdnum vectors``: test vectors as files."""

import argparse
from pathlib import Path

from msdnum.conformance.suite import digest, manifest, write

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum vectors``."""
    parser.add_argument("--out", type=Path, metavar="DIR", required=True, help="where to write")


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum vectors``."""
    write(args.out)
    listed = manifest()
    print(f"{listed['count']} vectors in {len(listed['groups'])} groups, sha256 {digest()}")
    return 0
