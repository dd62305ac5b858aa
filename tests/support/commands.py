"""Helpers of the tests of the command line."""

from msdnum.__main__ import main
from msdnum.ledger.claims import Entry
from msdnum.ledger.findings import Evidence, Finding, Verdict, Witness


def entry(verdict, expected=Verdict.HOLDS):
    witness = Witness("BF16", (0x3F80, 0x3F14), 1)
    finding = Finding(verdict, "alpha/64", 1.0, Evidence("sampled", 2, "pairs", 5), witness)
    return Entry("C2", "some convention", "alpha/64", lambda: finding, "gemm", expected)


def refused(capsys, *arguments):
    """Return the one line on standard error of a command that was refused."""
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = stop.code
    printed = capsys.readouterr()
    assert status == 2
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err
