"""What `make install` runs: `python -m install`, with nothing but the standard library, as nothing is installed yet."""
