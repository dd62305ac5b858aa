"""The error curve of the Ozaki scheme: FP64 products from INT8 slices."""

from msdnum.ledger.trial import Paper, Trial

__all__ = ["TRIAL"]

TRIAL = Trial(
    "ozaki",
    Paper("DGEMM on integer matrix multiplication unit", "arXiv:2306.11975"),
    (),
    (),
    experiments="msdnum.trials.ozaki.experiments",
    figures="msdnum.trials.ozaki.figures",
)
