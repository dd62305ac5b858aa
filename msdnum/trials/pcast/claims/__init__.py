"""Claims P1 to P6, as the abstract has them."""
