"""SmolLM2 by every variant of a linear layer and of attention."""
