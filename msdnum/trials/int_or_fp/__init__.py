"""INT v.s. FP, Fine-Grained Low-bit Quantization Formats (arXiv:2510.25602) on trial."""

from msdnum.ledger.trial import Paper, Trial
from msdnum.trials.int_or_fp.claims.codes import I6, i6
from msdnum.trials.int_or_fp.claims.crossovers import I1, I2, i1, i2
from msdnum.trials.int_or_fp.claims.eight_and_four_bits import I3, I4, I5, i3, i4, i5

__all__ = ["TRIAL"]

TRIAL = Trial(
    "int_or_fp",
    Paper("INT v.s. FP", "arXiv:2510.25602"),
    (I1, I2, I3, I4, I5, I6),
    (i1, i2, i3, i4, i5, i6),
    experiments="msdnum.trials.int_or_fp.experiments",
    figures="msdnum.trials.int_or_fp.figures",
)
