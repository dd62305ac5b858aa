"""The command line: ``msdnum verify``, ``explain``, ``sweep`` and ``bench``."""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from msdnum import __version__

__all__ = ["main"]

AS_EXPECTED, NOT_AS_EXPECTED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and end with status 2."""
        self.exit(WRONG_USE, f"{self.prog}: error: {message}\n")


def _parser() -> Parser:
    parser = Parser(prog="msdnum", description="Judge the claims of multi-scale dequantization.")
    parser.add_argument("--version", action="version", version=f"msdnum {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_verify(commands.add_parser("verify", help="judge every claim and print the ledger"))
    return parser


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_verify)
    parser.add_argument("--deep", action="store_true", help="all pairs, minutes to an hour")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ledger as JSON")
    parser.add_argument("--only", metavar="CLAIM", help="judge one claim")
    parser.add_argument("--tensor", metavar="FILE:NAME", help="a safetensors tensor to judge, too")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is sampled")


def _verify(args: argparse.Namespace) -> int:
    from msdnum import claims

    _check_writable(args.json)
    tensor = _tensor(args.tensor)
    chosen = claims.entries(claims.Study(args.deep, args.seed, tensor), args.only)
    rows = tuple(claims.judge(entry) for entry in _progress(chosen))
    settings = {name: getattr(args, name) for name in ("deep", "seed", "only", "tensor")}
    ledger = claims.ledger(rows, **settings)
    print("\n".join(ledger.lines()))
    if args.json:
        args.json.write_text(json.dumps(ledger.as_dict(), indent=1) + "\n", encoding="utf-8")
    return NOT_AS_EXPECTED if ledger.unexpected else AS_EXPECTED


def _tensor(source: str | None) -> Any:
    from msdnum.tensors import load_tensor

    return None if source is None else load_tensor(source)


def _progress(items: Sequence[Any]) -> Iterable[Any]:
    """Show a bar on a terminal."""
    if not sys.stderr.isatty():
        return items
    from tqdm import tqdm

    bar: Iterable[Any] = tqdm(items, unit="row", leave=False)
    return bar


def _check_writable(path: Path | None) -> None:
    """Raise before the work, not after it, if a file cannot be written."""
    if path is None:
        return
    try:
        existed = path.exists()
        path.open("a").close()
        if not existed:
            path.unlink()
    except OSError as error:
        raise ValueError(f"json file {str(path)!r} cannot be written: {error.strerror}") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        In place of those of the process.

    Returns
    -------
    int
        0 as expected, 1 not as expected, 2 wrong use, 130 interrupted.
    """
    parser = _parser()
    try:
        args = parser.parse_args(arguments)
        return int(args.run(args))
    except (ValueError, TypeError) as error:
        print(f"msdnum: error: {error}", file=sys.stderr)
        return WRONG_USE
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
