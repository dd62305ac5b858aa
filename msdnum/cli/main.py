"""The command line: which commands there are, and how they end."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from msdnum import _extras, _interrupts
from msdnum._names import did_you_mean
from msdnum._repository import NeedsCloneError

__all__ = ["main"]

WRONG_USE, MISSING, NO_READER = 2, 3, 141
EXIT_STATUS = (
    "exit status: 0 as expected, 1 not as expected, 2 wrong use, 3 something that is needed is not "
    "installed, 130 interrupted"
)

COMMANDS = {
    "verify": "judge claims and print the ledger",
    "show": "print one page on a format, scheme or unit",
    "explain": "print statement, proof and witness",
    "prove": "bound what a scheme leaves, yours too, and have Coq check it",
    "sweep": "compare casts of all 2^32 binary32 numbers and certify the result",
    "bench": "time everything beside memcpy and sgemm",
    "measure": "time products of terms and their baselines on the matrix units of JAX's device",
    "device": "judge a machine with a GPU: its bits, its tensor cores beside models, its times",
    "figures": "make every table and every figure of figures/ anew",
    "model": "run MiniLM or SmolLM2 by every variant: results, layers",
    "vectors": "write test vectors, with the source of every answer",
    "recorded": "reproduce recorded results of matrix units, bit for bit",
    "probe": "find out what unit is behind a product, from outside",
    "units": "hold inner products of matrix units beside another implementation's",
    "conform": "hold an implementation against the test vectors",
}
"""Every command and what it does; ``cli/NAME.py`` has its arguments and carries it out."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and what may have been meant, and end with status 2."""
        self.exit(WRONG_USE, f"{self.prog}: error: {message}{self._near(message)}\n")

    def _near(self, message: str) -> str:
        choice = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if choice:
            return did_you_mean(choice[1], re.findall(r"[^', ]+", choice[2]))
        words = message.partition("unrecognized arguments: ")[2].split()
        wrong = next((word.partition("=")[0] for word in words if word[:2] == "--"), None)
        known = self._options()
        return "" if wrong is None or wrong in known else did_you_mean(wrong, known)

    def _options(self) -> list[str]:
        """Return all options of this parser and of its commands."""
        below = [
            parser
            for action in self._actions
            if isinstance(action.choices, dict)
            for parser in action.choices.values()
        ]
        own = [option for action in self._actions for option in action.option_strings]
        return own + [option for parser in below for option in parser._options()]


class Version(argparse.Action):
    """The option that prints versions and ends; what it runs on is looked up only then."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:  # noqa: A002
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=help)

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: Any = None
    ) -> NoReturn:
        """Print a line for each thing that the results depend on."""
        from msdnum.ledger.ledger import MEASURED_WITH, versions

        found = versions(MEASURED_WITH)
        print("\n".join(f"{name} {text or 'not installed'}" for name, text in found.items()))
        parser.exit(0)


def _parser(arguments: Sequence[str]) -> Parser:
    parser = Parser(
        prog="msdnum",
        description="Judge low-bit numerics: what a computation does, and what may be lost.",
        epilog=EXIT_STATUS,
    )
    parser.add_argument("--version", action=Version, help="say it, and what it runs on")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text)
        if name in arguments:
            module = import_module(f"msdnum.cli.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    _check_command(parser, _command(arguments), list(COMMANDS))
    return parser


def _command(arguments: Sequence[str]) -> str | None:
    """Return the first word that is no option."""
    return next((word for word in arguments if not word.startswith("-")), None)


def _check_command(parser: Parser, command: str | None, known: Sequence[str]) -> None:
    if command not in (None, *known):
        near = did_you_mean(str(command), known)
        parser.error(f"COMMAND must be one of {', '.join(known)}, got {command!r}{near}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        In place of those of the process.

    Returns
    -------
    int
        0 as expected, 1 not as expected, 2 wrong use, 3 something that is needed is not
        installed, 130 interrupted, 141 nobody reads.
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
        return _refused(MISSING, _extras.remedy(error, _command(arguments) or ""))
    except NeedsCloneError as error:
        return _refused(MISSING, str(error))
    except (ValueError, TypeError, OSError) as error:
        return _refused(WRONG_USE, str(error))
    except KeyboardInterrupt:
        print("msdnum: interrupted", file=sys.stderr)
        return _interrupts.STATUS


def _refused(status: int, message: str) -> int:
    print(f"msdnum: error: {message}", file=sys.stderr)
    return status
