"""Commands without a terminal: `request` says which, `session` carries bytes."""
