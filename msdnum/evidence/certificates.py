"""Certificates: theorem remainder with the numbers of one scheme, as a Coq file, and its check."""

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

from msdnum import _cache, _files, bounds
from msdnum._repository import PROOFS
from msdnum.formats.elements import E8M0, ElementFormat
from msdnum.formats.modes import Arithmetic, ScaleRule
from msdnum.formats.schemes import OWN_AMAX, Scheme

__all__ = [
    "ALPHAS", "Certificate", "NotCheckedError", "Range", "RefusedError", "certify", "check",
    "write",
]  # fmt: skip

ALPHAS = range(-149, 129)
"""Exponents of the covering powers of two of binary32 numbers."""

RULES = {
    ScaleRule.CEIL: "covering",
    ScaleRule.FLOOR: "floor",
    ScaleRule.RCEIL: "rceil",
    ScaleRule.EVEN: "even",
}
"""The rules by their names in ``proofs/Remainder.v``."""

CHECKER = "instance.py"


class RefusedError(Exception):
    """The check does not accept a certificate; the message says why."""


class NotCheckedError(Exception):
    """A certificate could not be checked here; the message says why."""


@dataclass(frozen=True)
class Range:
    """What is left of a block whose alpha is ``2**k``, for some k.

    At most ``constant * alpha``, or ``2**underflow`` where that is more.

    Parameters
    ----------
    alphas : range
        The exponents k.
    constant : Fraction
        Share of alpha that may be left.
    underflow : int
        Exponent of the power of two that underflow may leave.
    """

    alphas: range
    constant: Fraction
    underflow: int


@dataclass(frozen=True)
class Certificate:
    """What theorem remainder says of a scheme, and a Coq file that says it.

    Parameters
    ----------
    scheme : Scheme
        With power-of-two scales, or with integer elements in exact arithmetic.
    bound : Fraction
        On what is left of any element, relative to alpha where no scale underflows, or to amax.
    ranges : tuple of Range
        For power-of-two scales, all alphas of binary32; one range nearly always. Empty for scales
        from amax, whose bound is the same for every amax.
    text : str
        The Coq file.
    checked_by : str or None
        The prover that has checked it, and the axioms it rests on; None: nothing has.
    """

    scheme: Scheme
    bound: Fraction
    ranges: tuple[Range, ...]
    text: str
    checked_by: str | None = None


def certify(scheme: Scheme) -> Certificate:
    """Return the certificate of a scheme, checked if there is a Coq to check it.

    Raises
    ------
    ValueError
        If theorem remainder is not about the scheme.
    RefusedError
        If Coq does not accept what was written.
    """
    written = write(scheme)
    try:
        return check(written)
    except NotCheckedError:
        return written


def check(certificate: Certificate) -> Certificate:
    """Have Coq check a certificate, in seconds: its text first, then the axioms it rests on.

    What every certificate needs is compiled once and kept in the user's cache folder.

    Raises
    ------
    RefusedError
        If it is not accepted.
    NotCheckedError
        If Coq, one of its libraries or the proofs are not here.
    """
    checker = PROOFS / CHECKER
    if not checker.is_file():
        raise NotCheckedError("the proofs are not beside this package: it is not a clone")
    with TemporaryDirectory() as name:
        file = Path(name, "instance.v")
        _files.write_text(file, certificate.text)
        kept = ["--kept", str(_cache.folder("coq"))]
        done = subprocess.run(
            [sys.executable, str(checker), str(file), *kept],
            capture_output=True,
            text=True,
            check=False,
        )
    verdict = (done.stdout or done.stderr).strip()
    if done.returncode == 1 and verdict.startswith("refused: "):
        raise RefusedError(verdict.removeprefix("refused: "))
    if done.returncode:
        raise NotCheckedError(verdict.removeprefix("not checked: "))
    return replace(certificate, checked_by=verdict)


