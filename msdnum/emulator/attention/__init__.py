"""Emulated attention: online softmax, its exponential, quantized caches."""
