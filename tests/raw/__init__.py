"""Rows of raw records."""
