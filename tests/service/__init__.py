"""The systemd units of docs/systemd."""
