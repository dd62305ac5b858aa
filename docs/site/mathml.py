"""Mathematics as MathML, which browsers show by themselves: no scripts, nothing from a network."""

import re
from html import unescape
from typing import Any
from xml.etree import ElementTree

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

SAME = [
    (r"\\dots\b", r"\\ldots "),
    (r"\\([bB])ig([lr]?)(?![a-zA-Z])", ""),
    (r"\\(?:text|display)style\b", ""),
    (r"\\([td]?)frac\s*(\d)\s*(\d)", r"\\frac{\2}{\3}"),
]
"""What the converter does not know, in words that it does; sizes are MathML's own affair."""


NAMESPACE = "http://www.w3.org/1998/Math/MathML"
ACCENTS = "\u02c6\u02dc\u00af^~"
"""Hat, tilde and bar."""


def markup(tex: str, block: bool) -> str:
    """Return TeX as MathML."""
    for pattern, known in SAME:
        tex = re.sub(pattern, known, tex)
    found = _accents_apart(str(tex2mathml(tex.strip(), as_block=block)))
    return re.sub(r"<mo([^>]*)>([|‖/])</mo>", r'<mo\1 lspace="0" rspace="0">\2</mo>', found)


def _accents_apart(found: str) -> str:
    """Return MathML whose hats are over letters alone: an index stays at the foot of both."""
    ElementTree.register_namespace("", NAMESPACE)
    root = ElementTree.fromstring(re.sub(r"&(?!lt;|gt;|amp;)\w+;", lambda m: unescape(m[0]), found))
    for both in list(root.iter(f"{{{NAMESPACE}}}munderover")):
        letter, index, accent = both
        if accent.text in ACCENTS:
            both.tag = f"{{{NAMESPACE}}}msub"
            for child in (letter, index, accent):
                both.remove(child)
            over = ElementTree.SubElement(both, f"{{{NAMESPACE}}}mover", {"accent": "true"})
            over.extend([letter, accent])
            both.append(index)
    return ElementTree.tostring(root, encoding="unicode")


def inline(writer: Any, node: nodes.math) -> None:
    """Write mathematics inside a sentence."""
    writer.body.append(markup(node.astext(), block=False))
    raise nodes.SkipNode


def display(writer: Any, node: nodes.math_block) -> None:
    """Write mathematics on a line of its own."""
    writer.body.append(markup(node.astext(), block=not node.get("no-wrap")))
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Add the renderer to Sphinx."""
    app.add_html_math_renderer(
        "mathml", inline_renderers=(inline, None), block_renderers=(display, None)
    )
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
