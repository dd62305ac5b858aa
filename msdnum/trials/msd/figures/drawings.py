"""Drawings by the name of their table."""

from collections.abc import Callable

from msdnum.experiments.plots import Figure, Records
from msdnum.trials.msd.figures import (
    contexts,
    costs,
    crests,
    decoder,
    model,
    products,
    scale_rules,
    schemes,
)

__all__ = ["DRAWINGS"]

DRAWINGS: dict[str, Callable[[Records], Figure]] = {
    "effective_bits": schemes.effective_bits,
    "passes": schemes.passes,
    "binade": schemes.binade,
    "dynamic_range": schemes.dynamic_range,
    "cann_variants": schemes.cann,
    "scale_rules": scale_rules.scale_rules,
    "design_space": schemes.design_space,
    "gemm_accuracy": products.accuracy,
    "gemm_claim": products.claim,
    "float32_reference": products.float32_reference,
    "gemm_length": products.length,
    "crests": crests.crests,
    "gemm_conditions": products.conditions,
    "gemm_crossings": products.crossings,
    "attention_length": model.attention,
    "attention_outliers": model.attention,
    "model_linears": model.linears,
    "model_sentences": model.sentences,
    "model_layers": model.layers,
    "model_attention": model.attentions,
    "decoder_linears": decoder.decoder_linears,
    "decoder_lengthy": decoder.decoder_linears,
    "decoder_layers": decoder.decoder_layers,
    "decoder_attention": decoder.decoder_attentions,
    "decoder_contexts": contexts.decoder_contexts,
    "decoder_outliers": decoder.decoder_outliers,
    "cost_batch": costs.batch,
    "cost_length": costs.length,
    "cost_crossovers": costs.crossovers,
    "cost_sensitivity": costs.sensitivity,
    "cost_roofline": costs.roofline,
    "cost_traffic": costs.traffic,
}
"""What draws a table. Those that are not here are for reading only."""
