"""Formulas of the proofs as a terminal shows them: no TeX is left, and code stays."""

import re

import pytest

from msdnum.display.formulas import in_unicode
from tests.support.paths import ROOT


@pytest.mark.parametrize(
    ("tex", "shown"),
    [
        (r"\lvert x \rvert \le \alpha = 2^k", "|x| ≤ α = 2ᵏ"),
        (r"\tfrac12 s_2 = \alpha/64", "1/2 s₂ = α/64"),
        (r"\frac{d u}{1 - d u}", "(d u)/(1 - d u)"),
        (r"\left\lvert x - \sum_{i=1}^{n} s_i q_i \right\rvert", "|x - Σᵢ₌₁ⁿ sᵢ qᵢ|"),
        (r"\max\left(\alpha / 8^n,\; 2^{-129}\right)", "max(α / 8ⁿ, 2⁻¹²⁹)"),
        (r"\hat b_k \in \mathbb{Q}", "b\u0302ₖ ∈ ℚ"),
        (r"\sqrt{d}\,u + \sqrt{2n}", "√d u + √2n"),
        (r"\lceil \log_2 n \rceil", "⌈log₂ n⌉"),
        (r"(1+u)^{d+1} x^{2q}", "(1+u)ᵈ⁺¹ x^2q"),
        (r"a_{i,k} \Big( b \Big)^2", "a_(i,k) (b)²"),
    ],
)
def test_what_a_formula_becomes(tex, shown):
    assert in_unicode(f"so ${tex}$.") == f"so {shown}."


def test_code_and_prose_stay():
    text = "`$x$` costs\n```\n$\\le$\n```\n"
    assert in_unicode(text) == text


def test_no_tex_is_left_of_any_proof():
    for page in ROOT.glob("proofs/*/README.md"):
        shown = re.sub(r"```.*?```|`[^`\n]*`", "", in_unicode(page.read_text()), flags=re.DOTALL)
        assert not re.search(r"[$\\{}⟦⟧]", re.sub(r"\{[^{}\\]*\}", "", shown)), page
