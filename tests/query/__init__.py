"""Questions to the tables."""
