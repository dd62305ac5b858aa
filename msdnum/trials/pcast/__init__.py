"""P-Cast Precision in FP8 Attention (arXiv:2606.06521) on trial."""

from msdnum.ledger.trial import Paper, Trial
from msdnum.trials.pcast.claims.exactness import P2, p2
from msdnum.trials.pcast.claims.scales import P1, P3, p1, p3
from msdnum.trials.pcast.claims.sinks import P4, P5, P6, p4, p5, p6

__all__ = ["TRIAL"]

TRIAL = Trial(
    "pcast",
    Paper("P-Cast Precision in FP8 Attention", "arXiv:2606.06521"),
    (P1, P2, P3, P4, P5, P6),
    (p1, p2, p3, p4, p5, p6),
    experiments="msdnum.trials.pcast.experiments",
    figures="msdnum.trials.pcast.figures",
)
