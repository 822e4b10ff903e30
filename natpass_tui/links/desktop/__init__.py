"""Desktops. Pure: `request`, `decode`, `screen`, `keys`, `outbox`, `meter`, `status`. `pump` decodes in a thread,
`session` runs one over a link, `pane` shows it."""
