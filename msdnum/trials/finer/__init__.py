"""Is finer better? Two papers that disagree (arXiv:2601.19026, arXiv:2605.08565) on trial."""

from msdnum.ledger.trial import Paper, Trial
from msdnum.trials.finer.claims.anomalies import F1, F2, F3, F4, f1, f2, f3, f4
from msdnum.trials.finer.claims.remedies import F5, F6, f5, f6

__all__ = ["TRIAL"]

TRIAL = Trial(
    "finer",
    Paper("Is Finer Better?, and Finer is Better", "arXiv:2601.19026 and arXiv:2605.08565"),
    (F1, F2, F3, F4, F5, F6),
    (f1, f2, f3, f4, f5, f6),
    experiments="msdnum.trials.finer.experiments",
    figures="msdnum.trials.finer.figures",
)
