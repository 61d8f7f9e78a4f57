"""The installation with two commands."""
