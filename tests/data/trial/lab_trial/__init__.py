"""Products of FP4 numbers on trial: which formats hold them without rounding."""

from collections.abc import Iterator
from functools import partial
from itertools import product

from msdnum.formats import E2M1, E3M2, E4M3, ElementFormat
from msdnum.ledger import Claim, Entry, Evidence, Finding, Paper, Study, Trial, Verdict

__all__ = ["LAB", "TRIAL", "products"]

LAB = Claim(
    "LAB", "every product of two E2M1 numbers is a number of the format", Verdict.CONDITIONAL
)


def products() -> list[tuple[float, float]]:
    """Return all pairs of E2M1 numbers."""
    values = [float(value) for value in E2M1.values if value > 0]
    return list(product(values, values))


def judge(fmt: ElementFormat) -> Finding:
    """Look for a product that is no number of the format."""
    held = {float(value) for value in fmt.values}
    lost = [a * b for a, b in products() if a * b not in held]
    verdict = Verdict.FAILS if lost else Verdict.HOLDS
    seen = Evidence("exhaustive", len(products()), "pairs of positive E2M1 numbers")
    return Finding(verdict, f"{len(lost)} lost", evidence=seen)


def lab(study: Study) -> Iterator[Entry]:
    """Judge two formats."""
    yield Entry("LAB", E4M3.name, "0 lost", partial(judge, E4M3))
    yield Entry("LAB", E3M2.name, "0 lost", partial(judge, E3M2), expected=Verdict.FAILS)


TRIAL = Trial(
    "lab",
    Paper("Products of FP4 numbers", "a lab"),
    (LAB,),
    (lab,),
    experiments=f"{__name__}.experiments",
)
