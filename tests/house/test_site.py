"""The site: its pages are laid out, its links lead somewhere, its mathematics is MathML.

``make docs`` builds it whole, notebooks and ledgers included; here its parts are tried.
"""

import re
from importlib.util import find_spec

import pytest

from msdnum.experiments import read
from msdnum.trials import trials
from tests.support.paths import ROOT

SITE = ROOT / "docs" / "site"
FORMULAS = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$", re.DOTALL)
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


@pytest.fixture(autouse=True)
def site(monkeypatch):
    monkeypatch.syspath_prepend(SITE)


def test_every_page_has_a_place_and_every_link_leads_somewhere(tmp_path):
    import lay_out

    to = lay_out.places()
    made = ["api.md", "formats.md", "tables.md", *(f"ledger/{name}.md" for name in trials())]
    laid = list(lay_out.pages(to, lay_out.Links(to, made, tmp_path), tmp_path))
    assert len(set(laid)) == len(laid) > 80
    for page in ("index.md", "how-to/own-trial.md", "proofs/gemm/README.md"):
        assert (tmp_path / page).is_file()
    index = (tmp_path / "index.md").read_text()
    assert "(figures/msd/effective_bits.png)" in index
    assert "(proofs/README.md)" in index


def test_a_link_that_leads_nowhere_stops_the_build(tmp_path):
    import lay_out

    page = ROOT / "docs" / "index.md"
    links = lay_out.Links({page: lay_out.Path("index.md")}, [], tmp_path)
    with pytest.raises(SystemExit, match=r"no file for the link docs/index.md: nowhere.md"):
        links.rewritten("[so](nowhere.md)", page)
    assert links.rewritten("[so](https://x.org) `[a](b)`\n```\n[so](no.md)\n```\n", page)
    assert links.rewritten("[the code](../pyproject.toml)", page) == (
        "[the code](files/pyproject.toml)"
    )
    assert (tmp_path / "files" / "pyproject.toml").is_file()


def test_dead_links_and_anchors_of_a_built_site_are_found(tmp_path):
    import links

    (tmp_path / "a.html").write_text('<a href="b.html#there">x</a><h2 id="here">y</h2>')
    (tmp_path / "b.html").write_text(
        '<h1 id="there">t</h1><a href="a.html#gone">x</a><a href="c.html">x</a><a href="#">x</a>'
        '<a href="https://example.org/gone">x</a>'
    )
    assert links.dead(tmp_path) == ["b.html: a.html#gone", "b.html: c.html"]


@pytest.mark.skipif(find_spec("docutils") is None, reason="docutils comes with the group docs")
def test_every_formula_is_mathml():
    import mathml

    pages = [*ROOT.glob("proofs/**/*.md"), *ROOT.glob("figures/**/*.md"), *ROOT.glob("docs/*.md")]
    count = 0
    for page in pages:
        for block, inline in FORMULAS.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
            made = mathml.markup(block or inline, block=bool(block))
            assert made.startswith("<math")
            assert "\\" not in made, page
            count += 1
    assert count > 1000


@pytest.mark.skipif(find_spec("docutils") is None, reason="docutils comes with the group docs")
def test_a_hat_is_over_its_letter_and_the_index_at_the_foot():
    import mathml

    made = "".join(mathml.markup(r"\hat a_k \le \sum_{i=1}^n x", block=False).split())
    assert "<msub><mover" in made
    assert made.index("ˆ") < made.index("<mi>k</mi>")
    assert "<munderover" in made or "<msubsup" in made  # the sum keeps both of its ends


def test_the_tasks_of_the_api_begin_with_names_that_are_there():
    import api_pages

    text = api_pages._tasks()
    assert text.count("\n|") > len(api_pages.TASKS) + len(api_pages.ROOMS)


def test_every_column_of_every_table_has_a_meaning():
    import table_pages

    known, columns = table_pages.meanings(ROOT), set()
    for path in ROOT.glob("figures/*/tables/*.csv"):
        columns |= set(read(path)[1][0])
    assert all(table_pages.meaning(name, known) for name in columns)
    assert [name for name in columns if re.search(r"[^a-z0-9_]", name)] == []
    needless = [k for k in known if not any(c == k or c.endswith(f"_{k}") for c in columns)]
    assert needless == []
    with pytest.raises(ValueError, match="column 'nonsense' must have a meaning"):
        table_pages.meaning("msd_nonsense", known)


def test_every_trial_with_claims_has_its_ledger_in_the_tree():
    listed = re.findall(r"^ledger/(\w+)$", (ROOT / "docs" / "findings.md").read_text(), re.M)
    assert sorted(listed) == sorted(name for name, trial in trials().items() if trial.claims)


def test_every_notebook_is_a_tutorial():
    text = (ROOT / "docs" / "tutorials.md").read_text()
    stems = [path.stem for path in (ROOT / "notebooks").glob("*.ipynb")]
    there = sorted(stems, key=lambda stem: int(stem.split("_")[0]))
    assert re.findall(r"^notebooks/(\w+)$", text, re.M) == there


def test_the_links_of_the_readme_lead_somewhere():
    links = re.findall(r"\]\((?!https://)([^)#]+)", (ROOT / "README.md").read_text())
    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).exists()] == []
