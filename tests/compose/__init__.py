"""compose/: there is no Docker here, so each part is checked against the program that reads it."""
