"""Huawei's CANN kernels, as their sources have them."""
