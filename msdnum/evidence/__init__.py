"""How anything is judged: BF16 pairs, worst cases, sweeps, products and attention beside their bounds."""
