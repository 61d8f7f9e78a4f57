"""The whole product as its users run it: the command line, real processes, real files."""
