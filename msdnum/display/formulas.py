"""Formulas in Unicode: the TeX of the proofs as a terminal can show it."""

import re

__all__ = ["in_unicode"]

SIGNS = {
    **{name: chr(code) for name, code in zip(
        ("alpha", "beta", "gamma", "delta", "varepsilon", "eta", "lambda", "mu", "nu", "rho",
         "Sigma", "epsilon"),
        (0x3B1, 0x3B2, 0x3B3, 0x3B4, 0x3B5, 0x3B7, 0x3BB, 0x3BC, 0x3BD, 0x3C1, 0x3A3, 0x3F5),
        strict=True,
    )},
    "le": " ≤ ", "ge": " ≥ ", "ll": " ≪ ", "lt": " < ", "gt": " > ", "pm": "±", "cdot": "·",
    "times": " × ", "in": " ∈ ", "to": " → ", "circ": "∘", "mid": " | ", "sum": "Σ", "prod": "Π",
    "int": "∫", "partial": "∂", "ell": "ℓ", "dots": "...", "ldots": "...", "cdots": "...",
    "lvert": "⟦", "rvert": "⟧", "lVert": "‖", "rVert": "‖", "lceil": "⌈", "rceil": "⌉",
    "lfloor": "⌊", "rfloor": "⌋", "blacksquare": "∎", "quad": "  ", "qquad": "   ", "infty": "∞",
    "phi": "φ", "sigma": "σ", "pi": "π", "tau": "τ", "kappa": "κ", "theta": "θ", "neq": " ≠ ",
    "ne": " ≠ ", "approx": " ≈ ", "equiv": " ≡ ", "ast": "*", "colon": ":",
}  # fmt: skip
NOTHING = (
    "left", "right", "big", "Big", "bigl", "bigr", "Bigl", "Bigr", "displaystyle", "textstyle",
    "limits",
)  # fmt: skip
"""Sizes, of which a terminal has one."""

ACCENTS = {"hat": "\u0302", "tilde": "\u0303", "bar": "\u0304", "vec": "\u20d7"}
SPACES = {",": " ", ";": " ", " ": " ", "!": "", "{": "{", "}": "}", "\\": "; ", "|": "‖", "%": "%"}
RAISED = dict(zip("0123456789+-=()dijkmnpx", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵈⁱʲᵏᵐⁿᵖˣ", strict=True))
LOWERED = dict(
    zip("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True)
)
FORMULA = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$", re.DOTALL)
CODE = re.compile(r"(```.*?```|`[^`\n]*`)", re.DOTALL)
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[{}^_]|\s+|[^\\{}^_\s]")


def in_unicode(text: str) -> str:
    r"""Return Markdown with its formulas in Unicode; code stays as it is.

    Examples
    --------
    >>> from msdnum.display.formulas import in_unicode
    >>> in_unicode(r"$\lvert x \rvert \le \tfrac{37}{64}\alpha$ and $2^{-129}$")
    '|x| ≤ 37/64 α and 2⁻¹²⁹'
    """
    parts = CODE.split(text)
    return "".join(
        part if i % 2 else FORMULA.sub(lambda found: _formula(found[1] or found[2]), part)
        for i, part in enumerate(parts)
    )


def _formula(tex: str) -> str:
    text = re.sub(r"(?<=[⟦⌈⌊(\[])\s+|\s+(?=[⟧⌉⌋)\],;.])", "", _Reader(tex).all())
    return re.sub(r"\s+", " ", text.replace("⟦", "|").replace("⟧", "|")).strip()


class _Reader:
    """What is left of a formula, read from the left."""

    def __init__(self, tex: str) -> None:
        self.tokens = [token.strip() or " " for token in TOKEN.findall(tex)]
        self.place = 0

    def all(self, end: str = "") -> str:
        """Return what is read up to the end, or to the token that closes a group."""
        found = ""
        while self.place < len(self.tokens):
            token = self.tokens[self.place]
            self.place += 1
            if token == end:
                break
            found += self._token(token)
        return found

    def _token(self, token: str) -> str:
        match token:
            case "{":
                return self.all("}")
            case "^":
                return _script(self._argument(), RAISED, "^")
            case "_":
                return _script(self._argument(), LOWERED, "_")
            case _ if token.startswith("\\"):
                return self._command(token[1:])
        return token

    def _command(self, name: str) -> str:
        if name in ("frac", "tfrac", "dfrac"):
            above, below = _grouped(self._argument()), _grouped(self._argument())
            return f"{above}/{below} "
        if name == "sqrt":
            return f"√{_grouped(self._argument())}"
        if name in ACCENTS:
            argument = self._argument()
            return argument[:1] + ACCENTS[name] + argument[1:]
        if name in ("mathrm", "mathtt", "text", "operatorname", "mathbb", "begin", "end"):
            argument = self._argument()
            outlined = {"R": "ℝ", "Q": "ℚ", "Z": "ℤ", "N": "ℕ"} if name == "mathbb" else {}
            return "" if name in ("begin", "end") else outlined.get(argument, argument)
        if name in NOTHING:
            return ""
        return SIGNS.get(name, SPACES.get(name, name))

    def _argument(self) -> str:
        while self.place < len(self.tokens) and self.tokens[self.place] == " ":
            self.place += 1
        if self.place == len(self.tokens):
            return ""
        token = self.tokens[self.place]
        self.place += 1
        return self._token(token).strip()


def _grouped(text: str) -> str:
    """Return an operand of a quotient or root, in brackets where it has parts."""
    return text if re.fullmatch(r"[\w\u0300-\u036f₀-₉ₐ-ₜᵢᵣᵤᵥ⁰-⁹]*", text) else f"({text})"


def _script(text: str, known: dict[str, str], sign: str) -> str:
    text = text.replace(" ", "")
    if all(letter in known for letter in text):
        return "".join(known[letter] for letter in text)
    return f"{sign}{text}" if text.isalnum() else f"{sign}({text})"
