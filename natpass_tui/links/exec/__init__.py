"""Commands without a terminal: `request` says which, `session` carries bytes, `streams` has our own three streams."""
