"""DeepSeek-V3's report (arXiv:2412.19437) on trial: how Hopper adds FP8 products."""

from msdnum.ledger.trial import Paper, Trial
from msdnum.trials.deepseek_v3.claims.bits import D2, D5, d2, d5
from msdnum.trials.deepseek_v3.claims.errors import D1, D3, d1, d3
from msdnum.trials.deepseek_v3.claims.promotion import D4, D6, d4, d6

__all__ = ["TRIAL"]

TRIAL = Trial(
    "deepseek_v3",
    Paper("DeepSeek-V3 Technical Report", "arXiv:2412.19437"),
    (D1, D2, D3, D4, D5, D6),
    (d1, d2, d3, d4, d5, d6),
    experiments="msdnum.trials.deepseek_v3.experiments",
    figures="msdnum.trials.deepseek_v3.figures",
)
