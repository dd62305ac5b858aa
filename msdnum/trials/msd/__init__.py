"""Multi-Scale Dequant (arXiv:2605.13915) on trial."""

from msdnum.ledger.trial import Paper, Trial
from msdnum.trials.msd.claims.attention import c7_attention
from msdnum.trials.msd.claims.caches import c7_caches
from msdnum.trials.msd.claims.cann import CANN, cann
from msdnum.trials.msd.claims.costs import C4, C5, C6, C8, c4, c5, c6, c8
from msdnum.trials.msd.claims.crests import c7_crests
from msdnum.trials.msd.claims.decoder import c3_decoder, c7_decoder, decoder_quality
from msdnum.trials.msd.claims.decompositions import C1, C2, C3, c1, c2, c3
from msdnum.trials.msd.claims.model import c7_model, model_quality
from msdnum.trials.msd.claims.products import C7, c7_products

__all__ = ["TRIAL"]

TRIAL = Trial(
    "msd",
    Paper("Multi-Scale Dequant", "arXiv:2605.13915"),
    (C1, C2, C3, C4, C5, C6, C7, C8, CANN),
    (
        c1,
        c2,
        c3,
        c3_decoder,
        c4,
        c5,
        c6,
        c7_products,
        c7_crests,
        c7_attention,
        c7_model,
        c7_decoder,
        c7_caches,
        c8,
        model_quality,
        decoder_quality,
        cann,
    ),
    experiments="msdnum.trials.msd.experiments.catalogue",
    figures="msdnum.trials.msd.figures.drawings",
)
