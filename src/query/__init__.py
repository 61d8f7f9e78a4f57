"""Questions to the metrics' tables from the command line: statements and ready ones, answered in bounds of rows and time, read-only."""
