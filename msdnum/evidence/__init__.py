"""Evidence: worst cases, sweeps, products and attention beside their bounds."""

from msdnum.evidence.addition_orders import AdditionOrder, Meeting
from msdnum.evidence.attention_bounds import attention_bound
from msdnum.evidence.attentions import (
    AttentionErrors,
    AttentionOperands,
    Head,
    Shape,
    attention_errors,
)
from msdnum.evidence.bf16_pairs import Profile, Window, every_amax, profile, scale_free
from msdnum.evidence.black_boxes import BlackBox, box_of_accumulator, box_of_function
from msdnum.evidence.cast_sweeps import CASTS, cast_sweep, judge_cast
from msdnum.evidence.conversions import Conversion, conversion
from msdnum.evidence.crests import BlockExpectation, expected_crest, given_largest, largest_square
from msdnum.evidence.decompositions import Pairs, judge_blocks, pairs_of, witness_of
from msdnum.evidence.effective_bits import approximation, samples_of
from msdnum.evidence.large_tensors import judge_tensor
from msdnum.evidence.probing import Fit, Probe, probe, probed
from msdnum.evidence.product_bounds import exact_values, remainders, theorem_gemm
from msdnum.evidence.product_roundings import accumulation
from msdnum.evidence.products import (
    Errors,
    Product,
    ProductResult,
    decomposed,
    errors_of,
    float32_reference,
)
from msdnum.evidence.promises import Bound, Promise, covering, coverings
from msdnum.evidence.quadrature import Density, ExpectedErrors, expected_errors, expected_rounding
from msdnum.evidence.running_bounds import running_product
from msdnum.evidence.score_bounds import ExactAttention
from msdnum.evidence.slice_counts import SliceCount, ozaki_count, ozaki_error, slices_needed
from msdnum.evidence.sweeps import Event, Findings, LargestError, Outcome, Sweep, certificate, run
from msdnum.evidence.unit_features import Features
from msdnum.evidence.worst_cases import Extreme, among_pairs, among_ties, bound_of

__all__ = [
    "CASTS", "AdditionOrder", "AttentionErrors", "AttentionOperands", "BlackBox",
    "BlockExpectation", "Bound", "Conversion", "Density", "Errors", "Event", "ExactAttention",
    "ExpectedErrors", "Extreme", "Features", "Findings", "Fit", "Head", "LargestError", "Meeting",
    "Outcome", "Pairs", "Probe", "Product", "ProductResult", "Profile", "Promise", "Shape",
    "SliceCount", "Sweep", "Window", "accumulation", "among_pairs", "among_ties", "approximation",
    "attention_bound", "attention_errors", "bound_of", "box_of_accumulator", "box_of_function",
    "cast_sweep", "certificate", "conversion", "covering", "coverings", "decomposed", "errors_of",
    "every_amax", "exact_values", "expected_crest", "expected_errors", "expected_rounding",
    "float32_reference", "given_largest", "judge_blocks", "judge_cast", "judge_tensor",
    "largest_square", "ozaki_count", "ozaki_error", "pairs_of", "probe", "probed", "profile",
    "remainders", "run", "running_product", "samples_of", "scale_free", "slices_needed",
    "theorem_gemm", "witness_of",
]  # fmt: skip
