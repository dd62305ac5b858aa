"""Matrix units: a step of each kind."""
