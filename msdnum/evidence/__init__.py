"""How anything is judged: worst cases, sweeps, products and attention beside their bounds."""
