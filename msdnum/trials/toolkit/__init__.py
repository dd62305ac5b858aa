"""The toolkit's own claims: bounds hold, bits agree, a user's tensor."""

from msdnum.ledger.trial import Trial
from msdnum.trials.toolkit.agreement import BITS, bits
from msdnum.trials.toolkit.attention import attention_bounds
from msdnum.trials.toolkit.bounds import BOUNDS, decomposition_bounds, product_bounds
from msdnum.trials.toolkit.references import MPMATH, mpmath_references
from msdnum.trials.toolkit.tensors import MODEL, TENSOR, model, tensor

__all__ = ["TRIAL"]

TRIAL = Trial(
    "toolkit",
    None,
    (BOUNDS, MODEL, TENSOR, BITS, MPMATH),
    (
        decomposition_bounds,
        product_bounds,
        attention_bounds,
        model,
        tensor,
        bits,
        mpmath_references,
    ),
)
