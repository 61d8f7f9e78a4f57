"""How far a long work is."""
