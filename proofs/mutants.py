"""Wrong statements: ``python proofs/check.py --mutants`` must refuse every one of them."""

from typing import NamedTuple


class Mutant(NamedTuple):
    """In the ``file`` of a ``theorem``, ``old`` (found once) becomes ``new``."""

    theorem: str
    file: str
    old: str
    new: str


MUTANTS = [
    # alpha/65 for alpha/64, in units of s1: 4/65 is 0.06153...
    Mutant("mxfp4-decomposition", "x2.gappa", "<= 1b-4", "<= 0.06154"),
    Mutant("mxfp4-decomposition", "theorem.v", "t) <= 1 / 16", "t) <= 4 / 65"),
    Mutant("mxfp4-decomposition", "theorem.v", "(pow2 k / 8 ^ n)", "(pow2 k / 9 ^ n)"),
    Mutant("mxfp4-decomposition", "theorem.v", "(pow2 (-129))", "(pow2 (-130))"),
    # A hint that is false: Gappa believes it, Coq does not.
    Mutant("mxfp4-decomposition", "x2.gappa", "t - q1))/8;", "t - q1))/9;"),
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
    Mutant("remainder", "theorem.v", "(mantissa f <? 2 ^ precision f)", "(mantissa f <? 5)"),
    Mutant("remainder", "theorem.v", "(eta f <=? exponent f)", "(eta f <=? exponent f + 1)"),
    Mutant("remainder", "theorem.v", "(0 <? mantissa f)", "(-1 <? mantissa f)"),
    Mutant("remainder", "theorem.v", "<= Rabs (x - z).", "<= 2 * Rabs (x - z)."),
    Mutant("remainder", "theorem.v", "/\\ 0 < snd term.", "/\\ snd term <> 0."),
    Mutant(
        "remainder",
        "theorem.v",
        "cast_nearest low choice x : largest f <= low ->",
        "cast_nearest low choice x : 0 <= low ->",
    ),
    Mutant(
        "remainder",
        "theorem.v",
        "sound fs -> Rabs x <= a -> leaves fs x r",
        "sound fs -> x <= a -> leaves fs x r",
    ),
    # The bound itself: too small, or too large to be attained.
    Mutant(
        "remainder",
        "theorem.v",
        "Rmax (t - pow2 k) (pow2 (k - precision f - 1)))",
        "Rmax (t - pow2 k) (pow2 (k - precision f - 2)))",
    ),
    Mutant(
        "remainder",
        "theorem.v",
        "then t else Rmax (t - pow2 k) (pow2 (k - precision f - 1)))",
        "then t else pow2 (k - precision f))",
    ),
    Mutant(
        "remainder",
        "theorem.v",
        "in Rmax (t - largest f) (rounding_error f (binade f c) c).",
        "in rounding_error f (binade f c) c.",
    ),
    # The scale rules, and E8M0's ends.
    Mutant("remainder", "theorem.v", "/\\ ~ fits r amax (pow2 (e - 1)).", "."),
    Mutant("remainder", "theorem.v", "Z.max (-127) (Z.min 127 e).", "Z.max (-128) (Z.min 127 e)."),
    Mutant("remainder", "theorem.v", "Z.max (-127) (Z.min 127 e).", "Z.max (-127) (Z.min 126 e)."),
    Mutant(
        "remainder",
        "theorem.v",
        "0 < Q2R (limit r) -> pow2 (k - 1) < amax <= pow2 k ->",
        "0 < Q2R (limit r) -> 0 < amax <= pow2 k ->",
    ),
    Mutant("remainder", "theorem.v", "Exists (fun x => Rabs x = amax)", "Exists (fun x => x = x)"),
    Mutant(
        "remainder", "theorem.v", "(2 - power (- precision f))", "(2 - power (1 - precision f))"
    ),
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
    Mutant("element-rounding", "theorem.v", "(eta f / 2).", "(eta f / 3)."),
    Mutant(
        "gemm",
        "theorem.v",
        "schedule R) : R :=\n  ((1 + u) ^ d - 1)",
        "schedule R) : R :=\n  ((1 + u) ^ d - 1 - u)",
    ),
    Mutant("gemm", "theorem.v", "+ 2 * sum (magnitudes rs)", "+ sum (magnitudes rs)"),
    Mutant("gemm", "theorem.v", "* pow2 (- f) + pow2 (- r).", "* pow2 (- f)."),
    Mutant("int32-overflow", "theorem.v", "= 133144", "= 133145"),
    Mutant(
        "attention", "theorem.v", "(exp eps - 1) / (exp eps + 1)", "(exp eps - 1) / (exp eps + 2)"
    ),
    Mutant("attention", "theorem.v", "(exp (e k) - 1) * Rabs (v k - o)", "e k * Rabs (v k - o)"),
    Mutant(
        "gemm-probabilistic", "theorem.v", "<= e ^ 2 / (2 * (1 - u)).", "<= e ^ 2 / (2 * (1 + u))."
    ),
    Mutant(
        "gemm-probabilistic",
        "theorem.v",
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
    Mutant("rms-error", "theorem.v", "rounds_to (bits mean) 6598", "rounds_to (bits mean) 6600"),
    Mutant("rms-error", "theorem.v", "= - (24) / 35.", "= - (24) / 36."),
    Mutant("rms-error", "theorem.v", "two (7 / 196608) /\\", "two (7 / 196607) /\\"),
    Mutant("rms-error", "theorem.v", "(0 <= b <= 13)%Z ->", "(0 <= b <= 14)%Z ->"),
]
