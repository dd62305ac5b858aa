"""Workloads: attention is two products."""

from msdnum.cost.workloads import Attention


def test_attention_is_two_products():
    scores, values = Attention(1000, 128, batch=2, heads=4, queries=8).gemms
    assert (scores.m, scores.k, scores.n, scores.count) == (8, 128, 1000, 8)
    assert (values.m, values.k, values.n, values.count) == (8, 1000, 128, 8)
    assert (scores.input_bits, scores.output_bits) == (16, 0)
    assert (values.input_bits, values.output_bits) == (0, 16)
