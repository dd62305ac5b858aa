"""The command ``prove``: a certificate for a scheme, beside the worst that is found of it."""

import argparse
import importlib.util
import sys
from fractions import Fraction
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from msdnum import _files
from msdnum._names import did_you_mean
from msdnum.evidence import certificates
from msdnum.evidence.certificates import Certificate, Range
from msdnum.evidence.worst_cases import Extreme, among_pairs, among_ties
from msdnum.formats.elements import E8M0
from msdnum.formats.schemes import OWN_AMAX, SCHEMES, Scheme

__all__ = ["add_arguments", "run"]

ALL_TIES = 1 << 20
"""Multiples of half the last step, all of which are run."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare scheme and folder."""
    parser.description = "Bound what a scheme leaves, by a theorem that Coq checks for it."
    parser.epilog = f"schemes: {', '.join(SCHEMES)}; your own: FILE.py:NAME. {EXIT_STATUS}"
    parser.add_argument("scheme", metavar="SCHEME", help="a name, or FILE.py:NAME")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the Coq file there")


EXIT_STATUS = "exit status: 0 as expected, checked or not; 1 bound exceeded or refused; 2 wrong use"


def run(args: argparse.Namespace) -> int:
    """Print bound, worst case and what checked it; return the exit status."""
    scheme = load(args.scheme)
    written = certificates.write(scheme)
    path = _place(args.out, scheme)
    found = _worst(scheme)
    _print("scheme", _described(scheme))
    _print("bound", _bound(written))
    _print("worst case", f"{_times(found.error, _unit(scheme))} at {found.witness}")
    _print("of", _tried(scheme, found))
    _print("apart", _apart(written.bound, found.error))
    if path is not None:
        _files.write_text(path, written.text)
        _print("file", str(path))
    accepted, by = _checked(written)
    _print("checked by", by)
    return 0 if accepted and found.error <= written.bound else 1


def _place(folder: Path | None, scheme: Scheme) -> Path | None:
    """Return where the file is kept, before the work and not after it."""
    if folder is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_file_name(scheme.name)}.v"
    _files.check_writable(path, "Coq file")
    return path


def _print(name: str, text: str) -> None:
    print(f"{name:12}{text}", flush=True)


def _checked(certificate: Certificate) -> tuple[bool, str]:
    try:
        return True, str(certificates.check(certificate).checked_by)
    except certificates.NotCheckedError as reason:
        return True, f"nothing: this instance was not checked, {reason}"
    except certificates.RefusedError as reason:
        return False, f"nothing: coqc refuses it, {reason}"


# What the user names


def load(text: str) -> Scheme:
    """Return the scheme of that name, or the one that a user's file has.

    Raises
    ------
    ValueError
        If there is no such scheme or file, or the file cannot be imported.
    TypeError
        If what the file has under that name is no scheme.
    """
    if text.endswith(".py"):
        return _of_file(Path(text), "")
    path, _, name = text.rpartition(":")
    if path.endswith(".py"):
        return _of_file(Path(path), name)
    if text not in SCHEMES:
        near = did_you_mean(text, SCHEMES)
        known = ", ".join(SCHEMES)
        raise ValueError(f"scheme must be one of {known}, or FILE.py:NAME, got {text!r}{near}")
    return SCHEMES[text]


def _of_file(path: Path, name: str) -> Scheme:
    module = _imported(path)
    known = list(SCHEMES.values())
    schemes = [key for key, value in vars(module).items() if isinstance(value, Scheme)]
    schemes = [key for key in schemes if not any(vars(module)[key] is other for other in known)]
    if name not in vars(module):
        has = f"its schemes are {', '.join(schemes)}" if schemes else "it has none"
        near = did_you_mean(name, schemes)
        raise ValueError(f"NAME in {path}:NAME must be a scheme of it: {has}, got {name!r}{near}")
    value = getattr(module, name)
    if not isinstance(value, Scheme):
        raise TypeError(
            f"{path}:{name} must be a Scheme, got {type(value).__name__}: "
            f"covering_scheme and amax_scheme make one of elements"
        )
    return value


def _imported(path: Path) -> ModuleType:
    """Run a user's file as Python runs a script: what lies beside it can be imported."""
    if not path.is_file():
        raise ValueError(f"scheme must be FILE.py:NAME of a file, there is no {str(path)!r}")
    spec = importlib.util.spec_from_file_location("scheme_of_user", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        reached = [line for line in extract_tb(error.__traceback__) if line.filename == str(path)]
        place = f", line {reached[-1].lineno}" if reached else ""
        what = f"{type(error).__name__}: {error}"
        raise ValueError(f"{path} does not import{place}: {what}") from error
    finally:
        sys.path.remove(str(path.parent.resolve()))
        del sys.modules[spec.name]
    return module


def _file_name(name: str) -> str:
    """Return a name that Coq takes, too."""
    kept = "".join(c if c.isascii() and c.isalnum() else "_" for c in name)
    return kept if kept[:1].isalpha() else f"scheme_{kept}"


# What is printed


def _described(scheme: Scheme) -> str:
    elements = " + ".join(fmt.element.name for fmt in scheme.formats)
    ratios = "each scale by its own amax"
    if scheme.ratios is not OWN_AMAX:
        ratios = "ratios " + ", ".join(map(str, scheme.ratios)) if scheme.ratios else "one term"
    return f"{scheme.name}: {elements}, rule {scheme.formats[0].rule.name}, {ratios}"


def _unit(scheme: Scheme) -> str:
    return "alpha" if scheme.formats[0].scale == E8M0 else "amax"


def _bound(certificate: Certificate) -> str:
    if not certificate.ranges:
        return f"{_times(certificate.bound, 'amax')}, for every amax, in exact arithmetic"
    return "; ".join(map(_range, certificate.ranges))


def _range(found: Range) -> str:
    usual = f"{_times(found.constant, 'alpha')} or 2^{found.underflow}"
    return f"{usual}, for alpha from 2^{found.alphas[0]} to 2^{found.alphas[-1]}"


def _times(constant: Fraction, unit: str) -> str:
    """Write a fraction of a unit; a long one as one over a decimal."""
    n, d = constant.numerator, constant.denominator
    if n > 9999:
        return f"{unit}/{float(1 / constant):.7g}"
    whole = unit if n == 1 else f"{n} {unit}"
    return whole if d == 1 else f"{whole}/{d}"


def _worst(scheme: Scheme) -> Extreme:
    """Return the worst of all BF16 pairs, or of the ties of the last term if one of them is worse.

    The ties are binary32 numbers: BF16 is too coarse for what three terms leave.
    """
    pairs = among_pairs(scheme)
    if not isinstance(pairs.bound, Fraction) or 1 / pairs.bound > ALL_TIES:
        return pairs
    return max(pairs, among_ties(scheme, ALL_TIES, 0), key=lambda found: found.error)


def _tried(scheme: Scheme, found: Extreme) -> str:
    """Say what was run, and what was not."""
    if scheme.ratios is OWN_AMAX and scheme.terms > 2:
        return f"{found.evidence}; of scales from the third on, not all"
    return str(found.evidence)


def _apart(bound: Fraction, error: Fraction) -> str:
    if error == bound:
        return "not at all: the bound is met"
    if not error:
        return "nothing is left of these inputs"
    return f"bound / worst case = {float(bound / error):.6g}"
