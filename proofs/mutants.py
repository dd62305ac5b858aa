"""Wrong statements and cheats: ``python proofs/check.py --mutants`` must refuse every one."""

import re
from typing import NamedTuple

from audit import MALFORMED


class Mutant(NamedTuple):
    """In the ``file`` of a ``theorem``, ``old``, found once (``within``), becomes ``new``."""

    theorem: str
    file: str
    old: str
    new: str
    within: str = ""

    @property
    def title(self) -> str:
        """What is wrong."""
        return " ".join(f"{self.old} -> {self.new}".split())

    def change(self, text: str) -> str:
        """Return the text of the file with the mutation."""
        before, begin, after = text.partition(f" {self.within} ") if self.within else ("", "", text)
        proved, end, rest = after.partition("Qed.") if self.within else (after, "", "")
        if proved.count(self.old) != 1:
            raise ValueError(f"{self} must name exactly one place, not {proved.count(self.old)}")
        return before + begin + proved.replace(self.old, self.new) + end + rest

    def refusal(self, verdict: str) -> bool:
        """Say whether it is refused for what it states: one that does not parse states nothing."""
        return not MALFORMED.search(verdict)


class Cheat(NamedTuple):
    """A way to have a wrong statement printed as proved: ``old`` becomes ``new``, everywhere."""

    title: str
    old: str
    new: str
    reason: str  # a pattern that the verdict must have
    theorem: str = "int32-overflow"
    file: str = "theorem.v"

    def change(self, text: str) -> str:
        """Return the text of the file with the cheat."""
        if self.old not in text:
            raise ValueError(f"{self} names no place")
        return text.replace(self.old, self.new)

    def refusal(self, verdict: str) -> bool:
        """Say whether it is refused, and for the cheat."""
        return re.search(self.reason, verdict) is not None


def written(title: str, cheat: str, reason: str) -> Cheat:
    """Return a cheat that is a proof of False, and a wrong theorem by it."""
    place = "(** INT8 digits up to 127"
    wrong = "Theorem wrong : threshold 127 127 = 5.\nProof. destruct cheat. Qed.\n\n"
    return Cheat(title, place, f"{cheat}\n{wrong}{place}", f"REFUSED: not allowed: {reason}")


def restated(title: str, theorem: str) -> Cheat:
    """Return a cheat that is another theorem of the same name: its closed statement fails."""
    place = "Theorem no_overflow q w a b :"
    return Cheat(title, place, f"{theorem}\n\nLemma kept q w a b :", "The term .* has type")


LIMIT = "0 < q -> 0 < w -> within q a -> within w b ->\n  Z.of_nat (length a) <= threshold q w ->"
RECURSION = "Fixpoint endless (n : nat) : False := endless n.\nDefinition cheat := endless 0%nat."
AXIOM_IN_STRINGS = 'Ltac one := idtac "(*".\nAxiom cheat : False.\nLtac two := idtac "*)".'
CHEATS = [
    written("an axiom", "Axiom cheat : False.", "Axiom"),
    written(
        "an axiom with a prime in its name",
        "Axiom cheat' : False.\nNotation cheat := cheat'.",
        "Axiom",
    ),
    written(
        "an axiom in a module called as one of Coq's",
        "Module PrimInt63. Axiom cheat : False. End PrimInt63.\nNotation cheat := PrimInt63.cheat.",
        "Module",
    ),
    written(
        "an axiom that a module type declares",
        "Module Type T. Axiom cheat : False. End T.\nDeclare Module M : T.\n"
        "Notation cheat := M.cheat.",
        "Module Type T; Axiom .*; Declare",
    ),
    written("an axiom between two strings", AXIOM_IN_STRINGS, "Axiom"),
    written("a variable outside a section", "Variable cheat : False.", "Variable"),
    written("an admitted lemma", "Lemma cheat : False.\nAdmitted.", "Admitted"),
    written("recursion without an end", f"Unset Guard Checking.\n{RECURSION}", "Unset Guard"),
    written(
        "recursion without an end, by an attribute", f"#[bypass_check(guard)] {RECURSION}", "#"
    ),
    written(
        "a type of all types, itself among them",
        "From Coq Require Hurkens.\nUnset Universe Checking.\n"
        "Definition cheat : False := Hurkens.TypeNeqSmallType.paradox Type eq_refl.",
        "Unset Universe",
    ),
    written(
        "a type of functions on itself",
        "Unset Positivity Checking.\nInductive bad : Prop := Bad (f : bad -> False).\n"
        "Definition self (b : bad) : False := match b with Bad f => f b end.\n"
        "Definition cheat : False := self (Bad self).",
        "Unset Positivity",
    ),
    written(
        "another meaning for a sign",
        'Notation "x = y" := True.\nDefinition cheat : False \\/ True := or_intror I.',
        "Notation",
    ),
    Cheat(
        "an axiom of a library, not one of those allowed",
        "Open Scope Z_scope.",
        "Open Scope Z_scope.\nFrom Coq Require ClassicalEpsilon.\n"
        "Definition choice := ClassicalEpsilon.constructive_indefinite_description.",
        "rests on ClassicalEpsilon.constructive_indefinite_description",
    ),
    Cheat(
        "a theorem turned into an admitted lemma",
        "Theorem no_overflow q w a b :",
        f"Lemma no_overflow q w a b :\n  2 * {LIMIT} int32 (dot a b).\nAdmitted.\n\n"
        "Lemma kept q w a b :",
        "not allowed: Admitted",
    ),
    Cheat("every theorem turned into a lemma", "Theorem", "Lemma", "states no theorem"),
    restated(
        "a premise that nothing satisfies, in a section",
        "Section Cheat.\nHypothesis cheat : False.\nTheorem no_overflow q w a b :\n"
        f"  {LIMIT} int32 (dot a b).\nProof. destruct cheat. Qed.\nEnd Cheat.",
    ),
    restated(
        "a premise that nothing satisfies",
        f"Theorem no_overflow q w a b :\n  q < 0 < q -> {LIMIT} int32 (dot a b).\nProof. lia. Qed.",
    ),
    restated(
        "a weaker theorem",
        "Theorem no_overflow q w a b :\n  0 < q -> 0 < w -> within q a -> within w b ->\n"
        "  2 * Z.of_nat (length a) <= threshold q w -> int32 (dot a b).\n"
        "Proof.\n  intros Hq Hw A B K; assert (D := dot_bound q w a b ltac:(lia) ltac:(lia) A B).\n"
        "  assert (T : threshold q w * (q * w) <= 2 ^ 31 - 1)\n"
        "    by (rewrite Z.mul_comm; apply Z.mul_div_le; nia).\n"
        "  assert (Z.of_nat (length a) * (q * w) <= threshold q w * (q * w))\n"
        "    by (apply Z.mul_le_mono_nonneg_r; nia).\n"
        "  unfold int32; lia.\nQed.",
    ),
    Cheat(
        "a definition that asks for more",
        "Forall (fun x => - q <= x <= q).",
        "Forall (fun x => - q <= x <= q /\\ x <= q / 2).",
        "The term .* has type",
    ),
    Cheat(
        "a theorem that no closed statement covers",
        "(** * int32-overflow *)",
        "(** * int32 *)",
        "has no part",
        file="../Statements.v",
    ),
    Cheat(
        "a certificate that is named in a comment only",
        "Theorem e2m1_absolute x : Rabs x <= 6 -> Rabs (E2M1 x - x) <= 1.\n"
        "Proof. intros H; by_certificate (e2m1_absolute.l1 x). Qed.",
        "(* e2m1_absolute.l1 *)",
        "unused certificates: e2m1_absolute",
        theorem="element-rounding",
    ),
]

