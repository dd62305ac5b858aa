"""One page on a format, a scheme, a unit or a quantized array."""

from msdnum.reports.one_call import report
from msdnum.reports.pages import (
    Cost,
    Expected,
    Guarantee,
    Integrated,
    Measured,
    Range,
    Storage,
    Sum,
    Worst,
)
from msdnum.reports.report_page import Report

__all__ = [
    "Cost", "Expected", "Guarantee", "Integrated", "Measured", "Range", "Report", "Storage", "Sum",
    "Worst", "report",
]  # fmt: skip
