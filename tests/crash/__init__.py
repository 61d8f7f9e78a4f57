"""Jobs, broker and databases killed at random moments: at the end every store holds what the batch oracle says, row by row."""