def write(scheme: Scheme) -> Certificate:
    """Return the certificate of a scheme, not checked.

    Raises
    ------
    ValueError
        If theorem remainder is not about the scheme.
    """
    if scheme.arithmetic is not Arithmetic.EXACT:
        raise ValueError(
            f"scheme must be in exact arithmetic, which is all that theorem remainder is about, "
            f"got {scheme.name!r}, which rounds every operation to binary32: of INT8 digits so, "
            f"see theorem int8-decomposition-float32"
        )
    if scheme.formats[0].scale != E8M0:
        bound = Fraction(bounds.remainder(scheme))
        return Certificate(scheme, bound, (), _file(scheme, _by_amax(scheme, bound)))
    ranges = _ranges(scheme)
    claims = _by_own_amax if scheme.ratios is OWN_AMAX else _by_ratios
    return Certificate(scheme, ranges[0].constant, ranges, _file(scheme, claims(scheme, ranges)))


def _ranges(scheme: Scheme) -> tuple[Range, ...]:
    """Return where the bound is proportional to alpha, down to underflow, and what is above.

    Above is what E8M0's largest scale cannot cover, as with a format whose largest number is 1.
    """
    left = {k: Fraction(bounds.remainder(scheme, Fraction(2) ** k)) for k in ALPHAS}
    relative = {k: left[k] / Fraction(2) ** k for k in ALPHAS}
    constant = relative[0]
    more = [k for k in ALPHAS if relative[k] > constant]
    end = min((k for k in more if k > 0), default=ALPHAS.stop)
    # Without underflow, a power of two that is never the larger one.
    below = [left[k] for k in more if k < 0] or [constant / 2 ** (1 - ALPHAS.start)]
    underflow = _ceil_log2(max(below))
    usual, above = range(ALPHAS.start, end), range(end, ALPHAS.stop)
    found = Range(usual, constant, underflow)
    if not above:
        return (found,)
    return found, Range(above, max(relative[k] for k in above), underflow)


def _ceil_log2(x: Fraction) -> int:
    exponent = x.numerator.bit_length() - x.denominator.bit_length() - 1
    while Fraction(2) ** exponent < x:
        exponent += 1
    return exponent


# The text


def _file(scheme: Scheme, claims: str) -> str:
    name = _in_comment(scheme.name)
    return f"""\
(* What scheme {name} leaves: theorem remainder with its numbers, as msdnum prove writes it.
   To check it: python proofs/{CHECKER} FILE *)

From Msdnum Require Import Remainder.

(* The exponent of the least spacing, the precision, and the largest number n 2^m as n and m. *)
{_formats(scheme)}

{claims}"""


def _in_comment(name: str) -> str:
    """Return a user's name without what could end a comment."""
    return "".join(c if c.isalnum() or c in " -_.+" else "_" for c in name)


def _names(scheme: Scheme) -> dict[ElementFormat, str]:
    """Name the different elements: by number, for a user's names could be any of Coq's."""
    different = dict.fromkeys(fmt.element for fmt in scheme.formats)
    return {element: f"format{n}" for n, element in enumerate(different, 1)}


def _formats(scheme: Scheme) -> str:
    return "\n".join(
        f"Definition {name} := {_format(element)}. (* {_in_comment(element.name)} *)"
        for element, name in _names(scheme).items()
    )


def _format(element: ElementFormat) -> str:
    largest = Fraction(element.max_finite)
    twos = largest.numerator & -largest.numerator
    mantissa, power = largest.numerator // twos, Fraction(twos, largest.denominator)
    numbers = _ceil_log2(Fraction(element.eta)), element.precision, mantissa, _ceil_log2(power)
    return " ".join(["Format", *map(_integer, numbers)])


def _integer(n: int) -> str:
    return str(n) if n >= 0 else f"({n})"


def _rational(x: Fraction) -> str:
    return f"({x.numerator} # {x.denominator})"


