"""The command line: one command a module, and judging and explaining."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from msdnum import __version__, _extras, _files, _interrupts
from msdnum._names import did_you_mean

__all__ = ["main"]

AS_EXPECTED, NOT_AS_EXPECTED, WRONG_USE, NO_READER = 0, 1, 2, 141
EXIT_STATUS = "exit status: 0 as expected, 1 not as expected, 2 wrong use, 130 interrupted"

# Commands of modules with ``add_arguments`` and a function that carries them out.
MODULES = {
    "sweep": (
        "evidence.sweeps",
        "main",
        "compare casts of all 2^32 binary32 numbers and certify the result",
    ),
    "prove": ("cli.prove", "run", "bound what a scheme leaves, yours too, and have Coq check it"),
    "bench": ("bench.quantization", "run", "time everything beside memcpy and sgemm"),
    "measure": (
        "bench.device",
        "run",
        "time MSD and its baselines on the matrix units of JAX's device",
    ),
    "figures": ("experiments.drawing", "run", "make every table and every figure of figures/ anew"),
    "model": (
        "trials.msd.experiments.model",
        "run",
        "run MiniLM by every variant: embeddings, layers",
    ),
    "vectors": ("conformance.suite", "run", "write test vectors, with the source of every answer"),
    "conform": ("conformance.runner", "run", "hold an implementation against the test vectors"),
}


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and end with status 2."""
        self.exit(WRONG_USE, f"{self.prog}: error: {message}\n")


def _parser(arguments: Sequence[str]) -> Parser:
    parser = Parser(
        prog="msdnum",
        description="Judge the claims of multi-scale dequantization.",
        epilog=EXIT_STATUS,
    )
    parser.add_argument("--version", action="version", version=f"msdnum {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    verify = commands.add_parser("verify", help="judge every claim and print the ledger")
    explain = commands.add_parser("explain", help="print statement, proof and witness")
    _add_verify(verify)
    _add_explain(explain)
    if "verify" in arguments or "explain" in arguments:
        _name_what_is_known(verify, explain)
    for name, (home, function, text) in MODULES.items():
        command = commands.add_parser(name, help=text)
        if name in arguments:
            module = import_module(f"msdnum.{home}")
            module.add_arguments(command)
            command.set_defaults(run=getattr(module, function))
    _check_command(parser, _command(arguments), list(commands.choices))
    return parser


def _command(arguments: Sequence[str]) -> str | None:
    """Return the first word that is no option."""
    return next((word for word in arguments if not word.startswith("-")), None)


def _check_command(parser: Parser, command: str | None, known: Sequence[str]) -> None:
    if command not in (None, *known):
        near = did_you_mean(str(command), known)
        parser.error(f"COMMAND must be one of {', '.join(known)}, got {command!r}{near}")


def _name_what_is_known(verify: Parser, explain: Parser) -> None:
    from msdnum.cli.explain import claim_ids
    from msdnum.ledger.theorems import theorem_ids

    known, theorems = f"claims: {', '.join(claim_ids())}", ", ".join(theorem_ids())
    verify.epilog = f"{known}. {EXIT_STATUS}"
    explain.epilog = f"{known}; theorems: {theorems}; test vectors: see msdnum vectors"


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_verify)
    parser.add_argument("--deep", action="store_true", help="all pairs, in minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ledger there, too")
    parser.add_argument("--full", action="store_true", help="print theorems, notes and tables, too")
    parser.add_argument("--only", metavar="CLAIM", help="judge one claim; they are named below")
    parser.add_argument("--tensor", metavar="FILE:NAME", help="judge a safetensors tensor, too")
    parser.add_argument("--seed", type=_seed, default=0, help="of all that is sampled (0)")


def _add_explain(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_explain)
    parser.add_argument("--proof", action="store_true", help="of a claim, all proofs, too")
    parser.add_argument("name", metavar="NAME", help="of a claim, theorem or test vector")


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a nonnegative integer, got {text!r}")
    return int(text)


def _verify(args: argparse.Namespace) -> int:
    from msdnum.inputs.tensors import load_tensor
    from msdnum.trials import claims

    # What can be judged of one claim without them is.
    if args.only is None:
        _extras.require("verify")
    _files.check_writable(args.json, "json file")
    tensor = load_tensor(args.tensor) if args.tensor is not None else None
    with _extras.progress_bar(unit=" amax", position=1, leave=False) as step:
        study = claims.Study(args.deep, args.seed, tensor, step)
        chosen = claims.entries(study, args.only)
        shown = _extras.progress(chosen, unit=" rows", position=0, leave=False)
        rows = tuple(map(claims.judge, shown))
    settings = {name: getattr(args, name) for name in ("deep", "seed", "only", "tensor")}
    ledger = claims.ledger(rows, **settings)
    if args.json:
        text = json.dumps(ledger.as_dict(), indent=1)
        _files.write_text(args.json, text + "\n")
    print("\n".join(ledger.full() if args.full else ledger.brief()))
    return NOT_AS_EXPECTED if ledger.unexpected else AS_EXPECTED


def _explain(args: argparse.Namespace) -> int:
    if "/" in args.name:
        from msdnum.conformance import suite
        from msdnum.conformance.derivations import explain_vector

        suite.keep()
        print(explain_vector(args.name))
        return AS_EXPECTED
    from msdnum.cli.explain import explain, explain_with_proofs

    print("\n".join((explain_with_proofs if args.proof else explain)(args.name)))
    return AS_EXPECTED


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        In place of those of the process.

    Returns
    -------
    int
        0 as expected, 1 not as expected, 2 wrong use, 130 interrupted, 141 nobody reads.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        args = _parser(arguments).parse_args(arguments)
        _interrupts.as_usual()
        return int(args.run(args))
    except BrokenPipeError:
        # The reader has gone, as in ``msdnum verify | head``; nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO_READER
    except ImportError as error:
        return _wrong(_extras.remedy(error, _command(arguments) or ""))
    except (ValueError, TypeError, OSError) as error:
        return _wrong(str(error))
    except KeyboardInterrupt:
        print("msdnum: interrupted", file=sys.stderr)
        return _interrupts.STATUS


def _wrong(message: str) -> int:
    print(f"msdnum: error: {message}", file=sys.stderr)
    return WRONG_USE


if __name__ == "__main__":
    sys.exit(main())
