"""Records and tables, each defined once; JSON, Arrow, Spark and SQL forms are derived from the one definition."""