def _terms(scheme: Scheme, seconds: Iterable[str]) -> str:
    """Return the list of each term's format and what belongs to it."""
    names = _names(scheme)
    formats = (names[fmt.element] for fmt in scheme.formats)
    pairs = zip(formats, seconds, strict=True)
    return "[" + "; ".join(f"({name}, {second})" for name, second in pairs) + "]"


def _by_ratios(scheme: Scheme, ranges: tuple[Range, ...]) -> str:
    below = accumulate(scheme.ratio_exponents, initial=0)
    terms = _terms(scheme, map(str, below))
    first = f"{RULES[scheme.formats[0].rule]} {_names(scheme)[scheme.formats[0].element]}"
    head = f"""\
(* Each format, and log2 of the first scale over its own; the rule that gives the first scale. *)
Definition terms := {terms}%Z.
Definition first := {first}.

(* alpha = 2^k; amax, the largest magnitude of the block; 2^e, its scale before E8M0's ends. *)
"""
    claims = [
        f"""\
Theorem claim{n} k amax e x y :
  {_within(found)} -> pow2 (k - 1) < amax <= pow2 k -> ruled first amax e ->
  Rabs x <= amax -> leaves (by_ratios e terms) x y ->
  Rabs y <= {_largest(found)}.
Proof. apply (ratios_remainder first terms {_numbers(found)}); certify. Qed.
"""
        for n, found in enumerate(ranges, 1)
    ]
    return head + "\n".join([*claims, _no_less("ratios_bound first terms 0", ranges[0].constant)])


def _by_own_amax(scheme: Scheme, ranges: tuple[Range, ...]) -> str:
    names = _names(scheme)
    rules = (f"{RULES[fmt.rule]} {names[fmt.element]}" for fmt in scheme.formats)
    head = f"""\
(* Each format, and the rule that gives its scale from what is left of the block. *)
Definition terms := {_terms(scheme, rules)}.

(* alpha = 2^k covers the block. *)
"""
    claims = [
        f"""\
Theorem claim{n} k block left :
  {_within(found)} -> Forall (fun x => Rabs x <= pow2 k) block ->
  leaves_own terms block left ->
  Forall (fun y => Rabs y <= {_largest(found)}) left.
Proof. apply (own_remainder terms {_numbers(found)}); certify. Qed.
"""
        for n, found in enumerate(ranges, 1)
    ]
    return head + "\n".join([*claims, _no_less("own_bound terms 1", ranges[0].constant)])


def _by_amax(scheme: Scheme, bound: Fraction) -> str:
    terms = _terms(scheme, (f"1 # {divisor}" for divisor in scheme.divisors))
    return f"""\
(* Each format, and its scale over amax. *)
Definition terms := {terms}.

(* amax, the largest magnitude of the block. *)
Theorem claim1 amax x y :
  0 < amax -> Rabs x <= amax -> leaves (in_units amax terms) x y ->
  Rabs y <= amax * ({bound.numerator} / {bound.denominator}).
Proof.
  intros A X; apply (remainder_bound terms 1 {_rational(bound)}); [certify | exact A |].
  unfold Q2R; simpl; lra.
Qed.

{_no_less("rational_bound terms 1", bound)}"""


def _within(found: Range) -> str:
    return f"({found.alphas[0]} <= k <= {found.alphas[-1]})%Z"


def _largest(found: Range) -> str:
    constant = f"{found.constant.numerator} / {found.constant.denominator}"
    return f"Rmax ({constant} * pow2 k) (pow2 {_integer(found.underflow)})"


def _numbers(found: Range) -> str:
    """Return the numbers of a range as the theorem takes them."""
    low, high = _integer(found.alphas[0]), _integer(found.alphas[-1])
    return f"{low} {high} {_rational(found.constant)} {_integer(found.underflow)}"


def _no_less(computed: str, bound: Fraction) -> str:
    """State that the constant is the theorem's own where alpha, or amax, is 1."""
    return f"""\
(* What the theorem gives is no less. *)
Theorem no_less : ({computed} == {_rational(bound)})%Q.
Proof. certify. Qed.
"""
