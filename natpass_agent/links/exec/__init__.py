"""The exec kind: a command without a terminal. `request` is pure, `pump` carries bytes, `server` serves."""
