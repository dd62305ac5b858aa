"""``msdnum vectors``: test vectors as files."""

import argparse
from pathlib import Path

from msdnum.conformance.own_formats import FURTHER, named_groups
from msdnum.conformance.suite import manifest, write

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum vectors``."""
    parser.add_argument("--out", type=Path, metavar="DIR", required=True, help="where to write")
    parser.add_argument(
        "--formats",
        nargs="+",
        choices=("all", *FURTHER),
        metavar="NAME",
        help=f"those of further formats in place of the suite: all, or {', '.join(FURTHER)}",
    )


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum vectors``."""
    of = None
    if args.formats:
        of = named_groups(FURTHER if "all" in args.formats else dict.fromkeys(args.formats))
    write(args.out, of)
    listed = manifest(of)
    print(f"{listed['count']} vectors in {len(listed['groups'])} groups, sha256 {listed['digest']}")
    return 0
