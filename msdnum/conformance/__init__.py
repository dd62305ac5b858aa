"""Test vectors, their derivation by hand, adapters of other implementations."""
