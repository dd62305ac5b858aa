"""``msdnum verify``: claims judged, as a ledger."""

import argparse
import json
import sys
from pathlib import Path

from msdnum import _extras, _files
from msdnum._cores import cores
from msdnum._interrupts import is_the_command
from msdnum.cli.argument_types import seed_of
from msdnum.cli.judged_rows import Request, judged_rows
from msdnum.cli.worker_processes import add_workers
from msdnum.display.terminal import for_terminal
from msdnum.ledger.findings import Verdict
from msdnum.ledger.trial import as_ledger
from msdnum.trials import JUDGED, trials

__all__ = ["add_arguments", "run"]

VERDICTS = {
    Verdict.HOLDS.short: "good",
    Verdict.CONDITIONAL.value: "strong",
    Verdict.FAILS.short: "bad",
    Verdict.NOT_RUN.short: "faint",
}
"""Cells of the ledger that stand out on a terminal."""

MOST = 4
"""How many processes judge where none is said: each imports everything, and holds 300 MB."""

AS_EXPECTED, NOT_AS_EXPECTED, NOT_RUN = 0, 1, 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum verify``."""
    claims = {
        name: ", ".join(claim.id for claim in trial.claims) for name, trial in trials().items()
    }
    parser.epilog = (
        f"claims of {'; of '.join(f'{name}: {ids}' for name, ids in claims.items() if ids)}. "
        "exit status: 0 as expected, 1 not as expected, 2 wrong use, 3 no row could be run, or, "
        "with --complete, not all of them; 130 interrupted"
    )
    parser.add_argument(
        "trial", nargs="?", metavar="TRIAL", help=f"which; {' and '.join(JUDGED)}, if none is named"
    )
    parser.add_argument("--deep", action="store_true", help="all pairs, in minutes")
    parser.add_argument("--complete", action="store_true", help="fail if a row cannot be run here")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ledger there, too")
    parser.add_argument("--full", action="store_true", help="print theorems, notes and tables, too")
    parser.add_argument("--only", metavar="CLAIM", help="judge one claim; they are named below")
    parser.add_argument("--tensor", metavar="FILE:NAME", help="judge a safetensors tensor, too")
    parser.add_argument(
        "--scales", metavar="FILE:NAME", help="of a tensor of codes, where no known name tells"
    )
    parser.add_argument("--seed", type=seed_of, default=0, help="of all that is sampled (0)")
    # A program that calls this may have no guard against being run again in each of them.
    usable = min(cores(), MOST) if is_the_command() else 1
    add_workers(parser, usable, f"one a core, at most {MOST}")


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum verify``.

    Returns
    -------
    int
        0 if every verdict is the expected one, 1 if one is not, 3 if there is none.

    Raises
    ------
    ValueError
        If there is no such trial or claim, or no tensor to judge.
    """
    request = Request(
        args.trial, args.only, args.deep, args.seed, tensor=args.tensor, scales=args.scales
    )
    chosen = request.trials
    # What can be judged of one claim without them is.
    if args.only is None:
        _extras.require("verify")
    _files.check_writable(args.json, "json file")
    weight = request.weight()
    if weight and weight.read_as:
        _say(f"tensor {args.tensor} is read as {weight.read_as}")
    with _extras.progress_bar(unit=" amax", position=1, leave=False) as step:
        found = request.entries(weight, step)
        if weight and "tensor" not in {entry.claim for entry in found}:
            _say(f"tensor {args.tensor} is not judged: claim tensor is not among those chosen")
        with _extras.progress_bar(total=len(found), unit=" rows", position=0, leave=False) as done:
            rows = judged_rows(request, found, args.workers, done)
    settings = {name: getattr(args, name) for name in ("deep", "seed", "only", "tensor")}
    made = as_ledger(chosen, rows, **settings)
    if args.json:
        _files.write_text(args.json, json.dumps(made.as_dict(), indent=1) + "\n")
    lines = made.full() if args.full else made.brief()
    print("\n".join(for_terminal(lines, VERDICTS, sys.stdout)))
    if made.unexpected:
        return NOT_AS_EXPECTED
    missed = len(made.not_run)
    return NOT_RUN if missed == len(rows) or (missed and args.complete) else AS_EXPECTED


def _say(text: str) -> None:
    """Say beside the ledger, which may be read by a program."""
    print(f"msdnum: {text}", file=sys.stderr)
