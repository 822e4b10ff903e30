"""The terminal engines: one contract for all, and what no remote may do to the user's terminal."""
