"""The views, one a file; src/dashboard/view.py says what one is."""
