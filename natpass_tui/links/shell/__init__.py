"""Shells: `state` says what happens to one (pure), `session` runs one over a link, `pane` shows it."""
