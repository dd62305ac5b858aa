"""What is fed in: named families, tensors, a small transformer."""
