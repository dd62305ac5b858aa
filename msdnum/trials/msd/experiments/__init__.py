"""The tables of Multi-Scale Dequant, one file a family."""