REMAINDER = "../Remainder.v"
MUTANTS = [
    # alpha/65 for alpha/64, in units of s1: 4/65 is 0.06153...
    Mutant("mxfp4-decomposition", "x2.gappa", "<= 1b-4", "<= 0.06154"),
    Mutant("mxfp4-decomposition", "theorem.v", "t) <= 1 / 16", "t) <= 4 / 65"),
    Mutant("mxfp4-decomposition", "theorem.v", "(pow2 k / 8 ^ n)", "(pow2 k / 9 ^ n)"),
    Mutant("mxfp4-decomposition", "theorem.v", "(pow2 (-129))", "(pow2 (-130))"),
    # A hint that is false: Gappa believes it, Coq does not.
    Mutant("mxfp4-decomposition", "x2.gappa", "t - q1))/8;", "t - q1))/9;"),
    # NVFP4: smaller constants, and without each hypothesis.
    Mutant(
        "nvfp4-decomposition",
        "theorem.v",
        "Rmax (3 / 17 * A) (T / 64)) ((1 + 2",
        "Rmax (3 / 18 * A) (T / 64)) ((1 + 2",
    ),
    Mutant(
        "nvfp4-decomposition",
        "theorem.v",
        "(3 / 17 * A) (T / 64)) ((1 + 2",
        "(3 / 17 * A) (T / 65)) ((1 + 2",
    ),
    Mutant(
        "nvfp4-decomposition", "theorem.v", "(1 - eps) * (2688 * T)).", "(1 - eps) * (2700 * T))."
    ),
    Mutant("nvfp4-decomposition", "theorem.v", "((1 + 8 * eps) * Rmax", "((1 + 4 * eps) * Rmax"),
    Mutant(
        "nvfp4-decomposition",
        "theorem.v",
        "0 <= eps <= 1 / 64 -> 0 < T -> Rabs x <= A -> pass",
        "0 <= eps -> 0 < T -> Rabs x <= A -> pass",
    ),
    Mutant(
        "nvfp4-decomposition",
        "theorem.v",
        "0 <= eps <= 1 / 64 -> 0 < T -> Rabs x <= A -> pass",
        "0 <= eps <= 1 / 64 -> 0 < T -> x <= A -> pass",
    ),
    Mutant(
        "nvfp4-decomposition",
        "theorem.v",
        "0 <= eps <= 1 / 64 -> 0 < T -> Rabs x <= A -> pass",
        "0 <= eps <= 1 / 64 -> Rabs x <= A -> pass",
    ),
    Mutant(
        "nvfp4-decomposition",
        "theorem.v",
        "Rabs (6 * T * q - A) <= eps * A /\\",
        "6 * T * q - A <= eps * A /\\",
    ),
    Mutant(
        "nvfp4-decomposition",
        "theorem.v",
        "Rabs (s - block_scale q * T) <=",
        "s - block_scale q * T <=",
    ),
    Mutant(
        "nvfp4-decomposition",
        "theorem.v",
        "Rabs (s * t - x) <= eps * A /\\",
        "s * t - x <= eps * A /\\",
    ),
    Mutant(
        "nvfp4-decomposition",
        "theorem.v",
        "<= 8 / 45 * A.\nProof.\n  intros HT",
        "<= 8 / 46 * A.\nProof.\n  intros HT",
    ),
    Mutant(
        "nvfp4-decomposition",
        "theorem.v",
        "Rabs x <= A <= 2688 * T -> 1 / 64",
        "Rabs x <= A -> 1 / 64",
    ),
    Mutant(
        "nvfp4-decomposition",
        "theorem.v",
        "1 / 64 <= block_scale (A / (6 * T)) ->",
        "7 / 512 <= block_scale (A / (6 * T)) ->",
    ),
    Mutant("nvfp4-decomposition", "theorem.v", "(X / 172032).", "(X / 172033)."),
    Mutant(
        "nvfp4-decomposition",
        "theorem.v",
        "Rabs (2688 * T - X) <= eps * X -> Rabs x <= A <= X ->",
        "Rabs (2688 * T - X) <= eps * X -> Rabs x <= A ->",
    ),
    Mutant(
        "nvfp4-decomposition",
        "theorem.v",
        "^ S n * (3 / 17) ^ n * in_tensor",
        "^ S n * (3 / 18) ^ n * in_tensor",
    ),
    Mutant("nvfp4-decomposition", "theorem.v", "= 18 / 17 * d * T.", "= 17 / 17 * d * T."),
    Mutant(
        "nvfp4-decomposition",
        "theorem.v",
        "in_tensor A X <= 8 / 45 * A.",
        "in_tensor A X <= 8 / 46 * A.",
    ),
    Mutant("nvfp4-decomposition", "lowest.gappa", "[0, 17b-10]", "[0, 18b-10]"),
    Mutant("nvfp4-decomposition", "even_scale.gappa", ">= 1b-6", ">= 17b-10"),
    Mutant("nvfp4-decomposition", "even_element.gappa", "[0, 4]", "[0, 3.5]"),
    # Kernels' splits: without each hypothesis, or with a smaller constant.
    Mutant(
        "digit-splits", "theorem.v", "splits_last y a : Rabs (a - y)", "splits_last y a : (a - y)"
    ),
    Mutant("digit-splits", "theorem.v", "Rabs (z - (y - a)) <= u * Rabs (y - a) ->", "True ->"),
    Mutant("digit-splits", "theorem.v", "Rabs (y' - z * rho) <= u * Rabs (z * rho) ->", "True ->"),
    Mutant(
        "digit-splits",
        "theorem.v",
        "c * (2 * u + u ^ 2) + split_error rho u c n",
        "c * u + split_error rho u c n",
    ),
    Mutant(
        "digit-splits",
        "theorem.v",
        "0 < M -> Rabs x <= M -> 0 <= nu ->\n  Rabs (t - X) <= nu * Rabs X -> Rabs (y",
        "0 < M -> 0 <= nu ->\n  Rabs (t - X) <= nu * Rabs X -> Rabs (y",
    ),
    Mutant(
        "digit-splits", "theorem.v", "/ F + (nu + u + nu * u) + e).", "/ F + (nu + nu * u) + e)."
    ),
    Mutant(
        "digit-splits",
        "theorem.v",
        "split_value rho l / F) <= e ->",
        "split_value rho l / F) <= 2 * e ->",
    ),
    Mutant("digit-splits", "theorem.v", "Rabs (p - a / F) <= w ->", "p - a / F <= w ->"),
    Mutant(
        "digit-splits",
        "theorem.v",
        "(c / G + (2 * u + u ^ 2) * Rabs (t - p)",
        "(c / (2 * G) + (2 * u + u ^ 2) * Rabs (t - p)",
    ),
    Mutant("digit-splits", "theorem.v", "(2 * u + u ^ 2) * (d + o) + nu", "u * (d + o) + nu"),
    Mutant("digit-splits", "theorem.v", "(o := e * (1 + nu + d)) :", "(o := e * (1 + nu)) :"),
    Mutant("digit-splits", "theorem.v", "(d := 1 / (2 * F) + u * (1 + nu))", "(d := 1 / (2 * F))"),
    Mutant("digit-splits", "theorem.v", "Rabs (a - v) <= 1 / 2 ->\n  Rabs (p", "Rabs (p"),
    Mutant(
        "element-rounding",
        "theorem.v",
        "cast_with choice f x - x) <=\n    Rmax (unit_roundoff f / (1 +",
        "cast_with choice f x - x) <=\n    Rmax (unit_roundoff f / (2 +",
    ),
    # Digits chosen together: further, nearer, or with other numbers.
    Mutant("joint-rounding", "theorem.v", "reaches 8 (73 / 16)", "reaches 8 (74 / 16)"),
    Mutant("joint-rounding", "theorem.v", "(73 / 16) (1 / 16).", "(73 / 16) (1 / 17)."),
    Mutant("joint-rounding", "theorem.v", "reaches 13 (113 / 52)", "reaches 13 (114 / 52)"),
    Mutant("joint-rounding", "theorem.v", "-> bound <= 73 * error.", "-> bound <= 72 * error."),
    Mutant("joint-rounding", "theorem.v", "-> bound <= 113 * error.", "-> bound <= 112 * error."),
    Mutant(
        "joint-rounding",
        "theorem.v",
        "ratio_8_best bound error : 0 <= bound -> reaches",
        "ratio_8_best bound error : reaches",
    ),
    Mutant("joint-rounding", "theorem.v", "4; 6; 8; 12; -1;", "4; 5; 6; 8; 12; -1;"),
    Mutant("joint-rounding", "theorem.v", "4; 6; 8; 12; -1;", "4; 6; 12; -1;"),
    Mutant(
        "joint-rounding", "theorem.v", "forall x, Rabs x <= bound ->", "forall x, x <= bound ->"
    ),
    Mutant("int8-decomposition", "x1.gappa", "<= 1b-1", "<= 0.499"),
    Mutant("int8-decomposition", "digits.gappa", "|q2| <= 127", "|q2| <= 126"),
    Mutant("int8-decomposition", "theorem.v", "<= M / 64516.", "<= M / 64517."),
    Mutant("int8-decomposition", "theorem.v", "M / 254 ^ n", "M / 255 ^ n"),
    # Without the rounding of the products s * q: false for binary32 arithmetic.
    Mutant("int8-decomposition-float32", "theorem.v", "/ 64516 + u)", "/ 64516)"),
    Mutant("int8-decomposition-float32", "theorem.v", "Rabs q1 <= 127)", "Rabs q1 <= 126)"),
    Mutant("int8-decomposition-float32", "first_digit.gappa", "|q1| <= 127", "|q1| <= 126"),
    Mutant("int8-decomposition-float32", "theorem.v", "M <= 16777214", "M <= 16777215"),
    Mutant("mxfp8-decomposition", "e4m3_x1.gappa", "<= 8", "<= 7.76"),
    Mutant("mxfp8-decomposition", "theorem.v", "pow2 k / 32 ^ n", "pow2 k / 33 ^ n"),
    Mutant("mxfp8-decomposition", "theorem.v", "Rabs x / 17", "Rabs x / 18"),
    Mutant("mxfp4-scale-rules", "theorem.v", "<= 5 / 32 * A.", "<= 5 / 33 * A."),
    Mutant("mxfp4-scale-rules", "theorem.v", "(x / s)) <= 1 / 37 * A.", "(x / s)) <= 1 / 38 * A."),
    Mutant(
        "mxfp4-scale-rules",
        "theorem.v",
        "A' <= 4 * s2 ->\n  Rabs (left s2 (left s1 x)) <= 1 / 37 * A.",
        "A' <= 4 * s2 ->\n  Rabs (left s2 (left s1 x)) <= 1 / 38 * A.",
    ),
    Mutant(
        "mxfp4-scale-rules",
        "theorem.v",
        "A' <= 7 * s2 ->\n  Rabs (left s2 (left s1 x)) <= 1 / 37 * A.",
        "A' <= 7 * s2 ->\n  Rabs (left s2 (left s1 x)) <= 1 / 38 * A.",
    ),
    Mutant("mxfp4-scale-rules", "theorem.v", "<= 1 / 16 * A.", "<= 1 / 17 * A."),
    Mutant("mxfp4-scale-rules", "theorem.v", "<= 1 / 64 * alpha.", "<= 1 / 65 * alpha."),
    Mutant(
        "mxfp4-scale-rules", "theorem.v", "1 <= Rabs (37 - (v + w)).", "2 <= Rabs (37 - (v + w))."
    ),
    Mutant("mxfp4-scale-rules", "four.gappa", "t in [4,5]", "t in [4,5.01]"),
    Mutant("mixed-decomposition", "theorem.v", "<= M / 3556.", "<= M / 3557."),
    Mutant("mixed-decomposition", "mxfp8_mxfp4.gappa", "<= 1 }", "<= 0.999 }"),
    # What the formats, the elements and the scales must satisfy.
    Mutant("remainder", REMAINDER, "(mantissa f <? 2 ^ precision f)", "(mantissa f <? 5)"),
    Mutant("remainder", REMAINDER, "(eta f <=? exponent f)", "(eta f <=? exponent f + 1)"),
    Mutant("remainder", REMAINDER, "(0 <? mantissa f)", "(-1 <? mantissa f)"),
    Mutant("remainder", REMAINDER, "<= Rabs (x - z).", "<= 2 * Rabs (x - z)."),
    Mutant("remainder", REMAINDER, "/\\ 0 < snd term.", "/\\ snd term <> 0."),
    Mutant(
        "remainder",
        REMAINDER,
        "cast_nearest low choice x : largest f <= low ->",
        "cast_nearest low choice x : 0 <= low ->",
    ),
    Mutant(
        "remainder",
        REMAINDER,
        "sound fs -> Rabs x <= a -> leaves fs x r",
        "sound fs -> x <= a -> leaves fs x r",
    ),
    # The bound itself: too small, or too large to be attained.
    Mutant(
        "remainder",
        REMAINDER,
        "Rmax (t - pow2 k) (pow2 (k - precision f - 1)))",
        "Rmax (t - pow2 k) (pow2 (k - precision f - 2)))",
    ),
    Mutant(
        "remainder",
        REMAINDER,
        "then t else Rmax (t - pow2 k) (pow2 (k - precision f - 1)))",
        "then t else pow2 (k - precision f))",
    ),
    Mutant(
        "remainder",
        REMAINDER,
        "in Rmax (t - largest f) (rounding_error f (binade f c) c).",
        "in rounding_error f (binade f c) c.",
    ),
    # The scale rules, and E8M0's ends.
    Mutant("remainder", REMAINDER, "/\\ ~ fits r amax (pow2 (e - 1)).", "."),
    Mutant("remainder", REMAINDER, "Z.max (-127) (Z.min 127 e).", "Z.max (-128) (Z.min 127 e)."),
    Mutant("remainder", REMAINDER, "Z.max (-127) (Z.min 127 e).", "Z.max (-127) (Z.min 126 e)."),
    Mutant(
        "remainder",
        REMAINDER,
        "0 < Q2R (limit r) -> pow2 (k - 1) < amax <= pow2 k ->",
        "0 < Q2R (limit r) -> 0 < amax <= pow2 k ->",
    ),
    Mutant("remainder", REMAINDER, "Exists (fun x => Rabs x = amax)", "Exists (fun x => x = x)"),
    Mutant("remainder", REMAINDER, "(2 - power (- precision f))", "(2 - power (1 - precision f))"),
    # The numbers of an instance.
    Mutant("remainder", "theorem.v", "1 (5 # 64)); certify", "1 (5 # 63)); certify"),
    Mutant(
        "remainder",
        "theorem.v",
        "odd_scheme := [(e2m1, 0); (e2m1, 5)]",
        "odd_scheme := [(e2m1, 0); (e2m1, 6)]",
    ),
    Mutant("remainder", "theorem.v", "(floor, 1 # 16)", "(floor, 1 # 17)"),
    Mutant("element-rounding", "e4m3_relative.gappa", "<= 1b-4", "<= 0.058"),
    Mutant(
        "element-rounding",
        "theorem.v",
        "(eta f / 2).\nProof.\n  intros F Hx; rewrite",
        "(eta f / 3).\nProof.\n  intros F Hx; rewrite",
    ),
    # Records of formats, each number off by one.
    Mutant("element-rounding", "../Decomposition.v", "Element (-4) 3 4 28", "Element (-3) 3 4 28"),
    Mutant("element-rounding", "../Decomposition.v", "Element (-4) 3 4 28", "Element (-4) 4 4 28"),
    Mutant("element-rounding", "../Decomposition.v", "Element (-4) 3 4 28", "Element (-4) 3 3 28"),
    Mutant("element-rounding", "../Formats.v", "binary (-4) 3.", "binary (-4) 4."),
    # The executable twin: ties away from zero, no saturation, truncation of one bit more.
    Mutant("element-rounding", "../Executable.v", "(negb (Z.even m))", "true"),
    Mutant("element-rounding", "../Executable.v", "saturated (largest f) (run", "id (run"),
    Mutant("gemm", "../Executable.v", "run_truncated (e - f))", "run_truncated (e - f - 1))"),
    Mutant(
        "gemm",
        "theorem.v",
        "schedule R) : R :=\n  ((1 + u) ^ d - 1)",
        "schedule R) : R :=\n  ((1 + u) ^ d - 1 - u)",
    ),
    Mutant("gemm", "theorem.v", "+ 2 * sum (magnitudes rs)", "+ sum (magnitudes rs)"),
    Mutant("gemm", "theorem.v", "* pow2 (- f) + pow2 (- r).", "* pow2 (- f)."),
    # Trees of roundings: without each hypothesis, or with a smaller constant.
    Mutant("gemm", "../InnerProduct.v", "Input x m => Rabs x <= m", "Input x m => x <= m"),
    Mutant("gemm", "../InnerProduct.v", "(0 <= v /\\ 0 <= h) /\\", "(0 <= v /\\ True) /\\"),
    Mutant(
        "gemm",
        "../InnerProduct.v",
        "| Rounded v _ t => (1 + v) * growth t",
        "| Rounded _ _ t => growth t",
    ),
    Mutant(
        "gemm", "../InnerProduct.v", "| Rounded _ h t => underflow t + h", "| Rounded _ h t => h"
    ),
    Mutant(
        "gemm", "../InnerProduct.v", "Rmax 1 (Rabs c) * largest_scale t", "Rabs c * largest_scale t"
    ),
    Mutant("gemm", "../InnerProduct.v", "(underflow t + h)))", "underflow t))"),
    Mutant(
        "gemm", "../InnerProduct.v", "computes W t y a -> peak t <= W ->", "computes W t y a ->"
    ),
    # The whole entry.
    Mutant("gemm", "theorem.v", "In k keys -> remainders k <> [].", "In k keys -> True."),
    Mutant("gemm", "theorem.v", "Rabs r <= b) (remainders k)", "r <= b) (remainders k)"),
    Mutant("gemm", "theorem.v", "Rabs (w' k - w k) <= w_error", "w' k - w k <= w_error"),
    Mutant("gemm", "theorem.v", "0 <= least k /\\ 0 <= w_least k", "0 <= least k"),
    Mutant("gemm", "theorem.v", ":= 2 * sum bounds - lost bounds", ":= sum bounds"),
    Mutant(
        "gemm",
        "theorem.v",
        "growth t <= (1 + u) ^ n -> INR",
        "growth t <= (1 + u) ^ S n -> INR",
        "decomposed_dot",
    ),
    Mutant(
        "gemm",
        "theorem.v",
        "INR n * u < 1 ->\n  largest",
        "INR n * u < 2 ->\n  largest",
        "decomposed_dot",
    ),
    Mutant(
        "gemm", "theorem.v", "largest_scale t <= s -> unscaled t", "unscaled t", "decomposed_dot"
    ),
    Mutant("gemm", "theorem.v", "absolute t <= h -> (1 + g)", "(1 + g)", "decomposed_dot"),
    Mutant("gemm", "theorem.v", "(s * (m + h)) <= W", "(s * m) <= W", "decomposed_dot"),
    # Its counts.
    Mutant("gemm", "theorem.v", "^ (C + (S - 1) + (T - 1)) * g", "^ (C + (S - 1) + (T - 2)) * g"),
    Mutant("gemm", "theorem.v", "INR T * (INR S * (l + INR C * h32))", "INR T * (l + INR C * h32)"),
    Mutant("gemm", "theorem.v", "(length ts <= 2 ^ levels)", "(length ts <= 2 ^ S levels)"),
    Mutant(
        "gemm", "theorem.v", "FLX_exp 24) x -> Rabs", "FLX_exp 25) x -> Rabs", "product_binary32"
    ),
    Mutant(
        "gemm",
        "theorem.v",
        "is_binary32 x -> is_binary32 y ->\n  unless",
        "is_binary32 x ->\n  unless",
    ),
    Mutant("gemm", "theorem.v", "c <> 0 -> Rabs (c' - c)", "Rabs (c' - c)"),
    Mutant(
        "gemm",
        "theorem.v",
        "at_least ps -> (length ps <= group)",
        "(length ps <= group)",
        "matrix_unit_step",
    ),
    Mutant(
        "gemm",
        "theorem.v",
        "at_least ps -> (length ps <= group)",
        "at_least ps -> (length ps <= S group)",
        "matrix_unit_step",
    ),
    Mutant(
        "gemm",
        "theorem.v",
        "pow2 e <= Rmax (pow2 (-126)) (a + sum",
        "pow2 (e - 1) <= Rmax (pow2 (-126)) (a + sum",
    ),
    Mutant("gemm", "theorem.v", "INR n * (u - u ^ 2 / 2) ->", "INR n * u ->"),
    # CDNA3, units that flush, and inputs that are flushed.
    Mutant("gemm", "theorem.v", "((INR group + INR parts + 1)", "((INR group + INR parts)"),
    Mutant("gemm", "theorem.v", "* pow2 (- f) + pow2 (- s) / 2)) *", "* pow2 (- f))) *"),
    Mutant("gemm", "theorem.v", "/ 2)) * (1 + pow2 (- s)) * (1 + u32)", "/ 2)) * (1 + u32)"),
    Mutant("gemm", "theorem.v", "(v * pow2 (-126) + h32) c ps) z", "(v * pow2 (-126)) c ps) z"),
    Mutant("gemm", "theorem.v", "(length parts <= n)%nat -> Forall", "Forall"),
    Mutant("gemm", "theorem.v", "parts -> (joint <= top)%Z ->\n  pow2", "parts ->\n  pow2"),
    Mutant("gemm", "theorem.v", "y' = 0 /\\ Rabs y <= pow2 (top - f) ->", "y' = 0 ->"),
    Mutant("gemm", "theorem.v", "<= u32 * Rabs y + pow2 (-126).", "<= u32 * Rabs y + h32."),
    Mutant(
        "gemm",
        "theorem.v",
        "Forall (fun ps => 0 < length ps <= 2 ^ levels)%nat groups",
        "Forall (fun ps => length ps <= 2 ^ levels)%nat groups",
    ),
    Mutant("gemm", "theorem.v", "^ (length groups + levels) /\\", "^ (length groups) /\\"),
    Mutant("gemm", "theorem.v", "INR (2 * length (concat groups))", "INR (length (concat groups))"),
    Mutant("gemm", "theorem.v", "y = x \\/ y = 0 /\\ Rabs x <= s", "y = x \\/ y = 0"),
    Mutant("gemm", "theorem.v", "Rmin (whole k) (INR T * f k)", "Rmin (whole k) (f k)"),
    Mutant("gemm", "theorem.v", "0 <= f k /\\ 0 <= f' k) ->\n  exact", "0 <= f' k) ->\n  exact"),
    Mutant("gemm", "theorem.v", "dropped (f' k) (w' k) (w'' k)) ->", "True) ->"),
    # The twin of a whole unit, and sums in a narrow format.
    Mutant("gemm", "../Executable.v", "significand x <> 0%Z -> pow2", "pow2", "binade_correct"),
    Mutant("gemm", "../Executable.v", "(zero <= -126)%Z ->", "True ->", "run_aligned_correct"),
    Mutant("gemm", "theorem.v", "(zero <= -126)%Z -> Forall", "Forall", "unit_run"),
    Mutant("gemm", "theorem.v", "(0 < r)%Z -> (zero", "(zero", "unit_run"),
    Mutant("gemm", "theorem.v", "(length ps <= group)", "(length ps <= S group)", "unit_run"),
    Mutant("gemm", "theorem.v", "(v * pow2 (-126)) (map", "0 (map", "unit_run"),
    Mutant(
        "gemm",
        "../InnerProduct.v",
        "proper t -> growth t * (largest_scale t * (unscaled t + absolute t)) <= W ->",
        "proper t ->",
        "within_any_limit",
    ),
    Mutant("gemm", "theorem.v", "(forall k, In k keys -> length (remainders k) <= T)%nat ->", ""),
    Mutant("int32-overflow", "theorem.v", "= 133144", "= 133145"),
    Mutant(
        "attention", "theorem.v", "(exp eps - 1) / (exp eps + 1)", "(exp eps - 1) / (exp eps + 2)"
    ),
    Mutant("attention", "theorem.v", "(exp (e k) - 1) * Rabs (v k - o)", "e k * Rabs (v k - o)"),
    Mutant(
        "attention",
        "theorem.v",
        "Hypothesis some : keys <> [].\nHypothesis close",
        "Hypothesis close",
    ),
    Mutant(
        "attention",
        "theorem.v",
        "Hypothesis close_scores : perturbed eps keys.",
        "Hypothesis close_scores : True.",
    ),
    Mutant("attention", "theorem.v", "0 <= eps -> total", "total", "softmax_distance"),
    Mutant(
        "attention",
        "theorem.v",
        "Rabs (v k) <= V) ->\n  (forall",
        "v k <= V) ->\n  (forall",
        "output_error",
    ),
    Mutant(
        "attention",
        "theorem.v",
        "Rabs (p k - weight' keys k) <= dp k",
        "p k - weight' keys k <= dp k",
        "output_error",
    ),
    Mutant(
        "attention", "theorem.v", "Rabs (w k - v k) <= dw k", "w k - v k <= dw k", "output_error"
    ),
    Mutant(
        "attention",
        "theorem.v",
        "Rabs (snd k - fst k) <= e k",
        "snd k - fst k <= e k",
        "output_deviation",
    ),
    Mutant("attention", "theorem.v", "keys <> [] -> (forall", "(forall", "output_deviation"),
    Mutant(
        "attention",
        "theorem.v",
        "(forall k, In k keys -> 0 < q k) ->\n  (forall",
        "(forall",
        "threshold",
    ),
    Mutant(
        "attention", "theorem.v", "(forall k, In k keys -> 0 <= q k) ->\n", "", "numerator_error"
    ),
    Mutant(
        "attention",
        "theorem.v",
        "exact_value t = total (fun k => w k * v' k) keys ->\n",
        "",
        "numerator_error",
    ),
    Mutant(
        "attention",
        "theorem.v",
        "counted t <= total (fun k => carried k * Rabs (v' k)) keys ->\n",
        "",
        "numerator_error",
    ),
    Mutant(
        "attention",
        "theorem.v",
        "Rabs (mean q v keys - o) <= D",
        "mean q v keys - o <= D",
        "quotient_error",
    ),
    Mutant(
        "attention",
        "theorem.v",
        "Rabs (N - total (fun k => q k * v k) keys) <=",
        "N - total (fun k => q k * v k) keys <=",
        "quotient_error",
    ),
    Mutant(
        "attention",
        "theorem.v",
        "(forall k, In k keys -> 0 < q k) ->\n",
        "True ->\n",
        "quotient_error",
    ),
    Mutant("attention", "theorem.v", "Rabs (y - N / L) <=", "y - N / L <=", "quotient_error"),
    Mutant("attention", "theorem.v", "0 <= g < 1 -> 0 <= u ->", "0 <= g < 1 ->", "quotient_error"),
    # Attention in floating point: without each hypothesis, or with a smaller constant.
    Mutant("attention", "theorem.v", "-> d <= 0 -> Rabs (x - d) <=", "-> Rabs (x - d) <="),
    Mutant("attention", "theorem.v", "Rabs (x - d) <= u * Rabs d ->", "x - d <= u * Rabs d ->"),
    Mutant(
        "attention",
        "theorem.v",
        "Rabs (z - exp x) <= eps * exp x -> powers",
        "z - exp x <= eps * exp x -> powers",
    ),
    Mutant(
        "attention",
        "theorem.v",
        "0 <= u -> 0 <= eps < 1 -> powers u eps way p n ->\n  exists c, p = exp (way + c) /\\ "
        "Rabs c <= u * Rabs way - INR n * ln (1 - eps).",
        "0 <= u -> 0 <= eps < 1 -> powers u eps way p n ->\n  exists c, p = exp (way + c) /\\ "
        "Rabs c <= u * Rabs way + INR n * eps.",
    ),
    Mutant(
        "attention",
        "theorem.v",
        "exists c, t k = q k * exp c /\\ Rabs c <= e k) ->",
        "exists c, t k = q k * exp c /\\ c <= e k) ->",
    ),
    Mutant(
        "attention",
        "theorem.v",
        "(forall k, In k keys -> mean q v keys <= v k -> q k <= q' k) ->",
        "(forall k, In k keys -> mean q v keys <= v k -> q k <= 2 * q' k) ->",
    ),
    Mutant(
        "attention",
        "theorem.v",
        "(forall k, In k keys -> Rabs (p k - q k) <= h k) ->",
        "(forall k, In k keys -> p k - q k <= h k) ->",
    ),
    Mutant(
        "attention",
        "theorem.v",
        "(forall k, In k keys -> Rabs (w k - p k) <= lost k) ->",
        "(forall k, In k keys -> w k - p k <= lost k) ->",
    ),
    Mutant(
        "attention",
        "theorem.v",
        "proper t -> growth t <= 1 + g -> underflow t <= H -> peak",
        "proper t -> growth t <= 2 + g -> underflow t <= H -> peak",
    ),
    Mutant("attention", "theorem.v", "underflow t <= H -> peak t <= W ->", "underflow t <= H ->"),
    Mutant(
        "attention", "theorem.v", "growth t <= 1 + g -> underflow t <= H ->", "growth t <= 1 + g ->"
    ),
    Mutant(
        "attention",
        "theorem.v",
        "Rabs (L - Z) <= g * Z -> 0 <= g < 1 ->",
        "L - Z <= g * Z -> 0 <= g < 1 ->",
    ),
    Mutant("attention", "theorem.v", "<= g * Z -> 0 <= g < 1 ->", "<= g * Z -> 0 <= g <= 1 ->"),
    Mutant(
        "attention",
        "theorem.v",
        "D + (1 + u) / (1 - g) * (n + g * (Rabs o + D)) + u * (Rabs o + D) + h.",
        "D + (1 + u) / (1 - g) * (n + g * Rabs o) + u * (Rabs o + D) + h.",
    ),
    Mutant(
        "attention",
        "theorem.v",
        "D + (1 + u) / (1 - g) * (n + g * (Rabs o + D)) + u * (Rabs o + D) + h.",
        "D + (1 + u) * (n + g * (Rabs o + D)) + u * (Rabs o + D) + h.",
    ),
    Mutant(
        "gemm-probabilistic", "theorem.v", "<= e ^ 2 / (2 * (1 - u)).", "<= e ^ 2 / (2 * (1 + u))."
    ),
    Mutant(
        "gemm-probabilistic",
        "../Probability.v",
        "cosh x <= exp (x ^ 2 / 2).",
        "cosh x <= exp (x ^ 2 / 3).",
    ),
    Mutant("gemm-probabilistic", "theorem.v", "lambda * sqrt (INR d) * u +", "lambda * u +"),
    Mutant(
        "gemm-probabilistic",
        "theorem.v",
        "1 - 2 * (N + 1) * exp (- (lambda ^ 2 / 2)) <=\n    probability",
        "1 - 2 * N * exp (- (lambda ^ 2 / 2)) <=\n    probability",
    ),
    # Computed along: without each part of a step, or with a smaller share.
    Mutant("running-error", "theorem.v", "Rabs (y - x) <= e -> tracks", "y - x <= e -> tracks"),
    Mutant("running-error", "theorem.v", "-> e + e' <= s ->", "-> Rmax e e' <= s ->"),
    Mutant("running-error", "theorem.v", "-> Rabs c * e <= s ->", "-> c * e <= s ->"),
    Mutant("running-error", "theorem.v", "Rabs (z - y) <= v * Rabs z + h ->", "True ->"),
    Mutant("running-error", "theorem.v", "-> e + (v * Rabs z + h) <= s", "-> v * Rabs z + h <= s"),
    Mutant("running-error", "theorem.v", "close da a a' -> tracks y", "tracks y"),
    Mutant("running-error", "theorem.v", "e + dot da (magnitudes b).", "e + dot da b."),
    Mutant(
        "running-error",
        "theorem.v",
        "pow2 (-24) * Rabs (binary32 x) + pow2 (-149) / 2.",
        "pow2 (-24) * Rabs (binary32 x).",
    ),
    Mutant(
        "running-error",
        "theorem.v",
        "is_binary32 x -> is_binary32 y ->\n  Rabs",
        "is_binary32 x ->\n  Rabs",
    ),
    # One martingale: without each hypothesis, or with a smaller constant.
    Mutant("gemm-martingale", "theorem.v", "forall w, Rabs (x w) <= m", "forall w, x w <= m"),
    Mutant("gemm-martingale", "theorem.v", "0 <= v /\\ random s z", "True /\\ random s z"),
    Mutant(
        "gemm-martingale",
        "theorem.v",
        "(forall w, Rabs (z w - outcome_of t w) <=",
        "(forall w, z w - outcome_of t w <=",
    ),
    Mutant(
        "gemm-martingale",
        "theorem.v",
        "| Randomly v _ t => (1 + v) * cap t",
        "| Randomly v _ t => cap t",
    ),
    Mutant("gemm-martingale", "theorem.v", "(v * cap t)]", "(v * gross t)]"),
    Mutant(
        "gemm-martingale",
        "theorem.v",
        "sound t -> at_most u t ->\n  Permutation",
        "sound t ->\n  Permutation",
    ),
    Mutant(
        "gemm-martingale",
        "theorem.v",
        "0 <= lambda -> Forall good parts -> mean_independent (map part_error parts) ->",
        "0 <= lambda -> Forall good parts ->",
    ),
    Mutant("gemm-martingale", "theorem.v", "<= INR (roundings t) * (u * (g *", "<= (u * (g *"),
    Mutant(
        "gemm-martingale",
        "theorem.v",
        "* sqrt (two_norm b delta ^ 2 + INR d *",
        "* sqrt (two_norm b delta ^ 2 + INR (pred d) *",
    ),
    Mutant("gemm-martingale", "theorem.v", "(y - down) / (up - down).", "(up - y) / (up - down)."),
    Mutant(
        "gemm-martingale",
        "theorem.v",
        "+ (1 - chance past) * expected n (past ++ [false]) f",
        "+ chance past * expected n (past ++ [false]) f",
    ),
    Mutant("gemm-martingale", "theorem.v", "up y /\\ y - down y <= u * Rabs y /\\", "up y /\\"),
    Mutant(
        "gemm-martingale", "theorem.v", "     known (S k) x /\\\n     forall p", "     forall p"
    ),
    Mutant("gemm-martingale", "theorem.v", "(u * ((1 + u) ^ d * size t)))).", "(u * size t)))."),
    Mutant(
        "gemm-martingale",
        "theorem.v",
        "pow2 (1 - p) * Rabs y /\\ up - y",
        "pow2 (- p) * Rabs y /\\ up - y",
    ),
    Mutant("rms-error", "theorem.v", "has_bits fs 0 6598", "has_bits fs 0 6600"),
    Mutant("rms-error", "theorem.v", "has_bits fs 3 922", "has_bits fs 3 924"),
    Mutant("rms-error", "theorem.v", "has_bits fs 0 9848", "has_bits fs 0 9850"),
    Mutant("rms-error", "theorem.v", "(11 / 25165824) 9770", "(11 / 25165825) 9770"),
    Mutant("rms-error", "theorem.v", "= - (24) / 35.", "= - (24) / 36."),
    Mutant("rms-error", "theorem.v", "((0 <? a) && valid U fs 0 a cells &&", "((0 <? a) &&"),
    Mutant("rms-error", "theorem.v", "&& (last_end a cells =? 2 * a)", "&& true"),
    Mutant("rms-error", "theorem.v", "&& (last_end 0 cells =? 2 ^ U)", "&& true"),
    Mutant("rms-error", "theorem.v", "&& (2 * b <=? (2 * m + 1) * h)", "&& true"),
    Mutant("rms-error", "theorem.v", "((e =? emin f) || (low <=? a) || (b <=? - low))", "true"),
    Mutant("rms-error", "theorem.v", "&& (Z.abs m <=? 2 ^ prec f)", "&& true"),
    Mutant("rms-error", "theorem.v", "(0 <= b <= 13)%Z ->", "(0 <= b <= 14)%Z ->"),
]
